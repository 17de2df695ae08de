package coviu_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const (
	// farURL resolves nowhere: what reaches it went through a test's dialer.
	farURL = "http://127.0.0.1:1/v1"

	someSession     = "5f0f6c1e-0b1d-4e52-9c2a-000000000001"
	someSessionJSON = `{"session_id":"` + someSession + `","session_name":"Check-up",` +
		`"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z","participants":[]}`
)

// scriptedPeer is the other end of connections in memory. It reads requests, and its
// script answers them byte by byte.
type scriptedPeer struct {
	// answer replies to request number n, counted from one. It may close the
	// connection; else the next request is read from it.
	answer func(conn net.Conn, r *http.Request, n int)

	mu          sync.Mutex
	requests    []*http.Request
	bodies      []string
	open, dials int
	written     int
}

func newScriptedPeer(answer func(conn net.Conn, r *http.Request, n int)) *scriptedPeer {
	return &scriptedPeer{answer: answer}
}

func (f *scriptedPeer) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	f.mu.Lock()
	f.open++
	f.dials++
	f.mu.Unlock()
	go f.serve(&countedConn{Conn: far, far: f})
	return &trackedConn{Conn: near, far: f}, nil
}

func (f *scriptedPeer) serve(conn net.Conn) {
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
		f.answer(conn, r, f.record(r, body))
	}
}

func (f *scriptedPeer) record(r *http.Request, body []byte) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r)
	f.bodies = append(f.bodies, string(body))
	return len(f.requests)
}

func (f *scriptedPeer) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func (f *scriptedPeer) headers() []http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []http.Header
	for _, r := range f.requests {
		all = append(all, r.Header)
	}
	return all
}

// connections is how many the client has not closed.
func (f *scriptedPeer) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

func (f *scriptedPeer) bytesWritten() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written
}

// client is a client of the far side over the library's own transport, with a
// token that needs no request.
func (f *scriptedPeer) client(t testing.TB, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	return clientOver(t, coviu.NewTransport(f.dial), opts...)
}

func clientOver(t testing.TB, transport http.RoundTripper, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	own := []coviu.Option{
		coviu.WithBaseURL(farURL),
		coviu.WithHTTPClient(&http.Client{Transport: transport}),
		withFixedToken(),
	}
	client, err := coviu.NewClient("", "", append(own, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// withFixedToken keeps the token faultedCall, and the connection that it leaves
// idle, out of a test's counts.
func withFixedToken() coviu.Option {
	return coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "fixed"}))
}

// fixedClient is a client of the server that makes no token request.
func fixedClient(t testing.TB, s *coviutest.Server, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	token, err := s.Client(t).Token(t.Context())
	require.NoError(t, err)
	source := coviu.WithTokenSource(oauth2.StaticTokenSource(token))
	s.Transport().(interface{ CloseIdleConnections() }).CloseIdleConnections()
	s.ClearRequests()
	return s.Client(t, append([]coviu.Option{source}, opts...)...)
}

// trackedConn is the client's end of a connection.
type trackedConn struct {
	net.Conn
	far  *scriptedPeer
	once sync.Once
}

func (c *trackedConn) Close() error {
	c.once.Do(func() {
		c.far.mu.Lock()
		c.far.open--
		c.far.mu.Unlock()
	})
	return c.Conn.Close()
}

