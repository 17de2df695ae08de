package coviu_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestFault09_RefusedAndUnknownHost(t *testing.T) {
	failing := func(dials *atomic.Int32, cause error) *http.Transport {
		return coviu.NewTransport(func(context.Context, string, string) (net.Conn, error) {
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
				far := newScriptedPeer(func(conn net.Conn, r *http.Request, _ int) { sendJSON(conn, answersTo(r)) })
				var dials atomic.Int32
				transport := coviu.NewTransport(func(ctx context.Context, network, address string) (net.Conn, error) {
					if dials.Add(1) <= 2 {
						return nil, refusedConnection()
					}
					return far.dial(ctx, network, address)
				})
				require.NoError(t, e.call(t.Context(), clientOver(t, transport), someSession))
				require.Equal(t, 1, far.count())
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
	attempts := func(t *testing.T, transport *http.Transport, scheme string) {
		t.Helper()
		for _, e := range everyOne {
			c := clientOver(t, transport, coviu.WithBaseURL(strings.Replace(farURL, "http", scheme, 1)))
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
			attempts(t, coviu.NewTransport(func(ctx context.Context, _, _ string) (net.Conn, error) {
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
			attempts(t, coviu.NewTransport(func(context.Context, string, string) (net.Conn, error) {
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

				transport := coviu.NewTransport((&net.Dialer{}).DialContext)
				transport.TLSClientConfig.RootCAs = row.trusted
				err := e.call(t.Context(), clientOver(t, transport, coviu.WithBaseURL(server.URL)), someSession)
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
	// occupied is a far side whose only connection is held for a while.
	occupied := func(t *testing.T, held time.Duration, opts ...coviu.Option) (*coviu.Client, *scriptedPeer) {
		t.Helper()
		far := newScriptedPeer(func(conn net.Conn, r *http.Request, n int) {
			if n == 1 {
				pass(held)
			}
			sendJSON(conn, answersTo(r))
		})
		transport := coviu.NewTransport(far.dial)
		transport.MaxConnsPerHost = 1
		holder := clientOver(t, transport)
		go func() { _ = getOne.call(t.Context(), holder, someSession) }()
		synctest.Wait()
		return clientOver(t, transport, opts...), far
	}
	for _, e := range everyOne {
		t.Run("deadline/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, far := occupied(t, 5*time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := e.call(ctx, c, someSession)
				requireCertain(t, err)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, time.Second, time.Since(began))
				pass(10 * time.Second)
				require.Equal(t, 1, far.count())
			})
		})
		t.Run("attempt timeout/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, far := occupied(t, 1500*time.Millisecond, coviu.WithAttemptTimeout(time.Second))
				require.NoError(t, e.call(t.Context(), c, someSession))
				require.Equal(t, 2, far.count())
			})
		})
	}
}

// untracedTransport is a transport that reports no trace events.
type untracedTransport func(*http.Request) (*http.Response, error)

func (f untracedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
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

// requireAsAfterALostReply runs e against faults that lose a reply, once and
// for good, and wants what row 14 promises.
func requireAsAfterALostReply(t *testing.T, e faultedCall, client func(answer func(conn net.Conn, r *http.Request, n int)) (*coviu.Client, func() int), lose func(conn net.Conn)) {
	t.Helper()
	c, requests := client(func(conn net.Conn, _ *http.Request, _ int) { lose(conn) })
	err := e.call(t.Context(), c, someSession)
	switch e.method {
	case "POST":
		requireUnknown(t, err)
		require.Equal(t, 1, requests())
		return
	case "DELETE":
		requireUnknown(t, err)
	default:
		requireCertain(t, err)
	}
	require.Equal(t, 3, requests())

	c, requests = client(func(conn net.Conn, r *http.Request, n int) {
		if n == 1 {
			lose(conn)
			return
		}
		sendJSON(conn, answersTo(r))
	})
	require.NoError(t, e.call(t.Context(), c, someSession))
	require.Equal(t, 2, requests())
}

func TestFault14_ConnectionEndsAfterTheRequest(t *testing.T) {
	for _, e := range everyOne {
		t.Run("FIN/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requireAsAfterALostReply(t, e, peerInMemory(t), func(conn net.Conn) { conn.Close() })
			})
		})
		t.Run("RST in memory/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := coviutest.NewServer(coviutest.WithInMemory())
				defer s.Close()
				c, id := fixedClient(t, s), seedOne(t, s)
				s.Fail(e.operation, coviutest.Reset().Always())
				err := e.call(t.Context(), c, id)
				require.ErrorIs(t, err, syscall.ECONNRESET)
				want := 3
				if e.method == "POST" {
					requireUnknown(t, err)
					want = 1
				}
				require.Equal(t, want, s.Count(e.operation))
			})
		})
		for name, lose := range map[string]func(net.Conn){
			"FIN": func(conn net.Conn) { conn.Close() },
			"RST": resetConnection,
		} {
			t.Run(name+" on a socket/"+e.method, func(t *testing.T) {
				requireAsAfterALostReply(t, e, peerOnSocket(t), lose)
			})
		}
	}
}

