package dotest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

// verb is a typed method and the same call made with Do.
type verb struct {
	method string
	typed  func(ctx context.Context, c *coviu.Client) error
	call   coviu.Call
}

func verbs() []verb {
	id := []string{sessionID}
	start, end := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 9, 25, 0, 0, time.UTC)
	name := map[string]string{"session_name": "Check-up"}
	return []verb{
		{"GET", func(ctx context.Context, c *coviu.Client) error {
			return second(c.Sessions.Get(ctx, sessionID, nil))
		}, coviu.Call{Route: "GET " + sessionRoute, Args: id}},
		{"PUT", func(ctx context.Context, c *coviu.Client) error {
			return second(c.Sessions.Update(ctx, sessionID, &coviu.SessionUpdateRequest{SessionName: new("Check-up")}))
		}, coviu.Call{Route: "PUT " + sessionRoute, Args: id, Body: name}},
		{"DELETE", func(ctx context.Context, c *coviu.Client) error {
			return second(c.Sessions.Delete(ctx, sessionID))
		}, coviu.Call{Route: "DELETE " + sessionRoute, Args: id}},
		{"POST", func(ctx context.Context, c *coviu.Client) error {
			return second(c.Sessions.Create(ctx, &coviu.SessionCreationRequest{StartTime: start, EndTime: end}))
		}, coviu.Call{Route: "POST /sessions", Body: name}},
		{"POST without a body", func(ctx context.Context, c *coviu.Client) error {
			return second(c.Sessions.Create(ctx, &coviu.SessionCreationRequest{StartTime: start, EndTime: end}))
		}, coviu.Call{Route: "POST /sessions"}},
	}
}

func second[T any](_ *T, err error) error { return err }

// result is what the caller and the server know after a call.
type result struct {
	requests, connections int
	text                  string
	kinds                 []error
	attempts              int
	set                   bool
}

var kinds = []error{
	coviu.ErrBadRequest, coviu.ErrUnauthorized, coviu.ErrForbidden, coviu.ErrNotFound, coviu.ErrConflict, coviu.ErrRateLimited,
	coviu.ErrServer, coviu.ErrUnexpectedResponse, coviu.ErrOutcomeUnknown, coviu.ErrAuthentication, context.DeadlineExceeded,
	context.Canceled,
}

func (p *peer) result(err error) result {
	r := result{requests: p.count()}
	r.connections, _ = p.connections()
	if err != nil {
		r.text = err.Error()
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			r.kinds = append(r.kinds, kind)
		}
	}
	if e, ok := errors.AsType[*coviu.APIError](err); ok {
		r.attempts = e.Attempts
	}
	return r
}

// replyFault is a fault of rows 14 to 43, and how many requests reach the server
// if it lasts.
type replyFault struct {
	name   string
	answer func(conn net.Conn, r *http.Request)
	// repeated is the number of requests for a GET, PUT or DELETE, posted the
	// number for a POST.
	repeated, posted int
	// ownText says that the text of a decoding error differs between the two ways.
	ownText bool
}

func replyFaults() []replyFault {
	status := func(status int, lines ...string) func(net.Conn, *http.Request) {
		return func(conn net.Conn, _ *http.Request) { sendStatus(conn, status, "", lines...) }
	}
	raw := func(text string) func(net.Conn, *http.Request) {
		return func(conn net.Conn, _ *http.Request) { send(conn, text); conn.Close() }
	}
	faults := []replyFault{
		{"FIN", func(conn net.Conn, _ *http.Request) { conn.Close() }, 3, 1, false},
		{"no reply", func(conn net.Conn, _ *http.Request) { _, _ = conn.Read(make([]byte, 1)) }, 3, 1, false},
		{"malformed status line", raw("ICY 200 OK\r\n\r\n"), 3, 1, false},
		{"two lengths", raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), 3, 1, false},
		{"headers without end", raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 1<<10)+"\r\n", 128)), 3, 1, false},
		{"body cut by length", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"session_id\":"), 3, 1, false},
		{"body cut in a chunk", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"a\":"), 3, 1, false},
		{"JSON cut by close", raw("HTTP/1.1 200 OK\r\n\r\n{\"session_id\":"), 3, 1, true},
		{"too large", func(conn net.Conn, _ *http.Request) { sendJSON(conn, `{"a":"`+strings.Repeat("a", 1<<16)+`"}`) }, 1, 1, false},
		{"HTML with 200", func(conn net.Conn, _ *http.Request) { sendJSON(conn, "<html>Sign in</html>") }, 1, 1, true},
		{"trailing garbage", func(conn net.Conn, r *http.Request) { sendJSON(conn, model(r)+"x") }, 1, 1, true},
		{"a second value", func(conn net.Conn, r *http.Request) { sendJSON(conn, model(r)+model(r)) }, 1, 1, true},
		{"a byte order mark", func(conn net.Conn, r *http.Request) { sendJSON(conn, "\ufeff"+model(r)) }, 1, 1, true},
		{"one foreign byte", func(conn net.Conn, _ *http.Request) { sendJSON(conn, "x") }, 1, 1, true},
		{"206", func(conn net.Conn, r *http.Request) { sendStatus(conn, http.StatusPartialContent, model(r)) }, 1, 1, false},
		{"401", status(http.StatusUnauthorized), 1, 1, false},
		{"Retry-After of an hour", status(http.StatusServiceUnavailable, "Retry-After: 3600"), 1, 1, false},
		{"429 and an hour", status(http.StatusTooManyRequests, "Retry-After: 3600"), 1, 1, false},
		{"429", status(http.StatusTooManyRequests), 3, 3, false},
	}
	for _, code := range []int{408, 500, 502, 503, 504} {
		faults = append(faults, replyFault{http.StatusText(code), status(code), 3, 1, false})
	}
	for _, code := range []int{301, 302, 303, 307, 308, 400, 403, 404, 409, 422, 501, 505} {
		faults = append(faults, replyFault{http.StatusText(code), status(code, "Location: /v1/sessions"), 1, 1, false})
	}
	return faults
}