// countedConn is the far side's end of a connection.
type countedConn struct {
	net.Conn
	far *scriptedPeer
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.far.mu.Lock()
	c.far.written += n
	c.far.mu.Unlock()
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

// faultedCall is a call that stands for its method.
type faultedCall struct {
	method, operation string
	call              func(ctx context.Context, c *coviu.Client, id string) error
}

var (
	getOne = faultedCall{"GET", "GET /sessions/{session_id}", func(ctx context.Context, c *coviu.Client, id string) error {
		return either(c.Sessions.Get(ctx, id, nil))
	}}
	putOne = faultedCall{"PUT", "PUT /sessions/{session_id}", func(ctx context.Context, c *coviu.Client, id string) error {
		return either(c.Sessions.Update(ctx, id, &coviu.SessionUpdateRequest{SessionName: new("Follow-up")}))
	}}
	deleteOne = faultedCall{"DELETE", "DELETE /sessions/{session_id}", func(ctx context.Context, c *coviu.Client, id string) error {
		return either(c.Sessions.Delete(ctx, id))
	}}
	postOne = faultedCall{"POST", "POST /sessions", func(ctx context.Context, c *coviu.Client, _ string) error {
		return either(c.Sessions.Create(ctx, soon()))
	}}

	repeatable = []faultedCall{getOne, putOne, deleteOne}
	everyOne   = []faultedCall{getOne, putOne, deleteOne, postOne}
)

var errBothOrNeither = errors.New("a call returned a value with an error, or neither")

// either holds every call to returning a value or an error.
func either[T any](value *T, err error) error {
	if (value == nil) == (err == nil) {
		return errors.Join(errBothOrNeither, err)
	}
	return err
}

func soon() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{
		SessionName: "Check-up",
		StartTime:   time.Now().Add(24 * time.Hour),
		EndTime:     time.Now().Add(25 * time.Hour),
	}
}

func seedOne(t testing.TB, s *coviutest.Server) string {
	t.Helper()
	seeded, err := s.Seed(coviu.Session{StartTime: time.Now().Add(24 * time.Hour)})
	require.NoError(t, err)
	return seeded[0].SessionID
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// answersTo gives the model that the request's method is due.
func answersTo(r *http.Request) string {
	if r.Method == http.MethodDelete {
		return `{"ok":true}`
	}
	return someSessionJSON
}

// requireUnknown wants a POST's outcome to be reported as unknown.
func requireUnknown(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	unknown, ok := errors.AsType[*coviu.OutcomeUnknownError](err)
	require.True(t, ok)
	require.Error(t, unknown.Err)
	require.NotErrorIs(t, err, errBothOrNeither)
}

// requireCertain wants an error that leaves no doubt about the outcome.
func requireCertain(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, errBothOrNeither)
}

func refusedConnection() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// bufferedPipe is a connection that takes what is written without waiting for
// the other end to read, as a socket does.
func bufferedPipe() (near, far net.Conn) {
	up, down := newPipeBuffer(), newPipeBuffer()
	return &bufferedConn{in: down, out: up}, &bufferedConn{in: up, out: down}
}

type bufferedConn struct {
	net.Conn // deadlines and addresses are asked of nobody
	in, out  *pipeBuffer
}

func (c *bufferedConn) Read(p []byte) (int, error)       { return c.in.read(p) }
func (c *bufferedConn) Write(p []byte) (int, error)      { return c.out.write(p) }
func (c *bufferedConn) SetDeadline(time.Time) error      { return nil }
func (c *bufferedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *bufferedConn) SetWriteDeadline(time.Time) error { return nil }
func (c *bufferedConn) LocalAddr() net.Addr              { return &net.IPAddr{} }
func (c *bufferedConn) RemoteAddr() net.Addr             { return &net.IPAddr{} }

func (c *bufferedConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

type pipeBuffer struct {
	mu      sync.Mutex
	changed *sync.Cond
	held    bytes.Buffer
	closed  bool
}

func newPipeBuffer() *pipeBuffer {
	b := new(pipeBuffer)
	b.changed = sync.NewCond(&b.mu)
	return b
}

func (b *pipeBuffer) read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.held.Len() == 0 && !b.closed {
		b.changed.Wait()
	}
	return b.held.Read(p)
}

func (b *pipeBuffer) write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, io.ErrClosedPipe
	}
	b.changed.Broadcast()
	return b.held.Write(p)
}

func (b *pipeBuffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.changed.Broadcast()
}

// certificate is one for host that signs itself, and the pool that trusts it.
func certificate(t testing.TB, host string, from, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: host},
		NotBefore:    from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, trusted
}