func peerInMemory(t *testing.T) func(func(net.Conn, *http.Request, int)) (*coviu.Client, func() int) {
	return func(answer func(net.Conn, *http.Request, int)) (*coviu.Client, func() int) {
		far := newScriptedPeer(answer)
		return far.client(t), far.count
	}
}

// peerOnSocket serves over a real loopback connection that it takes over.
func peerOnSocket(t *testing.T) func(func(net.Conn, *http.Request, int)) (*coviu.Client, func() int) {
	return func(answer func(net.Conn, *http.Request, int)) (*coviu.Client, func() int) {
		var requests atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			answer(conn, r, int(requests.Add(1)))
			conn.Close()
		}))
		t.Cleanup(server.Close)
		transport := coviu.NewTransport((&net.Dialer{}).DialContext)
		c := clientOver(t, transport, coviu.WithBaseURL(server.URL), coviu.WithRetry(coviu.RetryPolicy{BaseDelay: time.Millisecond}))
		return c, func() int { return int(requests.Load()) }
	}
}

func resetConnection(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

func TestFault15_ReusedConnectionIsClosed(t *testing.T) {
	afterOne := func(t *testing.T, next func(conn net.Conn, r *http.Request, n int)) (*coviu.Client, *scriptedPeer) {
		t.Helper()
		far := newScriptedPeer(func(conn net.Conn, r *http.Request, n int) {
			if n == 1 {
				sendJSON(conn, someSessionJSON)
				return
			}
			next(conn, r, n)
		})
		c := far.client(t)
		require.NoError(t, getOne.call(t.Context(), c, someSession))
		synctest.Wait()
		return c, far
	}
	requireNoKey := func(t *testing.T, far *scriptedPeer) {
		t.Helper()
		for _, h := range far.headers() {
			require.NotContains(t, h, "Idempotency-Key")
			require.NotContains(t, h, "X-Idempotency-Key")
		}
	}
	loseOnce := func(conn net.Conn, r *http.Request, n int) {
		if n == 2 {
			conn.Close()
			return
		}
		sendJSON(conn, answersTo(r))
	}
	t.Run("under a GET", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, far := afterOne(t, loseOnce)
			began := time.Now()
			require.NoError(t, getOne.call(t.Context(), c, someSession))
			require.Zero(t, time.Since(began))
			require.Equal(t, 3, far.count())
			requireNoKey(t, far)
		})
	})
	t.Run("under a POST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, far := afterOne(t, loseOnce)
			requireUnknown(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 2, far.count())
			requireNoKey(t, far)
		})
	})
	for _, e := range everyOne {
		t.Run("while idle/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := newScriptedPeer(func(conn net.Conn, r *http.Request, _ int) {
					sendJSON(conn, answersTo(r))
					conn.Close()
				})
				c := far.client(t)
				require.NoError(t, getOne.call(t.Context(), c, someSession))
				synctest.Wait()
				require.NoError(t, e.call(t.Context(), c, someSession))
				require.Equal(t, 2, far.count())
				requireNoKey(t, far)
			})
		})
		t.Run("before a byte is written/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := newScriptedPeer(func(conn net.Conn, r *http.Request, _ int) { sendJSON(conn, answersTo(r)) })
				var dials atomic.Int32
				c := clientOver(t, coviu.NewTransport(func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := far.dial(ctx, network, address)
					if dials.Add(1) == 1 {
						conn = &closingConn{Conn: conn, writes: 1}
					}
					return conn, err
				}))
				require.NoError(t, getOne.call(t.Context(), c, someSession))
				synctest.Wait()
				require.NoError(t, e.call(t.Context(), c, someSession))
				require.Equal(t, 2, far.count())
				require.EqualValues(t, 2, dials.Load())
				requireNoKey(t, far)
			})
		})
	}
}

// closingConn is closed by the other side just before another write.
type closingConn struct {
	net.Conn
	writes int
}

func (c *closingConn) Write(p []byte) (int, error) {
	if c.writes == 0 {
		c.Close()
		return 0, syscall.EPIPE
	}
	c.writes--
	return c.Conn.Write(p)
}

