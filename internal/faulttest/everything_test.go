package faulttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// watchedBody counts how often it was closed.
type watchedBody struct {
	io.Reader
	closed atomic.Int32
}

func (b *watchedBody) Close() error {
	b.closed.Add(1)
	return nil
}

// failingReader is a body that fails when it is read.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestFault63_NothingIsLeftOpen(t *testing.T) {
	bodies := map[string]func() io.Reader{
		"empty":     func() io.Reader { return strings.NewReader("") },
		"a model":   func() io.Reader { return strings.NewReader(someSessionJSON) },
		"HTML":      func() io.Reader { return strings.NewReader("<!doctype html>") },
		"too large": func() io.Reader { return bytes.NewReader(make([]byte, 600<<10)) },
		"broken": func() io.Reader {
			return io.MultiReader(strings.NewReader(someSessionJSON[:20]), failingReader{io.ErrUnexpectedEOF})
		},
		"canceled": func() io.Reader { return failingReader{context.Canceled} },
	}
	statuses := []int{200, 201, 204, 206, 301, 307, 400, 401, 403, 404, 408, 429, 500, 503}
	for name, body := range bodies {
		t.Run("bodies are closed once/"+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, status := range statuses {
					for _, e := range everyOne {
						var given []*watchedBody
						c := clientOver(t, untracedTransport(func(r *http.Request) (*http.Response, error) {
							watched := &watchedBody{Reader: body()}
							given = append(given, watched)
							return &http.Response{StatusCode: status, Header: http.Header{}, Body: watched, ContentLength: -1, Request: r}, nil
						}), coviu.WithMaxResponseSize(64<<10))
						require.NotErrorIs(t, e.call(t.Context(), c, someSession), errBothOrNeither)
						require.NotEmpty(t, given)
						for _, watched := range given {
							require.EqualValues(t, 1, watched.closed.Load(), "%d on %s", status, e.method)
						}
					}
				}
			})
		})
	}
	t.Run("bodies of token replies are closed once", func(t *testing.T) {
		for _, body := range bodies {
			for _, status := range statuses {
				watched := &watchedBody{Reader: body()}
				c, err := coviu.NewClient("key", "secret", coviu.WithBaseURL(farURL), coviu.WithHTTPClient(&http.Client{
					Transport: untracedTransport(func(r *http.Request) (*http.Response, error) {
						return &http.Response{StatusCode: status, Header: http.Header{}, Body: watched, ContentLength: -1, Request: r}, nil
					}),
				}), coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
				require.NoError(t, err)
				_, err = c.Token(t.Context())
				require.Error(t, err)
				require.EqualValues(t, 1, watched.closed.Load())
			}
		}
	})

	paths := map[string]func(conn net.Conn){
		"FIN":             func(conn net.Conn) { conn.Close() },
		"silence":         func(net.Conn) {},
		"no HTTP":         func(conn net.Conn) { send(conn, "SSH-2.0-OpenSSH_9.6\r\n\r\n") },
		"503":             func(conn net.Conn) { sendStatus(conn, http.StatusServiceUnavailable) },
		"404":             func(conn net.Conn) { sendStatus(conn, http.StatusNotFound) },
		"redirect":        func(conn net.Conn) { sendStatus(conn, http.StatusFound, "Location: /v1/elsewhere") },
		"HTML":            func(conn net.Conn) { sendJSON(conn, "<!doctype html>") },
		"cut":             func(conn net.Conn) { cutReplies["by Content-Length"](conn, someSessionJSON, 30) },
		"stalled":         func(conn net.Conn) { send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") },
		"stalled refusal": func(conn net.Conn) { send(conn, "HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\n{") },
		"endless": func(conn net.Conn) {
			send(conn, "HTTP/1.1 200 OK\r\n\r\n")
			sendForEver(conn, make([]byte, 32<<10))
		},
		"endless refusal": func(conn net.Conn) {
			send(conn, "HTTP/1.1 400 Bad\r\n\r\n")
			sendForEver(conn, make([]byte, 32<<10))
		},
	}
	for name, answer := range paths {
		for _, e := range everyOne {
			t.Run("connections/"+name+"/"+e.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) { answer(conn) })
					c := peer.client(t, coviu.WithMaxResponseSize(64<<10))
					require.Error(t, e.call(t.Context(), c, someSession))

					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(time.Millisecond, cancel)
					require.Error(t, e.call(ctx, c, someSession))

					c.CloseIdleConnections()
					synctest.Wait()
					require.Zero(t, peer.connections())
				})
			})
		}
	}
}

