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

// Server is a stand-in for the Coviu session API that keeps everything in
// memory. [NewServer] starts one, [Server.Close] stops it. All methods may be
// called at the same time from several goroutines.
//
// Printing a Server shows its URL and nothing else.
type Server struct {
	// URL is the base URL of the API, which ends in /v1. Under [WithInMemory]
	// it is a name that only [Server.Client] and [Server.Transport] resolve.
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

// NewServer starts a server, by default on a free port of the loopback
// interface. A later option wins over an earlier one. NewServer panics if no
// port can be had, as [net/http/httptest.NewServer] does.
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
	s.http = &http.Server{Handler: handler}
	s.work.Go(func() { _ = s.http.Serve(listener) })
	return s
}

func (s *Server) listen() (net.Listener, dialFunc) {
	if s.settings.inMemory {
		// Nothing listens on port 1, so a client that was built without
		// Transport is refused instead of reaching a stranger.
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

// reachable is an address that leads to a listener which listens everywhere.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return a.String()
}

// Close stops the server: requests under way are cut off, waiting faults end,
// and both ends of every connection made through [Server.Client] or
// [Server.Transport] are closed. It returns when nothing of the server runs any
// more, and may be called more than once.
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

// begin registers work that Close waits for; false means that the server is
// closing and the work must not start.
func (s *Server) begin() bool {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// Now is the time by the server's clock.
func (s *Server) Now() time.Time {
	return s.clock().Add(time.Duration(s.offset.Load()))
}

// Advance moves the server's clock by d, which may be negative: sessions start
// and finish and tokens expire without anybody waiting. It leaves the clocks of
// clients alone, and does not end a [Delay] or a [CarryOutLate].
func (s *Server) Advance(d time.Duration) {
	s.offset.Add(int64(d))
}

// Format prints the server's URL under every verb: the credentials stay out of
// test logs.
func (s *Server) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.describe())
}

// LogValue is what a Server looks like in a structured log.
func (s *Server) LogValue() slog.Value {
	return slog.StringValue(s.describe())
}

func (s *Server) describe() string {
	if s == nil {
		return "coviutest.Server(nil)"
	}
	return "coviutest.Server(" + strings.TrimSuffix(s.URL, "/") + ")"
}