func TestFault16_NoHeaders(t *testing.T) {
	for _, e := range everyOne {
		t.Run(e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := coviutest.NewServer(coviutest.WithInMemory())
				defer s.Close()
				c, id := fixedClient(t, s), seedOne(t, s)
				s.Fail(e.operation, coviutest.Hang().Always())
				began := time.Now()
				err := e.call(t.Context(), c, id)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				took := time.Since(began)
				if e.method == "POST" {
					requireUnknown(t, err)
					require.Equal(t, 15*time.Second, took)
					require.Equal(t, 1, s.Count(e.operation))
					return
				}
				require.GreaterOrEqual(t, took, 45*time.Second)
				require.LessOrEqual(t, took, 45*time.Second+300*time.Millisecond)
				require.Equal(t, 3, s.Count(e.operation))

				s.ClearFaults()
				s.Fail(e.operation, coviutest.Hang())
				require.NoError(t, e.call(t.Context(), c, id))
				require.Equal(t, 5, s.Count(e.operation))
			})
		})
	}
}

func TestFault17_RepliesThatAreNoHTTP(t *testing.T) {
	flood := []byte("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
	replies := map[string]func(net.Conn){
		"informational replies without end": func(conn net.Conn) { sendForEver(conn, flood) },
		"headers over the limit": func(conn net.Conn) {
			send(conn, "HTTP/1.1 200 OK\r\n")
			sendForEver(conn, []byte("X-Filler: "+strings.Repeat("x", 1000)+"\r\n"))
		},
		"one header without end": func(conn net.Conn) {
			send(conn, "HTTP/1.1 200 OK\r\nX-Filler: ")
			sendForEver(conn, []byte(strings.Repeat("x", 1000)))
		},
		"malformed status line": func(conn net.Conn) { send(conn, "HTTP/1.1 OK\r\n\r\n"); conn.Close() },
		"no HTTP":               func(conn net.Conn) { send(conn, "SSH-2.0-OpenSSH_9.6\r\n\r\n"); conn.Close() },
		"two Content-Lengths": func(conn net.Conn) {
			send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: "+strconv.Itoa(len(someSessionJSON))+"\r\n\r\n"+someSessionJSON)
			conn.Close()
		},
	}
	for name, lose := range replies {
		for _, e := range everyOne {
			t.Run(name+"/"+e.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					requireAsAfterALostReply(t, e, peerInMemory(t), lose)
					far := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) { lose(conn) })
					require.Error(t, e.call(t.Context(), far.client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})), someSession))
					require.Less(t, far.bytesWritten(), 128<<10)
				})
			})
		}
	}
	t.Run("Content-Length with chunked", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			far := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
				send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+
					strconv.FormatInt(int64(len(someSessionJSON)), 16)+"\r\n"+someSessionJSON+"\r\n0\r\n\r\n")
				conn.Close()
			})
			session, err := far.client(t).Sessions.Get(t.Context(), someSession, nil)
			require.NoError(t, err)
			require.Equal(t, someSession, session.SessionID)
			require.Equal(t, 1, far.count())
		})
	})
}

func TestFault18_HTTP2StreamsThatWereNotCarriedOut(t *testing.T) {
	refusals := map[string]func(*http2Conn, uint32){
		"GOAWAY below the stream": func(c *http2Conn, stream uint32) { c.goAway(stream-1, 0) },
		"REFUSED_STREAM":          func(c *http2Conn, stream uint32) { c.resetStream(stream, http2RefusedStream) },
	}
	for name, refuse := range refusals {
		for _, e := range everyOne {
			t.Run(name+"/"+e.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := newHTTP2Server(t)
					carriedOut := 0
					far.answer = func(c *http2Conn, stream uint32, n int) {
						if n == 1 {
							refuse(c, stream)
							return
						}
						carriedOut++
						c.reply(stream, far.body(e))
					}
					require.NoError(t, e.call(t.Context(), far.client(t), someSession))
					require.Equal(t, 2, far.count())
					require.Equal(t, 1, carriedOut)
				})
			})
		}
	}
}

