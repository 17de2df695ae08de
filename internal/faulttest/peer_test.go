package faulttest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

const (
	// farURL can't be reached except through a test's own dialer.
	farURL = "http://127.0.0.1:1/v1"

	someSession     = "5f0f6c1e-0b1d-4e52-9c2a-000000000001"
	someSessionJSON = `{"session_id":"` + someSession + `","session_name":"Check-up",` +
		`"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z","participants":[]}`
)

// scriptedPeer is the server's end of connections in memory. It reads requests and
// lets a test write the reply byte by byte.
type scriptedPeer struct {
	// answer replies to request number n, counted from one. It may close the
	// connection; else the next request is read from it.
	answer func(conn net.Conn, r *http.Request, n int)

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	open     int
	written  int
}

func newScriptedPeer(answer func(conn net.Conn, r *http.Request, n int)) *scriptedPeer {
	return &scriptedPeer{answer: answer}
}

func (p *scriptedPeer) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.mu.Lock()
	p.open++
	p.mu.Unlock()
	go p.serve(&countedConn{Conn: far, peer: p})
	return &trackedConn{Conn: near, peer: p}, nil
}

func (p *scriptedPeer) serve(conn net.Conn) {
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
		p.answer(conn, r, p.record(r, body))
	}
}

func (p *scriptedPeer) record(r *http.Request, body []byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r)
	p.bodies = append(p.bodies, string(body))
	return len(p.requests)
}

func (p *scriptedPeer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

func (p *scriptedPeer) headers() []http.Header {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []http.Header
	for _, r := range p.requests {
		all = append(all, r.Header)
	}
	return all
}

// connections returns how many connections the client has not closed.
func (p *scriptedPeer) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

func (p *scriptedPeer) bytesWritten() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written
}

// client returns a client of the peer with the library's own transport. It sends no
// token request.
func (p *scriptedPeer) client(t testing.TB, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	return clientOver(t, transport.New(p.dial), opts...)
}

// trackedConn is the client's end of a connection.
type trackedConn struct {
	net.Conn
	peer *scriptedPeer
	once sync.Once
}

func (c *trackedConn) Close() error {
	c.once.Do(func() {
		c.peer.mu.Lock()
		c.peer.open--
		c.peer.mu.Unlock()
	})
	return c.Conn.Close()
}

// countedConn is the peer's end of a connection.
type countedConn struct {
	net.Conn
	peer *scriptedPeer
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.peer.mu.Lock()
	c.peer.written += n
	c.peer.mu.Unlock()
	return n, err
}

func send(conn net.Conn, text string) { _, _ = io.WriteString(conn, text) }

// sendJSON sends a complete 200.
func sendJSON(conn net.Conn, body string) {
	send(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+
		strconv.Itoa(len(body))+"\r\n\r\n"+body)
}

// sendForEver sends piece after piece until the client closes the connection.
func sendForEver(conn net.Conn, piece []byte) {
	for {
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
}

// answersTo returns a valid reply body for the request's method.
func answersTo(r *http.Request) string {
	if r.Method == http.MethodDelete {
		return `{"ok":true}`
	}
	return someSessionJSON
}
