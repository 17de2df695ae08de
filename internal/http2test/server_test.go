//go:debug x509usefallbackroots=1
//go:debug tlsmlkem=0
package http2test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain runs more tests at a time than there are processors, because most of
// them wait for a socket, and collects garbage less often, which is a third of
// their time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	debug.SetGCPercent(400)
	m.Run()
}

// kind is how a fault ends an exchange or its connection.
type kind int

const (
	// reset is RST_STREAM. With REFUSED_STREAM the request is not carried out.
	reset kind = iota
	// goAwayBelow is GOAWAY with a last stream id below the request's: the
	// request is not carried out, and the connection takes no other one.
	goAwayBelow
	// goAwayAt and goAwayAbove are GOAWAY with the request's own stream id and
	// with the highest one. The connection is closed after it.
	goAwayAt
	goAwayAbove
	// closed ends the connection by FIN, aborted by RST.
	closed
	aborted
	// silent leaves the request without another byte.
	silent
)

// moment is when a fault strikes, in the order of one exchange.
type moment int

const (
	beforeRequest moment = iota // the connection is up, nothing was read from it
	afterHeaders
	afterBody
	afterReplyHeaders
	inReplyBody
	afterReply
)

func (m moment) String() string {
	return [...]string{
		"before the request", "after its headers", "after its body",
		"after the reply's headers", "in the reply's body", "after the reply",
	}[m]
}

type fault struct {
	kind   kind
	code   uint32
	moment moment
}

func (f fault) String() string {
	name := [...]string{
		"RST_STREAM %s", "GOAWAY %s below the stream", "GOAWAY %s at the stream", "GOAWAY %s above the stream",
		"FIN", "TCP reset", "silence",
	}[f.kind]
	if f.kind <= goAwayAbove {
		name = fmt.Sprintf(name, codeName(f.code))
	}
	return name + " " + f.moment.String()
}

// notCarriedOut reports whether the fault tells the client that the request was
// not carried out.
func (f fault) notCarriedOut() bool {
	return f.moment <= afterBody && (f.kind == goAwayBelow || f.kind == reset && f.code == refusedStream)
}

// plan says which fault strikes next: on a connection that was just made, or on
// a request whose headers were just read. Nil is none.
type plan interface {
	connected() *fault
	requested() *fault
}

// tally is what the server counted.
type tally struct {
	connections int // accepted
	received    int // requests whose headers were read
	refused     int // requests that the client was told were not carried out
	carriedOut  int // requests that took effect
	answered    int // replies that were sent whole
	struck      int // faults
}

// server carries out every complete request, unless its plan says otherwise.
type server struct {
	t        testing.TB
	listener net.Listener
	protocol protocol
	reply    string
	plan     plan
	// first is the status of the first reply, 200 if zero.
	first int
	ended chan struct{} // gets a value whenever a connection has ended
	// silenced gets a value when the server falls silent.
	silenced chan struct{}
	served   sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]bool
	gone   []net.Conn     // connections that take no more requests
	bodies map[string]int // how often a request with this body was carried out
	count  tally
}

// protocol is what the server speaks.
type protocol int

const (
	http1 protocol = iota
	http2
	http2TLS
)

func newServer(t testing.TB, speaks protocol, reply string, p plan) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{
		t: t, listener: listener, protocol: speaks, reply: reply, plan: p,
		ended: make(chan struct{}, 1), silenced: make(chan struct{}, 1), open: map[net.Conn]bool{}, bodies: map[string]int{},
	}
	s.served.Add(1)
	go s.accept()
	t.Cleanup(func() { s.settle(func() {}) })
	return s
}

func (s *server) url() string {
	if s.protocol == http2TLS {
		return "https://" + s.listener.Addr().String() + "/v1"
	}
	return "http://" + s.listener.Addr().String() + "/v1"
}

func (s *server) accept() {
	defer s.served.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.served.Add(1)
		s.add(func(c *tally) { c.connections++; s.open[conn] = true })
		go func() {
			defer s.served.Done()
			s.serve(conn)
			conn.Close()
			s.add(func(*tally) { delete(s.open, conn) })
			signal(s.ended)
		}()
	}
}