func TestFault19_HTTP2StreamsThatMayHaveBeenCarriedOut(t *testing.T) {
	losses := map[string]func(*http2Conn, uint32){
		"GOAWAY at the stream": func(c *http2Conn, stream uint32) {
			c.goAway(stream, 0)
			c.Close()
		},
		"GOAWAY above the stream": func(c *http2Conn, _ uint32) {
			c.goAway(1<<31-1, 0)
			c.Close()
		},
		"RST_STREAM(INTERNAL_ERROR)": func(c *http2Conn, stream uint32) { c.resetStream(stream, http2InternalError) },
	}
	for name, lose := range losses {
		for _, e := range everyOne {
			t.Run(name+"/"+e.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := newHTTP2Server(t)
					far.answer = func(c *http2Conn, stream uint32, _ int) { lose(c, stream) }
					err := e.call(t.Context(), far.client(t), someSession)
					switch e.method {
					case "POST":
						requireUnknown(t, err)
						require.Equal(t, 1, far.count())
						return
					case "DELETE":
						requireUnknown(t, err)
					default:
						requireCertain(t, err)
					}
					require.Equal(t, 3, far.count())

					far = newHTTP2Server(t)
					far.answer = func(c *http2Conn, stream uint32, n int) {
						if n == 1 {
							lose(c, stream)
							return
						}
						c.reply(stream, far.body(e))
					}
					require.NoError(t, e.call(t.Context(), far.client(t), someSession))
					require.Equal(t, 2, far.count())
				})
			})
		}
	}
	for _, e := range everyOne {
		t.Run("on a connection in use/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := newHTTP2Server(t)
				connections := map[*http2Conn]bool{}
				far.answer = func(c *http2Conn, stream uint32, n int) {
					connections[c] = true
					if n == 2 {
						c.resetStream(stream, http2InternalError)
						return
					}
					c.reply(stream, far.body(e))
				}
				c := far.client(t)
				require.NoError(t, e.call(t.Context(), c, someSession))
				err := e.call(t.Context(), c, someSession)
				if e.method == "POST" {
					requireUnknown(t, err)
					require.Equal(t, 2, far.count())
				} else {
					require.NoError(t, err)
					require.Equal(t, 3, far.count())
				}
				require.Len(t, connections, 1)
			})
		})
	}
}

const (
	http2Data     = 0x0
	http2Headers  = 0x1
	http2Reset    = 0x3
	http2Settings = 0x4
	http2Ping     = 0x6
	http2GoAway   = 0x7

	http2EndStream  = 0x1
	http2Ack        = 0x1
	http2EndHeaders = 0x4

	http2InternalError = 0x2
	http2RefusedStream = 0x7

	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// hpackStatus200 is entry 8 of HPACK's static table.
	hpackStatus200 = 0x88
)

// http2Server speaks just enough HTTP/2 over TLS in memory to answer requests,
// or not to.
type http2Server struct {
	// answer is called for request number n, counted over all connections.
	answer func(c *http2Conn, stream uint32, n int)

	certificate tls.Certificate
	trusted     *x509.CertPool

	mu       sync.Mutex
	requests int
}

func newHTTP2Server(t *testing.T) *http2Server {
	t.Helper()
	s := new(http2Server)
	s.certificate, s.trusted = certificate(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	return s
}

func (s *http2Server) client(t *testing.T) *coviu.Client {
	t.Helper()
	transport := coviu.NewTransport(func(context.Context, string, string) (net.Conn, error) {
		near, far := bufferedPipe()
		go s.serve(&http2Conn{Conn: tls.Server(far, &tls.Config{
			Certificates: []tls.Certificate{s.certificate},
			NextProtos:   []string{"h2"},
		})})
		return near, nil
	})
	transport.TLSClientConfig.RootCAs = s.trusted
	return clientOver(t, transport, coviu.WithBaseURL(strings.Replace(farURL, "http", "https", 1)))
}

func (s *http2Server) body(e faultedCall) string {
	if e.method == "DELETE" {
		return `{"ok":true}`
	}
	return someSessionJSON
}

func (s *http2Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *http2Server) serve(c *http2Conn) {
	defer c.Close()
	preface := make([]byte, len(http2Preface))
	if _, err := io.ReadFull(c, preface); err != nil || string(preface) != http2Preface {
		return
	}
	c.frame(http2Settings, 0, 0, nil)
	for {
		kind, flags, stream, payload, err := c.next()
		if err != nil {
			return
		}
		switch {
		case kind == http2Settings && flags&http2Ack == 0:
			c.frame(http2Settings, http2Ack, 0, nil)
		case kind == http2Ping && flags&http2Ack == 0:
			c.frame(http2Ping, http2Ack, 0, payload)
		case (kind == http2Headers || kind == http2Data) && flags&http2EndStream != 0:
			s.mu.Lock()
			s.requests++
			n := s.requests
			s.mu.Unlock()
			s.answer(c, stream, n)
		}
	}
}

type http2Conn struct{ net.Conn }

func (c *http2Conn) next() (kind, flags byte, stream uint32, payload []byte, err error) {
	var header [9]byte
	if _, err = io.ReadFull(c, header[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	payload = make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
	_, err = io.ReadFull(c, payload)
	return header[3], header[4], binary.BigEndian.Uint32(header[5:]) &^ (1 << 31), payload, err
}

func (c *http2Conn) frame(kind, flags byte, stream uint32, payload []byte) {
	n := len(payload)
	header := binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream)
	_, _ = c.Write(append(header, payload...))
}

func (c *http2Conn) reply(stream uint32, body string) {
	c.frame(http2Headers, http2EndHeaders, stream, []byte{hpackStatus200})
	c.frame(http2Data, http2EndStream, stream, []byte(body))
}

func (c *http2Conn) resetStream(stream, code uint32) {
	c.frame(http2Reset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

func (c *http2Conn) goAway(last, code uint32) {
	c.frame(http2GoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}