// fate says what the caller of a POST was told.
type fate int

const (
	confirmed fate = iota
	unknown
	refused
)

func fateOf(err error) fate {
	switch {
	case err == nil:
		return confirmed
	case errors.Is(err, coviu.ErrOutcomeUnknown):
		return unknown
	}
	return refused
}

// ledger records each POST as the client and the server saw it.
type ledger struct {
	mu       sync.Mutex
	reported map[string]fate
	seen     map[string]int
}

func (l *ledger) report(name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reported[name] = fateOf(err)
}

// watch counts how often each POST arrived. A 401 and a 429 do not count, because
// the server refuses such a request without reading it.
func (l *ledger) watch(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || strings.HasSuffix(r.URL.Path, "/auth/token") {
			api.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		name := nameIn(body)
		l.see(name, 1)
		// The handler may hang after a complete reply, so count by the status.
		answer := &watchedReply{ResponseWriter: w, turnedAway: func() { l.see(name, -1) }}
		api.ServeHTTP(answer, r)
	})
}

func (l *ledger) see(name string, times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[name] += times
}

func nameIn(body []byte) string {
	_, after, _ := strings.Cut(string(body), "soak-")
	name, _, _ := strings.Cut(after, `"`)
	return "soak-" + name
}

type watchedReply struct {
	http.ResponseWriter
	turnedAway func()
}

func (w *watchedReply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watchedReply) WriteHeader(status int) {
	if status == http.StatusUnauthorized || status == http.StatusTooManyRequests {
		w.turnedAway()
	}
	w.ResponseWriter.WriteHeader(status)
}

func anyFault(random *rand.Rand) coviutest.Fault {
	faults := []func() coviutest.Fault{
		coviutest.Refuse,
		coviutest.Hang,
		coviutest.LoseReply,
		coviutest.Reset,
		coviutest.Unavailable,
		func() coviutest.Fault { return coviutest.Delay(time.Duration(random.IntN(20_000)) * time.Millisecond) },
		func() coviutest.Fault {
			return coviutest.CarryOutLate(time.Duration(random.IntN(20_000)) * time.Millisecond)
		},
		func() coviutest.Fault { return coviutest.CutBody(random.IntN(300)) },
		func() coviutest.Fault { return coviutest.StallBody(random.IntN(300)) },
		func() coviutest.Fault { return coviutest.Reset().CarriedOut() },
		func() coviutest.Fault { return coviutest.Unavailable().CarriedOut() },
		func() coviutest.Fault { return coviutest.RateLimit(time.Duration(random.IntN(3)) * time.Second) },
		func() coviutest.Fault { return coviutest.RateLimit(time.Hour) },
		func() coviutest.Fault { return coviutest.HTMLPage([]int{200, 401, 502}[random.IntN(3)]) },
		func() coviutest.Fault {
			return coviutest.Status([]int{400, 403, 404, 408, 409, 500, 501, 504}[random.IntN(8)], nil, "{}")
		},
		func() coviutest.Fault {
			return coviutest.Status(http.StatusTemporaryRedirect, http.Header{"Location": {"https://elsewhere.example.test/"}}, "")
		},
		func() coviutest.Fault { return coviutest.Raw("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n") },
	}
	return faults[random.IntN(len(faults))]()
}

