package faulttest

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestFault18_HTTP2StreamsThatWereNotCarriedOut(t *testing.T) {
	refusals := map[string]func(*http2Conn, uint32){
		"GOAWAY below the stream": func(c *http2Conn, stream uint32) { c.goAway(stream-1, 0) },
		"REFUSED_STREAM":          func(c *http2Conn, stream uint32) { c.resetStream(stream, http2RefusedStream) },
	}
	for name, refuse := range refusals {
		for _, e := range everyOne {
			t.Run(name+"/"+e.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := newHTTP2Server(t)
					carriedOut := 0
					server.answer = func(c *http2Conn, stream uint32, n int) {
						if n == 1 {
							refuse(c, stream)
							return
						}
						carriedOut++
						c.reply(stream, server.body(e))
					}
					require.NoError(t, e.call(t.Context(), server.client(t), someSession))
					require.Equal(t, 2, server.count())
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
					server := newHTTP2Server(t)
					server.answer = func(c *http2Conn, stream uint32, _ int) { lose(c, stream) }
					err := e.call(t.Context(), server.client(t), someSession)
					switch e.method {
					case "POST":
						requireUnknown(t, err)
						require.Equal(t, 1, server.count())
						return
					case "DELETE":
						requireUnknown(t, err)
					default:
						requireCertain(t, err)
					}
					require.Equal(t, 3, server.count())

					server = newHTTP2Server(t)
					server.answer = func(c *http2Conn, stream uint32, n int) {
						if n == 1 {
							lose(c, stream)
							return
						}
						c.reply(stream, server.body(e))
					}
					require.NoError(t, e.call(t.Context(), server.client(t), someSession))
					require.Equal(t, 2, server.count())
				})
			})
		}
	}
	for _, e := range everyOne {
		t.Run("on a connection in use/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newHTTP2Server(t)
				connections := map[*http2Conn]bool{}
				server.answer = func(c *http2Conn, stream uint32, n int) {
					connections[c] = true
					if n == 2 {
						c.resetStream(stream, http2InternalError)
						return
					}
					c.reply(stream, server.body(e))
				}
				c := server.client(t)
				require.NoError(t, e.call(t.Context(), c, someSession))
				err := e.call(t.Context(), c, someSession)
				if e.method == "POST" {
					requireUnknown(t, err)
					require.Equal(t, 2, server.count())
				} else {
					require.NoError(t, err)
					require.Equal(t, 3, server.count())
				}
				require.Len(t, connections, 1)
			})
		})
	}
}
