package http2test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

const (
	sessionID = "5f0f6c1e-0b1d-4e52-9c2a-000000000001"
	session   = `{"session_id":"` + sessionID + `","session_name":"Check-up",` +
		`"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z","participants":[]}`
	token = `{"access_token":"granted","refresh_token":"again","expires_in":3600,"token_type":"Bearer"}`

	maxAttempts = 3
	// maxRepeated is how often a request is repeated that the server did not carry out.
	maxRepeated = 5
)

// call is a call that stands for its verb or grant.
type call struct {
	name, reply string
	// post marks what must not be carried out twice.
	post bool
	// body says that the request has one.
	body bool
	// attempts is how many the client is allowed.
	attempts int
	do       func(ctx context.Context, c *coviu.Client) error
}

var (
	get = call{"GET", session, false, false, maxAttempts, func(ctx context.Context, c *coviu.Client) error {
		return second(c.Sessions.Get(ctx, sessionID, nil))
	}}
	put = call{"PUT", session, false, true, maxAttempts, func(ctx context.Context, c *coviu.Client) error {
		return second(c.Sessions.Update(ctx, sessionID, &coviu.SessionUpdateRequest{SessionName: new("Follow-up")}))
	}}
	remove = call{"DELETE", `{"ok":true}`, false, false, maxAttempts, func(ctx context.Context, c *coviu.Client) error {
		return second(c.Sessions.Delete(ctx, sessionID))
	}}
	create = call{"POST", session, true, true, maxAttempts, func(ctx context.Context, c *coviu.Client) error {
		return book(ctx, c, "Check-up")
	}}
	exchangeCode = call{"code exchange", token, true, true, maxAttempts, func(ctx context.Context, c *coviu.Client) error {
		return second(c.Exchange(ctx, "code"))
	}}
	// One attempt: what a call does when its token request failed is another row.
	grant = call{"token request", token, false, true, 1, func(ctx context.Context, c *coviu.Client) error {
		return second(c.Token(ctx))
	}}

	everyCall = []call{get, put, remove, create, exchangeCode, grant}
)

func second[T any](_ *T, err error) error { return err }

func book(ctx context.Context, c *coviu.Client, name string) error {
	return second(c.Sessions.Create(ctx, &coviu.SessionCreationRequest{
		SessionName: name,
		StartTime:   time.Now().Add(24 * time.Hour),
		EndTime:     time.Now().Add(25 * time.Hour),
	}))
}

// transport is what a client sends its requests with.
type transport struct {
	name   string
	speaks protocol
	// own is the library's own transport: repetitions have to succeed on it.
	own bool
	// options make it the client's.
	options func() []coviu.Option
}

func withTransport(rt http.RoundTripper) []coviu.Option {
	return []coviu.Option{coviu.WithHTTPClient(&http.Client{Transport: rt})}
}

var (
	ownHTTP1    = transport{"own transport, HTTP/1", http1, true, func() []coviu.Option { return nil }}
	ownHTTP2    = transport{"own transport, HTTP/2", http2TLS, true, func() []coviu.Option { return nil }}
	callerHTTP1 = transport{"caller's transport, HTTP/1", http1, false, func() []coviu.Option { return withTransport(&http.Transport{}) }}
	callerHTTP2 = transport{"caller's transport, HTTP/2", http2, false, func() []coviu.Option {
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		return withTransport(&http.Transport{Protocols: protocols})
	}}
)

// client is a client of the server that waits for nothing between attempts. Its
// token needs no request, unless the call is about tokens.
func (tr transport) client(t testing.TB, s *server, attempts int, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	identity()
	all := append(tr.options(), coviu.WithBaseURL(s.url()),
		coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: attempts, BaseDelay: 1, MaxDelay: 1}))
	c, err := coviu.NewClient("key", "secret", append(all, opts...)...)
	require.NoError(t, err)
	return c
}

// tokens is the option for a token that needs no request.
func (c call) tokens() []coviu.Option {
	if c.reply == token {
		return nil
	}
	return []coviu.Option{coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "fixed"}))}
}

// repeat lets one fault strike a number of times.
type repeat struct {
	fault fault
	times int
}

func (p *repeat) connected() *fault { return p.strike(p.fault.moment == beforeRequest) }
func (p *repeat) requested() *fault { return p.strike(p.fault.moment != beforeRequest) }

func (p *repeat) strike(due bool) *fault {
	if !due || p.times == 0 {
		return nil
	}
	p.times--
	return &p.fault
}

// endless is how many faults stand for ever. A client that goes on and on gets
// its reply in the end, and has sent too much.
func (f fault) endless() int {
	if f.moment == beforeRequest {
		return 100 // connections that may not have carried a request
	}
	return 20
}

// requireTruth holds what a call returned against what the server counted.
func requireTruth(t testing.TB, c call, f fault, err error, n tally) {
	t.Helper()
	require.Equal(t, n.answered > 0, err == nil, "answered if and only if it succeeded: %v, %+v", err, n)
	allowed := c.attempts
	if c.post {
		require.LessOrEqual(t, n.carriedOut, 1, "carried out at most once: %v, %+v", err, n)
		if n.carriedOut > 0 && err != nil {
			requireUnknown(t, err)
		}
	}
	allowed += min(n.refused, maxRepeated)
	require.LessOrEqual(t, n.received, allowed, "no more requests than allowed: %v, %+v", err, n)
	if f.moment == beforeRequest {
		return // net/http takes the next connection by itself as long as nothing was sent
	}
	require.LessOrEqual(t, n.connections, c.attempts+maxRepeated+1, "a bounded number of connections: %v, %+v", err, n)
}

func requireUnknown(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	_, ok := errors.AsType[*coviu.OutcomeUnknownError](err)
	require.True(t, ok)
}

// nameIn is the session's name in the body of a booking.
func nameIn(body string) string {
	var booking struct {
		Name string `json:"session_name"`
	}
	_ = json.Unmarshal([]byte(body), &booking)
	return booking.Name
}

func bodyOf(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// serve starts net/http's own server.
func serve(far *httptest.Server, speaks protocol) {
	if speaks == http2TLS {
		far.EnableHTTP2 = true
		far.TLS = &tls.Config{Certificates: []tls.Certificate{identity().certificate}}
		far.StartTLS()
		return
	}
	far.Config.Protocols = new(http.Protocols)
	far.Config.Protocols.SetUnencryptedHTTP2(true)
	far.Start()
}