// run makes one call in each way against a peer of its own.
func (v verb) run(t *testing.T, a answer, opts ...coviu.Option) (typed, done result) {
	t.Helper()
	opts = append(opts, coviu.WithMaxResponseSize(1<<15))
	p := newPeer(a)
	typed = p.result(v.typed(t.Context(), p.client(t, opts...)))
	typed.set = typed.text == ""

	p = newPeer(a)
	into := map[string]any{"untouched": true}
	v.call.Into = &into
	done = p.result(p.client(t, opts...).Do(t.Context(), v.call))
	done.set = into["untouched"] == nil
	for i := range p.count() {
		r, body := p.request(i)
		_, first := p.request(0)
		require.Equal(t, first, body, "every attempt sends the same body")
		require.NotContains(t, r.Header, "Idempotency-Key")
		require.Equal(t, "application/json", r.Header.Get("Accept"))
		require.Equal(t, "Bearer fixed", r.Header.Get("Authorization"))
		require.Equal(t, v.call.Body != nil, r.Header.Get("Content-Type") != "")
	}
	return typed, done
}

func TestFault77_DoBehavesAsTheTypedMethods(t *testing.T) {
	for _, v := range verbs() {
		for _, fault := range replyFaults() {
			t.Run(v.method+"/"+fault.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					typed, done := v.run(t, func(conn net.Conn, r *http.Request, _ int) { fault.answer(conn, r) })
					want := fault.repeated
					if strings.HasPrefix(v.method, "POST") {
						want = fault.posted
					}
					require.Equal(t, want, done.requests)
					require.NotEmpty(t, done.text)
					if fault.ownText {
						typed.text, done.text = "", ""
					}
					require.Equal(t, typed, done)
				})
			})
		}
	}
}

func TestFault77_DoRecoversAsTheTypedMethods(t *testing.T) {
	for _, v := range verbs() {
		for _, fault := range replyFaults() {
			if fault.repeated == 1 || v.method == "DELETE" && fault.ownText {
				continue
			}
			t.Run(v.method+"/"+fault.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					typed, done := v.run(t, func(conn net.Conn, r *http.Request, n int) {
						if n == 1 {
							fault.answer(conn, r)
							return
						}
						sendJSON(conn, model(r))
					})
					if fault.posted > 1 || !strings.HasPrefix(v.method, "POST") {
						require.Empty(t, done.text)
						require.Equal(t, 2, done.requests)
					} else {
						require.Contains(t, done.kinds, coviu.ErrOutcomeUnknown)
						require.Equal(t, 1, done.requests)
					}
					if fault.ownText {
						typed.text, done.text = "", ""
					}
					require.Equal(t, typed, done)
				})
			})
		}
	}
}

func TestFault77_RefusedConnectionIsTriedAgain(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				rt := transport.New(func(context.Context, string, string) (net.Conn, error) {
					dials++
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
				})
				err := clientOver(t, rt, fixedToken()).Do(t.Context(), v.call)
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
				require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
				require.Equal(t, 3, dials)
			})
		})
	}
}

func TestFault77_ConnectionThatClosedWhileItWasIdle(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(func(conn net.Conn, r *http.Request, _ int) {
					sendJSON(conn, model(r))
					conn.Close()
				})
				c := p.client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
				require.NoError(t, c.Do(t.Context(), v.call))
				synctest.Wait()
				require.NoError(t, c.Do(t.Context(), v.call))
				require.Equal(t, 2, p.count())
			})
		})
	}
}

