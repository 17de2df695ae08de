package dotest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

const token = `{"access_token":"granted","refresh_token":"again","expires_in":3600,"token_type":"Bearer"}`

// around makes a middleware of what it does with a request.
func around(do func(req *http.Request, next http.RoundTripper) (*http.Response, error)) coviu.Option {
	return coviu.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return transportFunc(func(req *http.Request) (*http.Response, error) { return do(req, next) })
	})
}

func isTokenRequest(req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/auth/token") }

func TestFault78_MiddlewareThatReturnsNothing(t *testing.T) {
	for name, before := range map[string]func(*http.Request, http.RoundTripper){
		"before it sends": func(*http.Request, http.RoundTripper) {},
		"after it sent":   func(req *http.Request, next http.RoundTripper) { _, _ = next.RoundTrip(req) },
	} {
		for _, v := range verbs() {
			t.Run(name+"/"+v.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPeer(func(conn net.Conn, r *http.Request, _ int) { sendJSON(conn, model(r)) })
					calls := 0
					c := p.client(t, around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
						calls++
						before(req, next)
						return nil, nil //nolint:nilnil // it is what is tested
					}))
					err := v.typed(t.Context(), c)
					require.Error(t, err)
					want := 3
					if strings.HasPrefix(v.method, "POST") {
						require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
						want = 1
					}
					require.Equal(t, want, calls)
					c.CloseIdleConnections()
					synctest.Wait()
					_, open := p.connections()
					require.Zero(t, open)
				})
			})
		}
	}
}

// panics is a middleware that panics when it was called often enough, before it
// sends the request, or with the reply in hand.
func panics(after int, withReply bool) coviu.Option {
	return around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if after--; after >= 0 {
			return next.RoundTrip(req)
		}
		if withReply {
			_, _ = next.RoundTrip(req)
		}
		panic("middleware")
	})
}

func TestFault78_PanicReachesTheCaller(t *testing.T) {
	for _, withReply := range []bool{false, true} {
		for _, v := range verbs() {
			t.Run(v.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					// The reply is longer than what is read with its header, so its
					// connection is in use until the reply is dropped.
					p := newPeer(func(conn net.Conn, _ *http.Request, _ int) { sendJSON(conn, strings.Repeat(" ", 1<<16)) })
					rt := transport.New(p.dial)
					rt.MaxConnsPerHost = 1
					hooked := 0
					broken := clientOver(t, rt, fixedToken(), panics(0, withReply))
					for range 3 {
						require.PanicsWithValue(t, "middleware", func() { _ = v.typed(t.Context(), broken) })
						require.PanicsWithValue(t, "middleware", func() { _ = broken.Do(t.Context(), v.call) })
					}
					require.Zero(t, hooked)

					// The only connection is free again.
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					require.NoError(t, clientOver(t, rt, fixedToken()).Do(ctx, coviu.Call{Route: "GET /x"}))
				})
			})
		}
	}
}

func TestFault78_PanicWhileAListIsRead(t *testing.T) {
	for _, prefetch := range []int{0, 1, 4} {
		for after := range 4 {
			synctest.Test(t, func(t *testing.T) {
				s := coviutest.NewServer(coviutest.WithInMemory())
				defer s.Close()
				for range 20 {
					_, err := s.Seed(coviu.Session{StartTime: time.Now().Add(time.Hour)})
					require.NoError(t, err)
				}
				// Prefetched pages call the middleware side by side.
				calls := make(chan int, 1)
				calls <- 0
				c := s.Client(t, around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					if isTokenRequest(req) {
						return next.RoundTrip(req)
					}
					n := <-calls
					calls <- n + 1
					if n >= after {
						panic("middleware")
					}
					return next.RoundTrip(req)
				}))
				seen := 0
				require.PanicsWithValue(t, "middleware", func() {
					for _, err := range c.Sessions.All(t.Context(), &coviu.SessionListOptions{PageSize: 2, Prefetch: prefetch}) {
						require.NoError(t, err)
						seen++
					}
				})
				require.LessOrEqual(t, seen, 2*after)
				c.CloseIdleConnections()
				// The bubble fails if a goroutine is left.
			})
		}
	}
}

