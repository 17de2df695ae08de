package faulttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

func TestFault09_RefusedAndUnknownHost(t *testing.T) {
	failing := func(dials *atomic.Int32, cause error) *http.Transport {
		return transport.New(func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			return nil, cause
		})
	}
	for _, e := range everyOne {
		t.Run("refused/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var dials atomic.Int32
				err := e.call(t.Context(), clientOver(t, failing(&dials, refusedConnection())), someSession)
				requireCertain(t, err)
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
				require.EqualValues(t, 3, dials.Load())
			})
		})
		t.Run("refused twice/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(conn net.Conn, r *http.Request, _ int) { sendJSON(conn, answersTo(r)) })
				var dials atomic.Int32
				rt := transport.New(func(ctx context.Context, network, address string) (net.Conn, error) {
					if dials.Add(1) <= 2 {
						return nil, refusedConnection()
					}
					return peer.dial(ctx, network, address)
				})
				require.NoError(t, e.call(t.Context(), clientOver(t, rt), someSession))
				require.Equal(t, 1, peer.count())
			})
		})
		t.Run("unknown host/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var dials atomic.Int32
				cause := &net.DNSError{Err: "no such host", Name: "api.example.test", IsNotFound: true}
				err := e.call(t.Context(), clientOver(t, failing(&dials, cause)), someSession)
				requireCertain(t, err)
				found, ok := errors.AsType[*net.DNSError](err)
				require.True(t, ok)
				require.True(t, found.IsNotFound)
				require.NotContains(t, err.Error(), "api.example.test")
				require.EqualValues(t, 1, dials.Load())
			})
		})
		t.Run("name server down/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var dials atomic.Int32
				err := e.call(t.Context(), clientOver(t, failing(&dials, &net.DNSError{Err: "try again", IsTemporary: true})), someSession)
				requireCertain(t, err)
				require.EqualValues(t, 3, dials.Load())
			})
		})
	}
	t.Run("refused for the token", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory())
			defer s.Close()
			c := s.Client(t)
			s.Fail("POST /auth/token", coviutest.Refuse().Times(2))
			_, err := c.Sessions.Create(t.Context(), soon())
			require.NoError(t, err)
			require.Equal(t, 1, s.Count("POST /sessions"))

			other := s.Client(t)
			s.Fail("POST /auth/token", coviutest.Refuse().Always())
			requireCertain(t, postOne.call(t.Context(), other, ""))
			require.Equal(t, 1, s.Count("POST /sessions"))
		})
	})
}

func TestFault10_DialOrHandshakeHangs(t *testing.T) {
	attempts := func(t *testing.T, rt *http.Transport, scheme string) {
		t.Helper()
		for _, e := range everyOne {
			c := clientOver(t, rt, coviu.WithBaseURL(strings.Replace(farURL, "http", scheme, 1)))
			began := time.Now()
			err := e.call(t.Context(), c, someSession)
			requireCertain(t, err)
			took := time.Since(began)
			require.GreaterOrEqual(t, took, 3*5*time.Second)
			require.LessOrEqual(t, took, 3*5*time.Second+300*time.Millisecond)
		}
	}
	t.Run("dial", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var dials atomic.Int32
			attempts(t, transport.New(func(ctx context.Context, _, _ string) (net.Conn, error) {
				dials.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			}), "http")
			require.EqualValues(t, 3*len(everyOne), dials.Load())
		})
	})
	t.Run("TLS handshake", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var dials, requests atomic.Int32
			attempts(t, transport.New(func(context.Context, string, string) (net.Conn, error) {
				dials.Add(1)
				near, far := net.Pipe()
				go func() {
					defer far.Close()
					heard, _ := io.ReadAll(far)
					if strings.Contains(string(heard), "HTTP/1.1") {
						requests.Add(1)
					}
				}()
				return near, nil
			}), "https")
			synctest.Wait()
			require.EqualValues(t, 3*len(everyOne), dials.Load())
			require.Zero(t, requests.Load())
		})
	})
}