func TestFault77_PostWithoutBodyIsSentOnce(t *testing.T) {
	// The server closes a connection that served a request before, when the next
	// one has arrived. net/http repeats a request without a body then.
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, r *http.Request, n int) {
			if n == 2 {
				conn.Close()
				return
			}
			sendJSON(conn, model(r))
		})
		c := p.client(t)
		require.NoError(t, summary(t.Context(), c, nil))
		err := c.Do(t.Context(), coviu.Call{Route: "POST /user/team"})
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.Equal(t, 2, p.count())
		r, body := p.request(1)
		require.Empty(t, body)
		require.Empty(t, r.Header.Get("Content-Type"))
	})
}

func TestFault77_DeleteWhoseReplyWasLost(t *testing.T) {
	remove := coviu.Call{Route: "DELETE " + sessionRoute, Args: []string{sessionID}}
	lostThen := func(status int) answer {
		return func(conn net.Conn, _ *http.Request, n int) {
			if n == 1 {
				conn.Close()
				return
			}
			sendStatus(conn, status, "")
		}
	}
	synctest.Test(t, func(t *testing.T) {
		into := coviu.UnitResponse{}
		remove.Into = &into
		p := newPeer(lostThen(http.StatusNotFound))
		require.NoError(t, p.client(t).Do(t.Context(), remove))
		require.Equal(t, 2, p.count())
		require.False(t, into.OK, "there was no body to read")

		p = newPeer(lostThen(http.StatusUnauthorized))
		err := p.client(t).Do(t.Context(), remove)
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.ErrorIs(t, err, coviu.ErrUnauthorized)

		p = newPeer(func(conn net.Conn, _ *http.Request, _ int) { sendStatus(conn, http.StatusNotFound, "") })
		err = p.client(t).Do(t.Context(), remove)
		require.ErrorIs(t, err, coviu.ErrNotFound)
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
	})
}

func TestFault77_ContextEndsDuringTheCall(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
					send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
					_, _ = conn.Read(make([]byte, 1))
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := p.client(t).Do(ctx, v.call)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, strings.HasPrefix(v.method, "POST"), errors.Is(err, coviu.ErrOutcomeUnknown))
				require.Equal(t, time.Second, time.Since(began))
				require.Equal(t, 1, p.count())

				ended, stop := context.WithCancel(t.Context())
				stop()
				p = newPeer(nil)
				require.ErrorIs(t, p.client(t).Do(ended, v.call), context.Canceled)
				require.Zero(t, p.count())
			})
		})
	}
}

func TestFault77_NewTokenAfter401(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(func(conn net.Conn, r *http.Request, n int) {
					if n == 1 {
						sendStatus(conn, http.StatusUnauthorized, "")
						return
					}
					require.Equal(t, "Bearer second", r.Header.Get("Authorization"))
					sendJSON(conn, model(r))
				})
				tokens := &tokenList{"first", "second"}
				require.NoError(t, p.client(t, coviu.WithTokenSource(tokens)).Do(t.Context(), v.call))
				require.Equal(t, 2, p.count())
			})
		})
	}
}

// tokenList gives one token after the other.
type tokenList []string

func (l *tokenList) Token() (*oauth2.Token, error) {
	next := (*l)[0]
	*l = (*l)[1:]
	return &oauth2.Token{AccessToken: next}, nil
}

func TestFault77_DoUsesWhatTheEmulatorServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		defer s.Close()
		var hooked []coviu.ResponseInfo
		c := s.Client(t, coviu.WithResponseHook(func(_ context.Context, info coviu.ResponseInfo) {
			if !strings.Contains(info.Operation, "auth") {
				hooked = append(hooked, info)
			}
		}))
		seeded, err := s.Seed(coviu.Session{StartTime: time.Now().Add(time.Hour)})
		require.NoError(t, err)
		id := []string{seeded[0].SessionID}

		s.Fail("GET "+sessionRoute, coviutest.Unavailable().Times(2))
		var got coviu.Session
		require.NoError(t, c.Do(t.Context(), coviu.Call{Route: "GET " + sessionRoute, Args: id, Into: &got}))
		require.Equal(t, id[0], got.SessionID)
		require.Equal(t, 3, s.Count("GET "+sessionRoute))

		var page struct {
			Content []struct {
				ID string `json:"session_id"`
			}
		}
		query := map[string][]string{"page_size": {"1"}}
		require.NoError(t, c.Do(t.Context(), coviu.Call{Route: "GET /sessions", Query: query, Into: &page}))
		require.Len(t, page.Content, 1)
		require.Equal(t, id[0], page.Content[0].ID)

		require.Len(t, hooked, 2)
		require.Equal(t, "GET "+sessionRoute, hooked[0].Operation)
		require.Equal(t, 3, hooked[0].Attempts)
		require.Equal(t, http.StatusOK, hooked[0].StatusCode)
	})
}
