package dotest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// writerFunc is an io.Writer that is one function.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

const header100 = "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 100\r\n\r\n"

func TestFault77_WriterGetsABodyOfAnySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pieces = 1600
		piece := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
		p := newPeer(func(conn net.Conn, r *http.Request, n int) {
			if n > 1 {
				sendJSON(conn, model(r))
				return
			}
			send(conn, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", pieces*len(piece)))
			for range pieces {
				_, _ = conn.Write(piece)
			}
		})
		written := 0
		into := writerFunc(func(b []byte) (int, error) {
			require.Equal(t, piece[written%16], b[0])
			written += len(b)
			return len(b), nil
		})
		c := p.client(t, coviu.WithMaxResponseSize(1<<10))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, summary(t.Context(), c, into))
		runtime.ReadMemStats(&after)
		require.Equal(t, pieces*len(piece), written)
		require.Greater(t, written, 100_000_000)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		r, _ := p.request(0)
		require.Equal(t, []string{"*/*"}, r.Header["Accept"])

		// The header that calls share is not changed.
		require.NoError(t, c.Do(t.Context(), coviu.Call{Route: "DELETE /x"}))
		r, _ = p.request(1)
		require.Equal(t, []string{"application/json"}, r.Header["Accept"])
	})
}

func TestFault77_WriterGetsWhatGzipHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var packed, got bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(bytes.Repeat([]byte("moving picture "), 10_000))
		require.NoError(t, w.Close())
		p := newPeer(func(conn net.Conn, r *http.Request, _ int) {
			require.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
			sendStatus(conn, http.StatusOK, packed.String(), "Content-Encoding: gzip")
		})
		require.NoError(t, summary(t.Context(), p.client(t), &got))
		require.Equal(t, strings.Repeat("moving picture ", 10_000), got.String())
	})
}

func TestFault77_WriterGetsNothingOfARefusalOrAPart(t *testing.T) {
	for status, kind := range map[int]error{
		http.StatusPartialContent: coviu.ErrUnexpectedResponse,
		http.StatusNotFound:       coviu.ErrNotFound,
		http.StatusFound:          nil,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
					sendStatus(conn, status, `{"message":"no such recording"}`, "Content-Range: bytes 0-30/100")
				})
				var got bytes.Buffer
				err := summary(t.Context(), p.client(t), &got)
				require.Error(t, err)
				if kind != nil {
					require.ErrorIs(t, err, kind)
				}
				if e, ok := errors.AsType[*coviu.APIError](err); ok {
					require.Equal(t, "no such recording", e.Message)
				}
				require.Zero(t, got.Len())
				require.Equal(t, 1, p.count())
			})
		})
	}
}

func TestFault77_WriterWaitsAsLongAsBytesCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
			pass(14 * time.Second)
			send(conn, header100)
			for range 100 {
				pass(14 * time.Second)
				send(conn, "x")
			}
		})
		var got bytes.Buffer
		began := time.Now()
		require.NoError(t, summary(t.Context(), p.client(t), &got))
		require.Equal(t, 100, got.Len())
		require.Equal(t, 101*14*time.Second, time.Since(began))
		require.Equal(t, 1, p.count())
	})
}

func TestFault77_WriterStopsWaitingAfterTheAttemptTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
			send(conn, header100)
			pass(10 * time.Second)
			send(conn, "x")
			_, _ = conn.Read(make([]byte, 1))
		})
		var got bytes.Buffer
		began := time.Now()
		err := summary(t.Context(), p.client(t), &got)
		require.Equal(t, 25*time.Second, time.Since(began))
		requireDecodeError(t, err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Contains(t, err.Error(), "reply cut short")
		require.Equal(t, "x", got.String())
		require.Equal(t, 1, p.count())
	})
}

func TestFault77_SlowWriterIsNotTheServersFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
			send(conn, header100)
			for range 4 {
				send(conn, strings.Repeat("x", 25))
			}
		})
		written := 0
		into := writerFunc(func(b []byte) (int, error) {
			pass(time.Hour)
			written += len(b)
			return len(b), nil
		})
		require.NoError(t, summary(t.Context(), p.client(t), into))
		require.Equal(t, 100, written)
	})
}

