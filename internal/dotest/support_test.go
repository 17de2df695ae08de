package dotest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

const (
	baseURL   = "http://127.0.0.1:1/v1"
	sessionID = "5f0f6c1e-0b1d-4e52-9c2a-000000000001"
	session   = `{"session_id":"` + sessionID + `","session_name":"Check-up",` +
		`"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z","participants":[]}`

	sessionRoute = "/sessions/{session_id}"
	summaryRoute = "GET /sessions/{session_id}/summary"
)

// answer replies to request number n, counted from one. It may close conn. If it
// does not, the next request is read from it.
type answer func(conn net.Conn, r *http.Request, n int)

// peer is a server on connections in memory.
type peer struct {
	answer answer

	mu          sync.Mutex
	requests    []*http.Request
	bodies      []string
	dials, open int
}

func newPeer(a answer) *peer { return &peer{answer: a} }

func (p *peer) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.mu.Lock()
	p.dials++
	p.open++
	p.mu.Unlock()
	go p.serve(far)
	return &closeCounter{Conn: near, peer: p}, nil
}

func (p *peer) serve(conn net.Conn) {
	defer conn.Close()
	for requests := bufio.NewReader(conn); ; {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.requests = append(p.requests, r)
		p.bodies = append(p.bodies, string(body))
		n := len(p.requests)
		p.mu.Unlock()
		p.answer(conn, r, n)
	}
}

func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

// connections returns how many connections the client made, and how many of them
// it has not closed.
func (p *peer) connections() (made, open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials, p.open
}

func (p *peer) request(i int) (*http.Request, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[i], p.bodies[i]
}

// client returns a client of the peer, on the library's own transport, whose token
// needs no request.
func (p *peer) client(t testing.TB, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	return clientOver(t, transport.New(p.dial), append([]coviu.Option{fixedToken()}, opts...)...)
}

func clientOver(t testing.TB, rt http.RoundTripper, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	own := []coviu.Option{coviu.WithBaseURL(baseURL), coviu.WithHTTPClient(&http.Client{Transport: rt})}
	c, err := coviu.NewClient("key", "secret", append(own, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func fixedToken() coviu.Option {
	return coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "fixed"}))
}

// closeCounter counts, at its peer, the connections that the client closed.
type closeCounter struct {
	net.Conn
	peer *peer
	once sync.Once
}

func (c *closeCounter) Close() error {
	c.once.Do(func() {
		c.peer.mu.Lock()
		c.peer.open--
		c.peer.mu.Unlock()
	})
	return c.Conn.Close()
}

func send(conn net.Conn, text string) { _, _ = io.WriteString(conn, text) }

func sendJSON(conn net.Conn, body string) { sendStatus(conn, http.StatusOK, body) }

// sendStatus sends a complete reply, with further header lines.
func sendStatus(conn net.Conn, status int, body string, lines ...string) {
	text := "HTTP/1.1 " + strconv.Itoa(status) + " Whatever\r\n"
	for _, line := range lines {
		text += line + "\r\n"
	}
	if status != http.StatusNoContent {
		text += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	send(conn, text+"\r\n"+body)
}

// replying answers each request with body.
func replying(body string) answer {
	return func(conn net.Conn, _ *http.Request, _ int) { sendJSON(conn, body) }
}

// model is the body that is due to a request.
func model(r *http.Request) string {
	if r.Method == http.MethodDelete {
		return `{"ok":true}`
	}
	return session
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// summary calls an endpoint for which the library has no method.
func summary(ctx context.Context, c *coviu.Client, into any) error {
	return c.Do(ctx, coviu.Call{Route: summaryRoute, Args: []string{sessionID}, Into: into})
}

func requireInvalid(t testing.TB, err error, field string) {
	t.Helper()
	require.ErrorIs(t, err, coviu.ErrInvalidRequest)
	invalid, ok := errors.AsType[*coviu.ValidationError](err)
	require.True(t, ok)
	require.Equal(t, field, invalid.Field)
}

func requireDecodeError(t testing.TB, err error) *coviu.DecodeError {
	t.Helper()
	require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
	e, ok := errors.AsType[*coviu.DecodeError](err)
	require.True(t, ok)
	return e
}

// transportFunc is an http.RoundTripper that is one function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