func TestFault78_PanicReleasesTheKeyOfABooking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		defer s.Close()
		broken := true
		c := s.Client(t, around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if broken && req.Method == http.MethodPost && !isTokenRequest(req) {
				panic("middleware")
			}
			return next.RoundTrip(req)
		}))
		req := &coviu.SessionCreationRequest{
			StartTime: time.Now().Add(time.Hour), EndTime: time.Now().Add(2 * time.Hour),
			Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleGuest}},
		}
		require.PanicsWithValue(t, "middleware", func() { _, _ = c.Sessions.CreateOnce(t.Context(), "key", req) })
		broken = false
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Sessions.CreateOnce(ctx, "key", req)
		require.NoError(t, err)
		require.Len(t, s.Sessions(), 1)
	})
}

func TestFault78_PanicDuringATokenRequestIsAnError(t *testing.T) {
	// The token is fetched on a goroutine of its own, for all who wait for it. A
	// panic there must neither end the program nor leave anyone waiting.
	synctest.Test(t, func(t *testing.T) {
		broken := true
		p := newPeer(func(conn net.Conn, r *http.Request, _ int) {
			if r.URL.Path == "/v1/auth/token" {
				sendJSON(conn, token)
				return
			}
			sendJSON(conn, model(r))
		})
		c := clientOver(t, transport.New(p.dial), around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if broken {
				panic("middleware")
			}
			return next.RoundTrip(req)
		}))
		for range 3 {
			require.Error(t, c.Do(t.Context(), coviu.Call{Route: "POST /x"}))
		}
		require.Zero(t, p.count())
		broken = false
		require.NoError(t, c.Do(t.Context(), coviu.Call{Route: "POST /x"}))
		require.Equal(t, 2, p.count())
	})
}

func TestFault78_MiddlewareThatKeepsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, r *http.Request, n int) {
			if n == 1 {
				sendStatus(conn, http.StatusServiceUnavailable, "")
				return
			}
			sendJSON(conn, model(r))
		})
		var kept []*http.Request
		c := p.client(t, around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			kept = append(kept, req)
			return next.RoundTrip(req)
		}))
		put := verbs()[1]
		require.NoError(t, put.typed(t.Context(), c))
		require.Len(t, kept, 2)
		for _, req := range kept {
			// What is done to a request that was kept reaches no other one.
			req.URL.Path, req.URL.Host, req.Host = "/elsewhere", "example.com", "example.com"
			req.Header.Set("Authorization", "Bearer other")
			req.Header.Set("Accept", "text/html")
			req.Header.Add("User-Agent", "other")
			_, _ = io.Copy(io.Discard, req.Body)
			require.Nil(t, req.GetBody, "with it, net/http could send the request again")
		}
		require.NoError(t, put.typed(t.Context(), c))
		first, body := p.request(0)
		for i := 1; i < 3; i++ {
			r, again := p.request(i)
			require.Equal(t, first.Header, r.Header)
			require.Equal(t, first.RequestURI, r.RequestURI)
			require.Equal(t, first.Host, r.Host)
			require.Equal(t, body, again)
		}
	})
}

func TestFault78_MiddlewareThatRewritesTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, r *http.Request, n int) {
			if n == 1 {
				sendStatus(conn, http.StatusServiceUnavailable, "")
				return
			}
			sendJSON(conn, model(r))
		})
		c := p.client(t, around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			// A RoundTripper must not do that, but some do.
			req.URL.Path = "/gateway" + req.URL.Path
			req.URL.RawQuery = url.Values{"via": {"gateway"}}.Encode()
			req.Header.Add("Accept", "text/plain")
			req.Header.Set("Traceparent", "00-1")
			req.Header.Del("User-Agent")
			return next.RoundTrip(req)
		}))
		err := second(c.Sessions.Get(t.Context(), sessionID, nil))
		require.NoError(t, err)
		require.NoError(t, summary(t.Context(), c, nil))
		for i, path := range []string{"", "", "/summary"} {
			r, _ := p.request(i)
			require.Equal(t, "/gateway/v1/sessions/"+sessionID+path+"?via=gateway", r.RequestURI)
			require.Equal(t, []string{"application/json", "text/plain"}, r.Header["Accept"])
			require.Equal(t, "00-1", r.Header.Get("Traceparent"))
		}
	})
}

// hidden is a context that shows no values: the events of net/http/httptrace are
// lost with them.
type hidden struct{ context.Context }

func (hidden) Value(any) any { return nil }