func TestFault77_BodyLostBeforeItsFirstByteIsAskedForAgain(t *testing.T) {
	losses := map[string]func(net.Conn){
		"FIN":     func(conn net.Conn) { send(conn, header100); conn.Close() },
		"silence": func(conn net.Conn) { send(conn, header100); _, _ = conn.Read(make([]byte, 1)) },
		"status":  func(conn net.Conn) { sendStatus(conn, http.StatusServiceUnavailable, "") },
	}
	for name, lose := range losses {
		for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPeer(func(conn net.Conn, _ *http.Request, n int) {
						if n < 3 {
							lose(conn)
							return
						}
						sendJSON(conn, "whole")
					})
					var got bytes.Buffer
					err := p.client(t).Do(t.Context(), coviu.Call{Route: method + " /x", Into: &got})
					if method == "POST" {
						require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
						require.Equal(t, 1, p.count())
						return
					}
					require.NoError(t, err)
					require.Equal(t, "whole", got.String())
					require.Equal(t, 3, p.count())
				})
			})
		}
	}
}

func TestFault77_NothingIsSentAgainAfterTheFirstByte(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
					send(conn, header100+"x")
					conn.Close()
				})
				var got bytes.Buffer
				err := p.client(t).Do(t.Context(), coviu.Call{Route: method + " /x", Into: &got})
				require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				require.Contains(t, err.Error(), "reply cut short")
				require.Equal(t, "x", got.String())
				require.Equal(t, 1, p.count())
			})
		})
	}
}

func TestFault77_WriterThatFails(t *testing.T) {
	errDisk := errors.New("canary: no space left on device")
	for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(func(conn net.Conn, _ *http.Request, _ int) { send(conn, header100+strings.Repeat("x", 100)) })
				calls := 0
				into := writerFunc(func([]byte) (int, error) { calls++; return 0, errDisk })
				err := p.client(t).Do(t.Context(), coviu.Call{Route: method + " /x", Into: into})
				require.ErrorIs(t, err, errDisk)
				require.Equal(t, method == "POST", errors.Is(err, coviu.ErrOutcomeUnknown))
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "canary")
				require.Contains(t, err.Error(), "the writer failed")
				require.Equal(t, 1, calls)
				require.Equal(t, 1, p.count())
			})
		})
	}
}

func TestFault77_WriterThatTakesTooLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(replying("whole"))
		into := writerFunc(func(b []byte) (int, error) { return len(b) - 1, nil })
		require.ErrorIs(t, summary(t.Context(), p.client(t), into), io.ErrShortWrite)
	})
}

func TestFault77_WriterWhoseErrorIsThatOfAnotherCall(t *testing.T) {
	// The writer passes on what it gets with a call of its own, and returns the
	// error of that call. It must not be taken for an error of this call.
	synctest.Test(t, func(t *testing.T) {
		other := clientOver(t, transportFunc(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("http: server closed idle connection")
		}), fixedToken(), coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
		p := newPeer(replying("whole"))
		into := writerFunc(func([]byte) (int, error) { return 0, summary(t.Context(), other, nil) })
		require.Error(t, summary(t.Context(), p.client(t), into))
		require.Equal(t, 1, p.count())
	})
}

func TestFault77_CanceledWhileTheBodyIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
			send(conn, header100+"x")
			pass(time.Second)
			cancel()
			_, _ = conn.Read(make([]byte, 1))
		})
		var got bytes.Buffer
		began := time.Now()
		err := summary(ctx, p.client(t), &got)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second, time.Since(began))
		require.Equal(t, 1, p.count())
		synctest.Wait()
		_, open := p.connections()
		require.Zero(t, open)
	})
}

func TestFault77_WriterThatPanicsReleasesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
			send(conn, header100+"x")
			_, _ = conn.Read(make([]byte, 1))
		})
		into := writerFunc(func([]byte) (int, error) { panic("disk") })
		require.PanicsWithValue(t, "disk", func() { _ = summary(t.Context(), p.client(t), into) })
		pass(time.Second) // Go 1.27 reads on for 50 ms after the body was closed
		synctest.Wait()
		_, open := p.connections()
		require.Zero(t, open)
	})
}
