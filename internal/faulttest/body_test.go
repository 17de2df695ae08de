package faulttest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// bomb returns a gzip file of a megabyte of spaces. Repeated, it is one larger file.
func bomb(t testing.TB) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(bytes.Repeat([]byte(" "), 1<<20))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return packed.Bytes()
}

func TestFault23_RepliesWithoutEnd(t *testing.T) {
	const (
		limit      = 1 << 20
		errorLimit = 64 << 10
	)
	megabyte := bomb(t)
	piece := bytes.Repeat([]byte(" "), 32<<10)
	chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", len(piece), piece)
	bodies := map[string]func(net.Conn){
		"endless by close": func(conn net.Conn) {
			send(conn, "\r\n")
			sendForEver(conn, piece)
		},
		"endless by chunks": func(conn net.Conn) {
			send(conn, "Transfer-Encoding: chunked\r\n\r\n")
			sendForEver(conn, chunk)
		},
		"10 GB": func(conn net.Conn) {
			send(conn, "Content-Length: 10737418240\r\n\r\n")
			sendForEver(conn, piece)
		},
		"gzip bomb": func(conn net.Conn) {
			send(conn, "Content-Encoding: gzip\r\n\r\n")
			sendForEver(conn, megabyte)
		},
	}
	for name, body := range bodies {
		for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
			for _, e := range []faultedCall{getOne, postOne} {
				t.Run(fmt.Sprint(name, "/", status, "/", e.method), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
							send(conn, "HTTP/1.1 "+strconv.Itoa(status)+" Whatever\r\n")
							body(conn)
							conn.Close()
						})
						c := peer.client(t, coviu.WithMaxResponseSize(limit))
						var before, after runtime.MemStats
						runtime.ReadMemStats(&before)
						err := e.call(t.Context(), c, someSession)
						runtime.ReadMemStats(&after)
						require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3*limit))
						require.Equal(t, 1, peer.count())
						require.Less(t, peer.bytesWritten(), limit+512<<10)
						switch {
						case status != http.StatusOK:
							requireCertain(t, err)
							refusal, ok := errors.AsType[*coviu.APIError](err)
							require.True(t, ok)
							require.Len(t, refusal.Body, errorLimit)
						case e.method == "POST":
							requireUnknown(t, err)
							require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
						default:
							requireCertain(t, err)
							_, ok := errors.AsType[*coviu.DecodeError](err)
							require.True(t, ok)
						}
					})
				})
			}
		}
	}
	t.Run("exactly at the limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) { sendJSON(conn, someSessionJSON) })
			size := int64(len(someSessionJSON))
			require.NoError(t, getOne.call(t.Context(), peer.client(t, coviu.WithMaxResponseSize(size)), someSession))
			err := getOne.call(t.Context(), peer.client(t, coviu.WithMaxResponseSize(size-1)), someSession)
			require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
		})
	})
}

// shortSession is the shortest session that can be decoded.
const shortSession = `{"session_id":"s-1","start_time":"2026-03-02T09:00:00Z","end_time":"2026-03-02T09:25:00Z"}`

// cutReplies holds the ways to send only the first n bytes of a body.
var cutReplies = map[string]func(conn net.Conn, body string, n int){
	"by Content-Length": func(conn net.Conn, body string, n int) {
		send(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body[:n])
		conn.Close()
	},
	"chunked": func(conn net.Conn, body string, n int) {
		send(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		if n > 0 {
			send(conn, strconv.FormatInt(int64(n), 16)+"\r\n"+body[:n]+"\r\n")
		}
		conn.Close()
	},
	"within a chunk": func(conn net.Conn, body string, n int) {
		send(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+
			strconv.FormatInt(int64(len(body)), 16)+"\r\n"+body[:n])
		conn.Close()
	},
	"by close": func(conn net.Conn, body string, n int) {
		send(conn, "HTTP/1.1 200 OK\r\n\r\n"+body[:n])
		conn.Close()
	},
	"by its own end": func(conn net.Conn, body string, n int) {
		send(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		if n > 0 {
			send(conn, strconv.FormatInt(int64(n), 16)+"\r\n"+body[:n]+"\r\n")
		}
		send(conn, "0\r\n\r\n")
	},
}

func TestFault24_BodyCutAtEveryByte(t *testing.T) {
	t.Parallel()
	for name, sendCut := range cutReplies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for n := range len(shortSession) {
					requireCutBodyIsNoModel(t, n, sendCut)
				}
			})
		})
	}
	t.Run("a page", func(t *testing.T) {
		page := `{"content":[` + shortSession + `],"more":false}`
		for n := range len(page) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
					cutReplies["by close"](conn, page, n)
				})
				err := either(peer.client(t).Sessions.List(t.Context(), nil))
				require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
				require.Equal(t, 3, peer.count())
			})
		}
	})
}

