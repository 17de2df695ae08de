package coviutest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a Coviu session API in memory. [NewServer] starts one, [Server.Close]
// stops it. Its methods are safe for concurrent use. Printing a Server shows its
// URL only.
type Server struct {
	// URL is the base URL of the API, which ends in /v1. With [WithInMemory] only
	// [Server.Client] and [Server.Transport] can connect to it.
	URL string
	// APIKey and KeySecret are the credentials of the server's own team.
	APIKey, KeySecret string

	settings  settings
	origin    string
	clock     func() time.Time
	offset    atomic.Int64
	http      *http.Server
	transport *transport

	mu       sync.RWMutex
	store    store
	accounts accounts

	faults   faultQueue
	requests requestLog

	work    sync.WaitGroup
	closing sync.Mutex
	closed  bool
	done    chan struct{}
}

// NewServer starts a server, by default on a free port of the loopback interface.
// A later option overrides an earlier one. NewServer panics if there is no free
// port, as [net/http/httptest.NewServer] does.
func NewServer(opts ...Option) *Server {
	set := settings{tokenTTL: time.Hour, clock: time.Now}
	for _, opt := range opts {
		opt(&set)
	}
	s := &Server{settings: set, clock: set.clock, done: make(chan struct{})}
	listener, dial := s.listen()
	s.URL = s.origin + basePath
	s.APIKey, s.KeySecret = set.apiKey, set.keySecret
	if s.APIKey == "" {
		s.APIKey, s.KeySecret = newID(), newSecret()
	}
	s.store = newStore()
	s.accounts = newAccounts()
	s.accounts.addKey(s.APIKey, s.KeySecret, s.store.team(newID()))
	s.transport = newTransport(s, dial)

	handler := http.Handler(http.HandlerFunc(s.serve))
	if set.middleware != nil {
		handler = set.middleware(handler)
	}
	s.http = newHTTPServer(handler)
	s.http.ConnState = s.trackConnection
	s.work.Go(func() { _ = s.http.Serve(listener) })
	return s
}

func (s *Server) listen() (net.Listener, dialFunc) {
	if s.settings.inMemory {
		// Nothing listens on port 1: a client that does not use Transport is
		// refused, and does not reach another server.
		s.origin = "http://127.0.0.1:1"
		l := newMemoryListener()
		return l, l.dial
	}
	l := s.settings.listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			panic("coviutest: no loopback port to listen on: " + err.Error())
		}
	}
	addr := reachable(l.Addr())
	s.origin = "http://" + addr
	dialer := &net.Dialer{}
	return l, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", addr)
	}
}

// reachable returns an address to connect to. For a listener on every address it
// is the loopback one.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return a.String()
}

// Close stops the server. It cuts off running requests, ends waiting faults, and
// closes the connections made through [Server.Client] and [Server.Transport]. It
// returns when all goroutines of the server have ended. It can be called more than
// once.
func (s *Server) Close() {
	s.closing.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.closing.Unlock()
	_ = s.http.Close()
	s.transport.CloseIdleConnections()
	s.work.Wait()
}

// trackConnection makes Close wait for the goroutines of the connections, which
// [http.Server.Close] does not.
func (s *Server) trackConnection(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.work.Add(1)
		select {
		case <-s.done:
			_ = conn.Close() // accepted too late for Close to see it
		default:
		}
	case http.StateHijacked, http.StateClosed:
		s.work.Done()
	case http.StateActive, http.StateIdle:
	}
}

// begin registers work that Close waits for. It returns false if the server is
// closing; then the work must not start.
func (s *Server) begin() bool {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// Now returns the time by the server's clock.
func (s *Server) Now() time.Time {
	return s.clock().Add(time.Duration(s.offset.Load()))
}

// Advance moves the server's clock by d, which can be negative: sessions start and
// finish and tokens expire without waiting. It does not change the clocks of
// clients, and does not shorten a [Delay] or a [CarryOutLate].
func (s *Server) Advance(d time.Duration) {
	s.offset.Add(int64(d))
}

// Format prints the server's URL under every verb, to keep the credentials out of
// test logs.
func (s *Server) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.describe())
}

// LogValue shows the server's URL in a structured log.
func (s *Server) LogValue() slog.Value {
	return slog.StringValue(s.describe())
}

func (s *Server) describe() string {
	if s == nil {
		return "coviutest.Server(nil)"
	}
	return "coviutest.Server(" + strings.TrimSuffix(s.URL, "/") + ")"
}
