package faulttest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
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

// requireAsAfterALostReply calls e while every reply is lost, and while only the
// first is lost. It checks what row 14 of docs/faults.md promises.
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
		peer := newScriptedPeer(answer)
		return peer.client(t), peer.count
	}
}

// peerOnSocket answers on hijacked loopback connections.
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
		rt := transport.New((&net.Dialer{}).DialContext)
		c := clientOver(t, rt, coviu.WithBaseURL(server.URL), coviu.WithRetry(coviu.RetryPolicy{BaseDelay: time.Millisecond}))
		return c, func() int { return int(requests.Load()) }
	}
}

func resetConnection(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

func TestFault15_ReusedConnectionIsClosed(t *testing.T) {
	oneAttempt := coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})
	afterOne := func(t *testing.T, next func(conn net.Conn, r *http.Request, n int), opts ...coviu.Option) (*coviu.Client, *scriptedPeer) {
		t.Helper()
		peer := newScriptedPeer(func(conn net.Conn, r *http.Request, n int) {
			if n == 1 {
				sendJSON(conn, someSessionJSON)
				return
			}
			next(conn, r, n)
		})
		c := peer.client(t, opts...)
		require.NoError(t, getOne.call(t.Context(), c, someSession))
		synctest.Wait()
		return c, peer
	}
	requireNoKey := func(t *testing.T, peer *scriptedPeer) {
		t.Helper()
		for _, h := range peer.headers() {
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
			c, peer := afterOne(t, loseOnce)
			began := time.Now()
			require.NoError(t, getOne.call(t.Context(), c, someSession))
			require.LessOrEqual(t, time.Since(began), 100*time.Millisecond)
			require.Equal(t, 3, peer.count())
			requireNoKey(t, peer)
		})
	})
	t.Run("under a GET with one attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, peer := afterOne(t, loseOnce, oneAttempt)
			require.Error(t, getOne.call(t.Context(), c, someSession))
			require.Equal(t, 2, peer.count())
		})
	})
	t.Run("under a POST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, peer := afterOne(t, loseOnce)
			requireUnknown(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 2, peer.count())
			requireNoKey(t, peer)
		})
	})
	for _, e := range everyOne {
		t.Run("while idle/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(conn net.Conn, r *http.Request, _ int) {
					sendJSON(conn, answersTo(r))
					conn.Close()
				})
				c := peer.client(t, oneAttempt)
				require.NoError(t, getOne.call(t.Context(), c, someSession))
				synctest.Wait()
				require.NoError(t, e.call(t.Context(), c, someSession))
				require.Equal(t, 2, peer.count())
				requireNoKey(t, peer)
			})
		})
		t.Run("before a byte is written/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(conn net.Conn, r *http.Request, _ int) { sendJSON(conn, answersTo(r)) })
				var dials atomic.Int32
				c := clientOver(t, transport.New(func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := peer.dial(ctx, network, address)
					if dials.Add(1) == 1 {
						conn = &closingConn{Conn: conn, writes: 1}
					}
					return conn, err
				}), oneAttempt)
				require.NoError(t, getOne.call(t.Context(), c, someSession))
				synctest.Wait()
				require.NoError(t, e.call(t.Context(), c, someSession))
				require.Equal(t, 2, peer.count())
				require.EqualValues(t, 2, dials.Load())
				requireNoKey(t, peer)
			})
		})
	}
}

// closingConn fails all writes after the first ones, as if the peer had closed it.
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
					peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) { lose(conn) })
					require.Error(t, e.call(t.Context(), peer.client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})), someSession))
					require.Less(t, peer.bytesWritten(), 128<<10)
				})
			})
		}
	}
	t.Run("Content-Length with chunked", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
				send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+
					strconv.FormatInt(int64(len(someSessionJSON)), 16)+"\r\n"+someSessionJSON+"\r\n0\r\n\r\n")
				conn.Close()
			})
			session, err := peer.client(t).Sessions.Get(t.Context(), someSession, nil)
			require.NoError(t, err)
			require.Equal(t, someSession, session.SessionID)
			require.Equal(t, 1, peer.count())
		})
	})
}
