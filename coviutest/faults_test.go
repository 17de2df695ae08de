package coviutest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

const (
	opList   = "GET /sessions"
	opGet    = "GET /sessions/{session_id}"
	opCreate = "POST /sessions"
	opToken  = "POST /auth/token"
)

// inBubble runs f on virtual time, with a server whose clients have no idle
// connection over which net/http might repeat a request by itself.
func inBubble(t *testing.T, f func(*testing.T, *wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		defer s.Close()
		w := newWire(t, s)
		s.ClearRequests()
		f(t, w)
	})
}

// try sends a request whose failure is what the test is about. It opens a
// connection of its own.
func (w *wire) try(ctx context.Context, method, path, body string) (answer, error) {
	w.http.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, w.s.URL+path, strings.NewReader(body))
	require.NoError(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	reply, err := w.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return answer{w.t, reply.StatusCode, reply.Header, string(text), new(any)}, err
}

// soon is a session to book, by the real or the bubble's clock.
func soon() string {
	const iso = time.RFC3339
	return `{"start_time":"` + time.Now().Add(time.Hour).UTC().Format(iso) + `","end_time":"` + time.Now().Add(2*time.Hour).UTC().Format(iso) + `"}`
}

func TestRefuseNeverReachesTheServer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opCreate, coviutest.Refuse())
		w.do("GET", "/sessions", "").is(200)
		connected := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
		_, err := w.try(ctx, "POST", "/sessions", soon())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.False(t, connected)
		assert.Zero(t, w.s.Count(opCreate))
		w.do("POST", "/sessions", soon()).is(200)
	})
}

func TestDelayTakesItsTimeAndEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opCreate, coviutest.Delay(time.Minute).Times(2))
		began := time.Now()
		_, err := w.try(t.Context(), "POST", "/sessions", soon())
		require.NoError(t, err)
		assert.Equal(t, time.Minute, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = w.try(ctx, "POST", "/sessions", soon())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-time.After(time.Hour)
		assert.Len(t, w.s.Sessions(), 1, "what was given up is not carried out")
		assert.Equal(t, 2, w.s.Count(opCreate))
	})
}

func TestHangEndsWithTheRequestOrTheServer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opGet, coviutest.Hang().Always())
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := w.try(ctx, "GET", "/sessions/x", "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		failed := make(chan error)
		go func() {
			_, err := w.try(t.Context(), "GET", "/sessions/x", "")
			failed <- err
		}()
		synctest.Wait()
		w.s.Close()
		require.Error(t, <-failed)
	})
}

func TestLostRepliesAreCarriedOut(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]coviutest.Fault{
		"lost":         coviutest.LoseReply(),
		"reset":        coviutest.Reset().CarriedOut(),
		"hidden":       coviutest.Unavailable().CarriedOut(),
		"cut":          coviutest.CutBody(0),
		"hanging":      coviutest.Hang().CarriedOut(),
		"stalled":      coviutest.StallBody(3),
		"delayed once": coviutest.Delay(time.Second).CarriedOut(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *wire) {
				w.s.Fail(opCreate, fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, _ = w.try(ctx, "POST", "/sessions", soon())
				assert.Len(t, w.s.Sessions(), 1)
				assert.Equal(t, 1, w.s.Count(opCreate))
			})
		})
	}
}

func TestRequestsThatAreNotCarriedOut(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]coviutest.Fault{
		"reset":  coviutest.Reset(),
		"status": coviutest.Status(500, nil, "{}"),
		"html":   coviutest.HTMLPage(200),
		"limit":  coviutest.RateLimit(time.Second),
		"raw":    coviutest.Raw("nonsense\r\n\r\n"),
		"refuse": coviutest.Refuse(),
		"hang":   coviutest.Hang(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *wire) {
				w.s.Fail(opCreate, fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, _ = w.try(ctx, "POST", "/sessions", soon())
				assert.Empty(t, w.s.Sessions())
			})
		})
	}
}

func TestCarryOutLate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opCreate, coviutest.CarryOutLate(time.Minute).Times(2))
		began := time.Now()
		_, err := w.try(t.Context(), "POST", "/sessions", soon())
		require.Error(t, err)
		assert.Zero(t, time.Since(began))
		<-time.After(time.Minute - 1)
		assert.Empty(t, w.s.Sessions())
		<-time.After(1)
		synctest.Wait()
		assert.Len(t, w.s.Sessions(), 1)
		_, err = w.try(t.Context(), "POST", "/sessions", soon())
		require.Error(t, err)
		w.s.Close()
		assert.Len(t, w.s.Sessions(), 1, "what is late when the server closes does not happen")
	})
}

func TestResetAndCutLookLikeThemselves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opList, coviutest.Reset(), coviutest.LoseReply(), coviutest.CutBody(5), coviutest.CutBody(1<<20), coviutest.Raw("HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nhi"))
		_, err := w.try(t.Context(), "GET", "/sessions", "")
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = w.try(t.Context(), "GET", "/sessions", "")
		require.ErrorIs(t, err, io.EOF)
		cut, err := w.try(t.Context(), "GET", "/sessions", "")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, `{"con`, cut.body)
		whole, err := w.try(t.Context(), "GET", "/sessions", "")
		require.NoError(t, err)
		whole.is(200)
		odd, err := w.try(t.Context(), "GET", "/sessions", "")
		require.NoError(t, err)
		assert.Equal(t, 299, odd.status)
		assert.Equal(t, "hi", odd.body)
	})
}