func TestFault64_Soak(t *testing.T) {
	const callers, minutes, seed = 1000, 10, 64
	l := &ledger{reported: map[string]fate{}, seen: map[string]int{}}
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		began := time.Now()
		during := func() bool { return time.Since(began) < minutes*time.Minute }
		var calls, hooks atomic.Int64
		hook := coviu.WithResponseHook(func(_ context.Context, info coviu.ResponseInfo) {
			if info.Operation != tokenRequest {
				hooks.Add(1)
			}
		})
		account := s.Client(t, hook)
		clients := []*coviu.Client{account, userClient(t, s, hook)}

		var working sync.WaitGroup
		working.Go(func() {
			random := rand.New(rand.NewPCG(seed, callers))
			for during() {
				for range 4 {
					s.Fail(coviutest.AnyOperation, anyFault(random))
				}
				if random.IntN(40) == 0 {
					s.RevokeTokens()
				}
				pass(time.Second)
			}
			s.ClearFaults()
		})
		for i := range callers {
			working.Go(func() {
				caller := &soakCaller{
					client: clients[i%len(clients)],
					server: s,
					ledger: l,
					random: rand.New(rand.NewPCG(seed, uint64(i))),
				}
				for n := 0; during(); n++ {
					pass(time.Duration(caller.random.IntN(240_000)) * time.Millisecond)
					calls.Add(1)
					err := caller.callOnce(t.Context(), "soak-"+strconv.Itoa(i)+"-"+strconv.Itoa(n))
					assert.NotErrorIs(t, err, errBothOrNeither)
				}
			})
		}
		working.Wait()
		pass(time.Minute)
		require.Equal(t, calls.Load(), hooks.Load())
		l.requireBalanced(t, s)
	}, coviutest.WithMiddleware(l.watch), coviutest.WithLastingRefreshTokens())
}

// soakCaller makes one call after another.
type soakCaller struct {
	client *coviu.Client
	server *coviutest.Server
	ledger *ledger
	random *rand.Rand
	known  string
}

func (c *soakCaller) callOnce(ctx context.Context, name string) error {
	if c.random.IntN(4) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(c.random.IntN(10_000))*time.Millisecond)
		defer cancel()
	}
	id := c.known
	if id == "" {
		id = someSession
	}
	switch c.random.IntN(8) {
	case 0:
		return getOne.call(ctx, c.client, id)
	case 1:
		return putOne.call(ctx, c.client, id)
	case 2:
		return deleteOne.call(ctx, c.client, id)
	case 3:
		return either(c.client.Sessions.List(ctx, &coviu.SessionListOptions{PageSize: 3}))
	case 4:
		_, err := c.client.Participants.Add(ctx, id, &coviu.ParticipantCreationRequest{State: name})
		c.ledger.report(name, err)
		return err
	}
	req := soon()
	req.Participants = []coviu.ParticipantCreationRequest{{State: name}}
	session, err := c.client.Sessions.Create(ctx, req)
	if err == nil {
		c.known = session.SessionID
	}
	c.ledger.report(name, err)
	return err
}

// requireBalanced checks that each POST that took effect was reported, and that
// none took effect twice.
func (l *ledger) requireBalanced(t *testing.T, s *coviutest.Server) {
	t.Helper()
	carriedOut := map[string]int{}
	for _, session := range s.Sessions() {
		for _, p := range session.Participants {
			carriedOut[p.State]++
		}
	}
	fates := map[fate]int{}
	lost := 0
	for name, reported := range l.reported {
		fates[reported]++
		switch reported {
		case confirmed:
			require.Equal(t, 1, carriedOut[name], "reported as booked")
			require.Equal(t, 1, l.seen[name])
		case unknown:
			require.LessOrEqual(t, carriedOut[name], 1, "reported as unknown")
			require.LessOrEqual(t, l.seen[name], 1)
			lost += carriedOut[name]
		case refused:
			require.Zero(t, carriedOut[name], "reported as refused")
			require.LessOrEqual(t, l.seen[name], 1)
		}
		delete(carriedOut, name)
		delete(l.seen, name)
	}
	require.Empty(t, carriedOut, "carried out, and nobody was told")
	for _, times := range l.seen {
		require.Zero(t, times, "seen, and nobody was told")
	}
	for _, each := range []int{fates[confirmed], fates[unknown], fates[refused], lost} {
		require.Greater(t, each, 20, "the soak met too little")
	}
}
