package faulttest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func TestATransportMayRewriteTheURLOfItsRequest(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		rewriting := untracedTransport(func(r *http.Request) (*http.Response, error) {
			resp, err := s.Transport().RoundTrip(r)
			r.URL.Path, r.URL.Host = "/elsewhere", "127.0.0.1:9"
			r.Header.Set("User-Agent", "spoilt")
			return resp, err
		})
		c, err := coviu.NewClient(s.APIKey, s.KeySecret, coviu.WithBaseURL(s.URL), coviu.WithHTTPClient(&http.Client{Transport: rewriting}))
		require.NoError(t, err)
		id := seedOne(t, s)
		for range 3 {
			s.RevokeTokens()
			s.Fail(getOne.operation, coviutest.Unavailable().Times(2))
			require.NoError(t, getOne.call(t.Context(), c, id))
		}
		require.Equal(t, 3, s.CountGrants("client_credentials"))
		for _, r := range s.Requests() {
			require.NotEqual(t, "spoilt", r.Header.Get("User-Agent"))
		}
	})
}

// untracedTransport is a transport that reports no trace events.
type untracedTransport func(*http.Request) (*http.Response, error)

func (f untracedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

// repeating is a transport that retries once after a failure, as many do.
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

// losing starts a server that carries out the first POST and loses its reply.
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

func TestALostPostHasAnUnknownOutcomeEvenIfTheTransportRetries(t *testing.T) {
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
	_, err = c.Sessions.Create(t.Context(), apitest.Booking())
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	require.EqualValues(t, 1, posts.Load())
}

// shipping is a log handler that sends records over HTTP with the context that it is
// given. No server is there to receive them.
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

func TestALostPostHasAnUnknownOutcomeEvenIfTheLoggerUsesHTTP(t *testing.T) {
	server, posts := losing(t)
	c, err := coviu.NewClient("", "", coviu.WithBaseURL(server.URL), withStaticToken(),
		coviu.WithLogger(slog.New(shipping{slog.DiscardHandler})))
	require.NoError(t, err)
	_, err = c.Sessions.Create(t.Context(), apitest.Booking())
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	require.EqualValues(t, 1, posts.Load())
}

func TestA101ReplyIsAnError(t *testing.T) {
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
		// The connection stays open, so the client must stop reading by itself.
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
		return either(c.Sessions.Create(t.Context(), apitest.Booking()))
	}), coviu.ErrOutcomeUnknown)
}