func TestWrongStatuses(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opList, coviutest.RateLimit(1500*time.Millisecond), coviutest.Unavailable().Times(2), coviutest.HTMLPage(502),
			coviutest.Status(418, http.Header{"X-Request-Id": {"r1"}}, "teapot"), coviutest.Status(204, nil, ""))
		limited := w.do("GET", "/sessions", "").is(429)
		assert.Equal(t, "2", limited.header.Get("Retry-After"))
		w.do("GET", "/sessions", "").is(503)
		w.do("GET", "/sessions", "").is(503)
		page := w.do("GET", "/sessions", "")
		assert.Equal(t, 502, page.status)
		assert.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
		teapot := w.do("GET", "/sessions", "")
		assert.Equal(t, "teapot", teapot.body)
		assert.Equal(t, "r1", teapot.header.Get("X-Request-Id"))
		assert.Equal(t, 204, w.do("GET", "/sessions", "").status)
		w.do("GET", "/sessions", "").is(200)
		assert.Equal(t, 7, w.s.Count(opList))
	})
}

func TestRewriteChangesTheReplyOnItsWay(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opToken, coviutest.Rewrite(func(r *coviutest.Reply) {
			r.Body = []byte(strings.Replace(string(r.Body), `"expires_in":3600`, `"expires_in":"60"`, 1))
			r.Header.Set("X-Extra", "yes")
		}))
		token := w.ownGrant("grant_type=client_credentials")
		assert.Equal(t, "60", token.text("expires_in"))
		assert.Equal(t, "yes", token.header.Get("X-Extra"))
		assert.Equal(t, "no-store", token.header.Get("Cache-Control"))
		w.token = token.text("access_token")
		w.do("GET", "/sessions", "").is(200)
	})
}

func TestFaultsAreAddressedAndCounted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(coviutest.AnyOperation, coviutest.Status(500, nil, `{}`).After(2))
		w.s.Fail(opGet, coviutest.Status(501, nil, `{}`).Times(0))
		statuses := []int{}
		for range 4 {
			statuses = append(statuses, w.do("GET", "/sessions", "").status)
		}
		assert.Equal(t, []int{200, 200, 500, 200}, statuses)

		w.s.Fail(opGet, coviutest.Status(503, nil, `{}`).Always())
		w.do("GET", "/sessions", "").is(200)
		for range 3 {
			assert.Equal(t, 503, w.do("GET", "/sessions/x", "").status)
		}
		w.s.ClearFaults()
		w.do("GET", "/sessions/x", "").is(404)

		w.s.Fail(opToken, coviutest.RefuseRefresh())
		refresh := w.ownGrant("grant_type=client_credentials").text("refresh_token")
		w.ownGrant(escaped("refresh_token", refresh)+"&grant_type=refresh_token").refuses(400, "invalid_grant")
		assert.Equal(t, 200, w.ownGrant(escaped("refresh_token", refresh)+"&grant_type=refresh_token").status)

		w.s.Fail(opToken, coviutest.Refuse().ForGrant("refresh_token"))
		assert.Equal(t, 200, w.ownGrant("grant_type=client_credentials").status)
		_, err := w.try(t.Context(), "POST", "/auth/token", "grant_type=refresh_token")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)

		assert.Panics(t, func() { w.s.Fail("GET /session", coviutest.Hang()) })
		assert.Panics(t, func() { w.s.Count("GET /session") })
	})
}

// The order in which several faults of one operation strike does not depend on
// whether one of them is noticed before the request is sent.
func TestRefuseWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opList, coviutest.Unavailable(), coviutest.Refuse().After(1), coviutest.RateLimit(0))
		w.do("GET", "/sessions", "").is(503)
		w.do("GET", "/sessions", "").is(429)
		_, err := w.try(t.Context(), "GET", "/sessions", "")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		w.do("GET", "/sessions", "").is(200)
	})
}

func TestFaultsOverASocket(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 100)
	s := coviutest.NewServer(coviutest.WithMiddleware(func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			arrived <- r.Method
			api.ServeHTTP(w, r)
		})
	}))
	defer s.Close()
	w := newWire(t, s)
	s.Fail(opCreate, coviutest.Refuse(), coviutest.Reset(), coviutest.LoseReply(), coviutest.CutBody(4))
	_, err := w.try(t.Context(), "POST", "/sessions", soon())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = w.try(t.Context(), "POST", "/sessions", soon())
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = w.try(t.Context(), "POST", "/sessions", soon())
	require.ErrorIs(t, err, io.EOF)
	_, err = w.try(t.Context(), "POST", "/sessions", soon())
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Len(t, s.Sessions(), 2)

	stranger := &wire{t: t, s: s, http: &http.Client{Transport: &http.Transport{}}, token: w.token}
	s.Fail(opCreate, coviutest.Refuse())
	_, err = stranger.try(t.Context(), "POST", "/sessions", soon())
	require.ErrorIs(t, err, io.EOF, "a stranger's connection is closed unanswered")
	assert.Len(t, s.Sessions(), 2)
	stranger.http.CloseIdleConnections()

	s.Fail(opList, coviutest.Hang())
	failed := make(chan error)
	go func() {
		_, err := w.try(t.Context(), "GET", "/sessions", "")
		failed <- err
	}()
	for <-arrived != http.MethodGet {
	}
	s.Close()
	require.Error(t, <-failed)
	_, err = w.try(t.Context(), "GET", "/sessions", "")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}
