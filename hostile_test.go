package coviu_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// repeating is a transport that sends once more after a failure, as many do.
type repeating struct{ next http.RoundTripper }

func (r repeating) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		again.Body, _ = req.GetBody()
	}
	return r.next.RoundTrip(again)
}

// losing is a server that carries the first POST out and loses its reply.
func losing(t *testing.T) (server *httptest.Server, posts *atomic.Int32) {
	t.Helper()
	posts = new(atomic.Int32)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if posts.Add(1) > 1 {
			_, _ = w.Write([]byte(`{"session_id":"s1"}`))
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	t.Cleanup(server.Close)
	return server, posts
}

func withStaticToken() coviu.Option {
	return coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))
}

func TestATransportThatRepeatsByItselfLeavesAPostInDoubt(t *testing.T) {
	server, posts := losing(t)
	var dials atomic.Int32
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1) == 2 {
				return nil, errors.New("refused")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	c, err := coviu.NewClient("", "", coviu.WithBaseURL(server.URL), withStaticToken(),
		coviu.WithHTTPClient(&http.Client{Transport: repeating{transport}}))
	require.NoError(t, err)
	_, err = c.Sessions.Create(t.Context(), bookingRequest())
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	require.EqualValues(t, 1, posts.Load())
}

// shipping is a log handler that sends its lines over HTTP, with the context
// that it is given; its collector is down.
type shipping struct{ slog.Handler }

func (shipping) Enabled(context.Context, slog.Level) bool { return true }

func (shipping) Handle(ctx context.Context, _ slog.Record) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:1/log", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		err = resp.Body.Close()
	}
	return err
}

func TestALoggerThatUsesHTTPLeavesAPostInDoubt(t *testing.T) {
	server, posts := losing(t)
	c, err := coviu.NewClient("", "", coviu.WithBaseURL(server.URL), withStaticToken(),
		coviu.WithLogger(slog.New(shipping{slog.DiscardHandler})))
	require.NoError(t, err)
	_, err = c.Sessions.Create(t.Context(), bookingRequest())
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	require.EqualValues(t, 1, posts.Load())
}

func TestAConnectionHandedOverIsNoReply(t *testing.T) {
	switching := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !switching[r.Method+r.URL.Path] {
			_, _ = w.Write([]byte(`{"access_token":"token","session_id":"s1"}`))
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		// It stays open: nothing but the client ends what it reads from it.
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_ = buffered.Flush()
	}))
	t.Cleanup(server.Close)
	call := func(route string, do func(*coviu.Client) error) error {
		t.Helper()
		clear(switching)
		switching[route] = true
		c, err := coviu.NewClient("key", "secret", coviu.WithBaseURL(server.URL))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- do(c) }()
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Second):
			require.FailNow(t, "the call hangs")
			return nil
		}
	}
	get := func(c *coviu.Client) error { return either(c.Sessions.Get(t.Context(), "s1", nil)) }

	refused, ok := errors.AsType[*coviu.TokenError](call("POST/auth/token", get))
	require.True(t, ok)
	require.Equal(t, http.StatusSwitchingProtocols, refused.StatusCode)
	answer, ok := errors.AsType[*coviu.APIError](call("GET/sessions/s1", get))
	require.True(t, ok)
	require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
	require.ErrorIs(t, call("POST/sessions", func(c *coviu.Client) error {
		return either(c.Sessions.Create(t.Context(), bookingRequest()))
	}), coviu.ErrOutcomeUnknown)
}

func TestTheLargestResponseSizeIsALimitToo(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	_, err := server.Client(t, coviu.WithMaxResponseSize(math.MaxInt64)).Sessions.List(t.Context(), nil)
	require.NoError(t, err)
}

func TestAttemptsAreCountedInACauseToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		server.Fail("GET /sessions", coviutest.Unavailable().Always())
		c := server.Client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 9, BaseDelay: time.Hour, MaxDelay: time.Hour}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, err := c.Sessions.List(ctx, nil)
		require.ErrorIs(t, err, context.Canceled)
		cause, ok := errors.AsType[*coviu.APIError](err)
		require.True(t, ok)
		require.Equal(t, server.Count("GET /sessions"), cause.Attempts)
	})
}