func requireCutBodyIsNoModel(t *testing.T, n int, sendCut func(net.Conn, string, int)) {
	t.Helper()
	always := func(conn net.Conn, _ *http.Request, _ int) { sendCut(conn, shortSession, n) }
	once := func(conn net.Conn, r *http.Request, attempt int) {
		if attempt == 1 {
			always(conn, r, attempt)
			return
		}
		sendJSON(conn, shortSession)
	}

	peer := newScriptedPeer(always)
	err := getOne.call(t.Context(), peer.client(t), someSession)
	requireCertain(t, err)
	_, ok := errors.AsType[*coviu.DecodeError](err)
	require.True(t, ok, "cut at %d: %v", n, err)
	require.Equal(t, 3, peer.count(), "cut at %d", n)

	peer = newScriptedPeer(once)
	require.NoError(t, getOne.call(t.Context(), peer.client(t), someSession), "cut at %d", n)
	require.Equal(t, 2, peer.count(), "cut at %d", n)

	peer = newScriptedPeer(once)
	err = postOne.call(t.Context(), peer.client(t), "")
	requireUnknown(t, err)
	require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
	require.Equal(t, 1, peer.count(), "cut at %d", n)
}

func TestFault25_BodyThatDoesNotComeThrough(t *testing.T) {
	half := len(someSessionJSON) / 2
	start := "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(someSessionJSON)) + "\r\n\r\n"
	for _, e := range everyOne {
		t.Run("RST/"+e.method, func(t *testing.T) {
			requireAsAfterALostBody(t, e, peerOnSocket(t), func(conn net.Conn) {
				send(conn, start+someSessionJSON[:half])
				resetConnection(conn)
			})
		})
		t.Run("one byte a minute/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
					send(conn, start)
					for i := range len(someSessionJSON) {
						if _, err := conn.Write([]byte{someSessionJSON[i]}); err != nil {
							return
						}
						pass(time.Minute)
					}
				})
				defer pass(2 * time.Minute)
				began := time.Now()
				err := e.call(t.Context(), peer.client(t), someSession)
				took := time.Since(began)
				require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				if e.method == "POST" {
					requireUnknown(t, err)
					require.Equal(t, 15*time.Second, took)
					require.Equal(t, 1, peer.count())
					return
				}
				require.GreaterOrEqual(t, took, 45*time.Second)
				require.LessOrEqual(t, took, 45*time.Second+300*time.Millisecond)
				require.Equal(t, 3, peer.count())
			})
		})
	}
	t.Run("stalls in the body", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory())
			defer s.Close()
			c, id := fixedClient(t, s), seedOne(t, s)
			s.Fail(getOne.operation, coviutest.StallBody(10))
			require.NoError(t, getOne.call(t.Context(), c, id))
			require.Equal(t, 2, s.Count(getOne.operation))
		})
	})
	t.Run("an error's body does not matter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
				send(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n{")
				conn.Close()
			})
			err := getOne.call(t.Context(), peer.client(t), someSession)
			require.ErrorIs(t, err, coviu.ErrNotFound)
			require.Equal(t, 1, peer.count())
		})
	})
}

// requireAsAfterALostBody is like requireAsAfterALostReply, but the headers of the
// reply arrive.
func requireAsAfterALostBody(t *testing.T, e faultedCall, client func(answer func(net.Conn, *http.Request, int)) (*coviu.Client, func() int), lose func(net.Conn)) {
	t.Helper()
	requireAsAfterALostReply(t, e, client, lose)
	c, _ := client(func(conn net.Conn, _ *http.Request, _ int) { lose(conn) })
	err := e.call(t.Context(), c, someSession)
	require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
	require.NotContains(t, err.Error(), someSession)
}