// tallyListener counts the connections that reach a server.
type tallyListener struct {
	net.Listener
	accepted atomic.Int32
}

func (l *tallyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return conn, err
}

func TestFault11_TLSThatDoesNotFit(t *testing.T) {
	now := time.Now()
	good, trusted := certificate(t, "127.0.0.1", now.Add(-time.Hour), now.Add(time.Hour))
	expired, trustedExpired := certificate(t, "127.0.0.1", now.Add(-2*time.Hour), now.Add(-time.Hour))
	elsewhere, trustedElsewhere := certificate(t, "elsewhere.example.test", now.Add(-time.Hour), now.Add(time.Hour))
	rows := []struct {
		name    string
		server  *tls.Config
		trusted *x509.CertPool
		fault   bool
	}{
		{"bad CA", &tls.Config{Certificates: []tls.Certificate{good}}, x509.NewCertPool(), true},
		{"expired", &tls.Config{Certificates: []tls.Certificate{expired}}, trustedExpired, true},
		{"wrong host", &tls.Config{Certificates: []tls.Certificate{elsewhere}}, trustedElsewhere, true},
		{"TLS 1.1", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, trusted, false},
	}
	for _, row := range rows {
		for _, e := range everyOne {
			t.Run(row.name+"/"+e.method, func(t *testing.T) {
				var requests atomic.Int32
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
				listener := &tallyListener{Listener: server.Listener}
				server.Listener = listener
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				server.TLS = row.server
				server.StartTLS()
				defer server.Close()

				rt := transport.New((&net.Dialer{}).DialContext)
				rt.TLSClientConfig.RootCAs = row.trusted
				err := e.call(t.Context(), clientOver(t, rt, coviu.WithBaseURL(server.URL)), someSession)
				requireCertain(t, err)
				_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
				require.Equal(t, row.fault, isCertificate, "%v", err)
				require.EqualValues(t, 1, listener.accepted.Load())
				require.Zero(t, requests.Load())
			})
		}
	}
}

func TestFault12_NoPooledConnectionInTime(t *testing.T) {
	// occupied returns a client and a peer whose only connection is busy for a while.
	occupied := func(t *testing.T, held time.Duration, opts ...coviu.Option) (*coviu.Client, *scriptedPeer) {
		t.Helper()
		peer := newScriptedPeer(func(conn net.Conn, r *http.Request, n int) {
			if n == 1 {
				pass(held)
			}
			sendJSON(conn, answersTo(r))
		})
		rt := transport.New(peer.dial)
		rt.MaxConnsPerHost = 1
		holder := clientOver(t, rt)
		go func() { _ = getOne.call(t.Context(), holder, someSession) }()
		synctest.Wait()
		return clientOver(t, rt, opts...), peer
	}
	for _, e := range everyOne {
		t.Run("deadline/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := occupied(t, 5*time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := e.call(ctx, c, someSession)
				requireCertain(t, err)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, time.Second, time.Since(began))
				pass(10 * time.Second)
				require.Equal(t, 1, peer.count())
			})
		})
		t.Run("attempt timeout/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := occupied(t, 1500*time.Millisecond, coviu.WithAttemptTimeout(time.Second))
				require.NoError(t, e.call(t.Context(), c, someSession))
				require.Equal(t, 2, peer.count())
			})
		})
	}
}

func TestFault13_TransportWithoutTraceEvents(t *testing.T) {
	errBroken := errors.New("broken")
	for _, e := range everyOne {
		t.Run(e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				err := e.call(t.Context(), clientOver(t, untracedTransport(func(*http.Request) (*http.Response, error) {
					requests++
					return nil, errBroken
				})), someSession)
				require.ErrorIs(t, err, errBroken)
				switch e.method {
				case "POST":
					requireUnknown(t, err)
					require.Equal(t, 1, requests)
				case "DELETE":
					requireUnknown(t, err)
					require.Equal(t, 3, requests)
				default:
					requireCertain(t, err)
					require.Equal(t, 3, requests)
				}
			})
		})
	}
}

func refusedConnection() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}