func TestAnAdoptedSessionComesWithoutRemovedParticipants(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	c := server.Client(t)
	start := time.Now().Add(time.Hour)
	req := &coviu.SessionCreationRequest{
		StartTime:    start,
		EndTime:      start.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{{DisplayName: "A"}, {DisplayName: "B"}},
	}
	booked, err := c.Sessions.CreateOnce(t.Context(), "key", req)
	require.NoError(t, err)
	_, err = c.Participants.Delete(t.Context(), booked.Participants[1].ParticipantID)
	require.NoError(t, err)
	adopted, err := c.Sessions.CreateOnce(t.Context(), "key", req)
	require.NoError(t, err)
	require.Equal(t, booked.Participants[:1], adopted.Participants)
}

func TestOfTwoHTTPClientsTheLastOneTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		client := func(timeout time.Duration) coviu.Option {
			return coviu.WithHTTPClient(&http.Client{Transport: server.Transport(), Timeout: timeout})
		}
		once := coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})
		for _, opts := range [][]coviu.Option{
			{client(time.Second), client(0)},
			{coviu.WithAttemptTimeout(5 * time.Second), client(0)},
			{client(time.Second), coviu.WithAttemptTimeout(5 * time.Second)},
		} {
			c := server.Client(t, append(opts, once)...)
			server.Fail("GET /sessions", coviutest.Delay(2*time.Second))
			_, err := c.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
		}
	})
}

type failingSource struct{ err error }

func (s failingSource) Token() (*oauth2.Token, error) { return nil, s.err }

func TestNoInterfaceLeadsToAnAddress(t *testing.T) {
	cause := fmt.Errorf("asking: %w", &url.Error{Op: "Get", URL: "https://host/?secret=canary", Err: context.DeadlineExceeded})
	c, err := coviu.NewClient("", "", coviu.WithTokenSource(failingSource{cause}))
	require.NoError(t, err)
	_, err = c.Token(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	if found, ok := errors.AsType[net.Error](err); ok {
		require.NotContains(t, found.Error(), "canary")
	}
}

func TestNumericCodesAreKeptToTheLastDigit(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	server.Fail("GET /sessions", coviutest.Status(http.StatusBadRequest, nil, `{"error":{"code":9007199254740993}}`))
	_, err := server.Client(t).Sessions.List(t.Context(), nil)
	answer, ok := errors.AsType[*coviu.APIError](err)
	require.True(t, ok)
	require.Equal(t, "9007199254740993", answer.Code)
}

func TestATokenInPlaceOfAnErrorCodeIsNotPrinted(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	server.Fail("POST /auth/token", coviutest.Status(http.StatusBadRequest, nil, `{"error":"unknown token CANARY"}`))
	_, err := server.Client(t).Sessions.List(t.Context(), nil)
	require.ErrorIs(t, err, coviu.ErrAuthentication)
	require.NotContains(t, err.Error(), "CANARY")
	refused, ok := errors.AsType[*coviu.TokenError](err)
	require.True(t, ok)
	require.Equal(t, "unknown token CANARY", refused.Code)
}

func TestACanceledSessionDoesNotTakeTheTokenFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		c := server.Client(t)
		session, err := c.Sessions.Create(t.Context(), bookingRequest())
		require.NoError(t, err)
		_, err = c.Sessions.Delete(t.Context(), session.SessionID)
		require.NoError(t, err)
		server.Fail("POST /auth/token", coviutest.Unavailable().Always())
		_, err = c.Sessions.Get(t.Context(), session.SessionID, nil)
		require.ErrorIs(t, err, coviu.ErrUnauthorized)
		_, err = c.Sessions.List(t.Context(), nil)
		require.NoError(t, err, "the token was good all along")
	})
}

func TestALostRefreshIsNotRepeatedWithinTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		c := server.Client(t)
		_, err := c.Sessions.List(t.Context(), nil)
		require.NoError(t, err)
		pass(2 * time.Hour)
		server.ClearRequests()
		server.Fail("POST /auth/token",
			coviutest.LoseReply(), coviutest.Refuse())
		_, err = c.Sessions.List(t.Context(), nil)
		require.Error(t, err)
		require.Equal(t, 1, server.CountGrants("refresh_token"))
	})
}

func TestATextWithoutCodeStaysOutOfTheLog(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, nil))
	log.Info("failed", slog.Any("err", &coviu.TokenError{Grant: "refresh_token", StatusCode: http.StatusBadRequest, Code: "Bearer CANARY"}))
	require.True(t, strings.Contains(lines.String(), "400") && !strings.Contains(lines.String(), "CANARY"))
}