// signal never waits: one value in the channel is enough.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *server) serve(raw net.Conn) {
	switch s.protocol {
	case http1:
		s.serveHTTP1(raw)
	case http2:
		s.serveHTTP2(raw, raw)
	case http2TLS:
		s.serveHTTP2(tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{identity().certificate}, NextProtos: []string{"h2"}}), raw)
	}
}

// settle waits until everything that the client has sent was read, and returns
// the final counts. closeIdle closes the client's idle connections.
func (s *server) settle(closeIdle func()) tally {
	s.listener.Close()
	done := make(chan struct{})
	go func() { s.served.Wait(); close(done) }()
	for deadline := time.After(2 * time.Second); ; {
		closeIdle()
		select {
		case <-done:
			return s.counts()
		case <-time.After(time.Millisecond):
			// net/http leaves a connection open that was told to go away before
			// its first request.
			s.add(func(*tally) {
				for _, conn := range s.gone {
					conn.Close()
				}
			})
		case <-deadline:
			s.add(func(*tally) {
				for conn := range s.open {
					conn.Close()
				}
			})
		}
	}
}

func (s *server) counts() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

func (s *server) add(change func(*tally)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.count)
}

func (s *server) connected() *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.plan.connected()
	if f != nil {
		s.count.struck++
	}
	return f
}

// exchange is one request at the server.
type exchange struct {
	stream uint32
	fault  *fault
	status int
	body   []byte
}

func (s *server) begin(stream uint32) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count.received++
	x := &exchange{stream: stream, status: http.StatusOK}
	if s.first != 0 && s.count.received == 1 {
		x.status = s.first
		return x
	}
	if x.fault = s.plan.requested(); x.fault != nil {
		s.count.struck++
		if x.fault.notCarriedOut() {
			s.count.refused++
		}
	}
	return x
}

// carryOut is the request's effect, unless the client will be told that there
// was none.
func (s *server) carryOut(x *exchange) bool {
	if x.status != http.StatusOK || x.fault != nil && x.fault.notCarriedOut() {
		return false
	}
	s.add(func(c *tally) { c.carriedOut++; s.bodies[string(x.body)]++ })
	return true
}

func (x *exchange) fails(m moment) bool { return x.fault != nil && x.fault.moment == m }

func (s *server) serveHTTP1(conn net.Conn) {
	requests := bufio.NewReader(conn)
	if _, err := requests.Peek(0); err != nil {
		return
	}
	if f := s.connected(); f != nil {
		end(conn, conn, f.kind)
		return
	}
	for {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		x := s.begin(0)
		half := len(s.reply) / 2
		steps := [...]func() error{
			afterHeaders: func() error { return nil },
			afterBody: func() (err error) {
				if x.body, err = io.ReadAll(r.Body); err == nil {
					s.carryOut(x)
				}
				return err
			},
			afterReplyHeaders: func() error {
				_, err := fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n", x.status, http.StatusText(x.status), len(s.reply))
				return err
			},
			inReplyBody: func() error { _, err := io.WriteString(conn, s.reply[:half]); return err },
			afterReply: func() error {
				_, err := io.WriteString(conn, s.reply[half:])
				s.add(func(c *tally) { c.answered++ })
				return err
			},
		}
		for m := afterHeaders; m <= afterReply; m++ {
			if steps[m]() != nil {
				return
			}
			if x.fails(m) {
				if x.fault.kind == silent {
					signal(s.silenced)
				}
				end(conn, conn, x.fault.kind)
				return
			}
		}
	}
}

// end closes a connection. A FIN follows what was sent; what still arrives is
// read and dropped until the client has closed its side too.
func end(conn, raw net.Conn, how kind) {
	if how == aborted {
		_ = raw.(*net.TCPConn).SetLinger(0)
		raw.Close()
		return
	}
	if how != silent {
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	_, _ = io.Copy(io.Discard, conn)
}

// authority is the certificate that every server here shows.
type authority struct {
	certificate tls.Certificate
	trusted     *x509.CertPool
}

// identity is made once and trusted by the whole test program, so that the
// library's own transport connects to these servers as it is.
var identity = sync.OnceValue(func() authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "127.0.0.1"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	a := authority{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, x509.NewCertPool()}
	a.trusted.AddCert(leaf)
	x509.SetFallbackRoots(a.trusted)
	return a
})