func TestFault78_MiddlewareThatHidesTraceEvents(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				rt := transport.New(func(context.Context, string, string) (net.Conn, error) {
					dials++
					return nil, errors.New("refused")
				})
				c := clientOver(t, rt, fixedToken(), around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					return next.RoundTrip(req.WithContext(hidden{req.Context()}))
				}))
				err := c.Do(t.Context(), v.call)
				require.Error(t, err)
				if strings.HasPrefix(v.method, "POST") {
					require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
					require.Equal(t, 1, dials)
				} else {
					require.Equal(t, 3, dials)
				}
			})
		})
	}
}

func TestFault78_MiddlewareThatDropsTheReply(t *testing.T) {
	for _, v := range verbs() {
		t.Run(v.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				errDropped := errors.New("dropped")
				p := newPeer(func(conn net.Conn, r *http.Request, _ int) { sendJSON(conn, model(r)) })
				err := p.client(t, around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					resp, err := next.RoundTrip(req)
					require.NoError(t, err)
					return nil, errors.Join(errDropped, resp.Body.Close())
				})).Do(t.Context(), v.call)
				require.ErrorIs(t, err, errDropped)
				want := 3
				if strings.HasPrefix(v.method, "POST") {
					require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
					want = 1
				}
				require.Equal(t, want, p.count())
			})
		})
	}
}

func TestFault78_MiddlewareWithATimeoutOfItsOwn(t *testing.T) {
	// It ends when a connection is there. Over HTTP/2, the request may be written
	// even after that.
	for _, cause := range []error{context.DeadlineExceeded, context.Canceled} {
		calls := 0
		c := clientOver(t, transportFunc(func(req *http.Request) (*http.Response, error) {
			calls++
			trace := httptrace.ContextClientTrace(req.Context())
			trace.GetConn("127.0.0.1:1")
			trace.GotConn(httptrace.GotConnInfo{})
			return nil, cause
		}), fixedToken())
		err := c.Do(t.Context(), coviu.Call{Route: "POST /x"})
		require.ErrorIs(t, err, cause)
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.Equal(t, 1, calls)
	}
}

func TestFault78_MiddlewareThatSendsTwice(t *testing.T) {
	// A retry of the middleware's own is stopped, since the first request may have
	// been carried out.
	faults := map[string]func(net.Conn){
		"lost reply": func(conn net.Conn) { conn.Close() },
		"503":        func(conn net.Conn) { sendStatus(conn, http.StatusServiceUnavailable, "") },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(func(conn net.Conn, r *http.Request, n int) {
					if n == 1 {
						fault(conn)
						return
					}
					sendJSON(conn, model(r))
				})
				c := p.client(t, around(func(req *http.Request, next http.RoundTripper) (resp *http.Response, err error) {
					body, err := io.ReadAll(req.Body)
					require.NoError(t, err)
					for range 3 {
						again := req.Clone(req.Context())
						again.Body = io.NopCloser(bytes.NewReader(body))
						resp, err = next.RoundTrip(again)
						if err == nil && resp.StatusCode == http.StatusOK {
							return resp, nil
						}
					}
					return resp, err
				}))
				require.ErrorIs(t, c.Do(t.Context(), coviu.Call{Route: "POST /x", Body: 1}), coviu.ErrOutcomeUnknown)
				require.Equal(t, 1, p.count())
			})
		})
	}
}

// unwritten is a connection that does not count yet what was written to it.
type unwritten struct{ net.Conn }

func (unwritten) BytesWritten() int64 { return 0 }

func TestFault78_SecondConnectionAfterAReplyIsNotUsed(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := clientOver(t, transportFunc(func(req *http.Request) (*http.Response, error) {
		trace, info := httptrace.ContextClientTrace(req.Context()), httptrace.GotConnInfo{Conn: unwritten{near}}
		trace.GetConn("127.0.0.1:1")
		trace.GotConn(info)
		trace.WroteHeaders()
		trace.GotFirstResponseByte()
		trace.GotConn(info)
		require.ErrorIs(t, req.Context().Err(), context.Canceled)
		return &http.Response{StatusCode: http.StatusOK}, nil
	}), fixedToken())
	require.ErrorIs(t, c.Do(t.Context(), coviu.Call{Route: "POST /x"}), coviu.ErrOutcomeUnknown)
}
