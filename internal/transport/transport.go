// Package transport makes the HTTP transport that the library uses by default.
package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// connectTimeout bounds the dial and the TLS handshake, each. Nothing is
	// sent before both are done, so a POST can be repeated after either failed.
	connectTimeout = 5 * time.Second
	// maxConns bounds the connections to the one host of the service and lets a
	// busy backend keep them all: net/http would keep two. Without a bound,
	// net/http dials for every call that finds no idle connection, and often
	// dials again before the first dial is done.
	maxConns = 64
	// idleTimeout is shorter than the minute after which common load balancers
	// close idle connections. A connection that they close while a POST is sent
	// leaves the outcome of the POST unknown.
	idleTimeout    = 45 * time.Second
	maxHeaderBytes = 64 << 10
	pingAfter      = 15 * time.Second
	pingTimeout    = 5 * time.Second
)

// DialFunc opens a connection, like [net.Dialer.DialContext].
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// New returns a transport that opens its connections with dial. Pass
// [net.Dialer.DialContext] outside of tests.
func New(dial DialFunc) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectTimeout)
			defer cancel()
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &CountingConn{Conn: conn}, nil
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// A ping finds a connection that died without notice.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
}

// CountingConn counts the bytes written, so that a POST that failed before any
// byte left is known as not sent.
type CountingConn struct {
	net.Conn

	written atomic.Int64
}

// Write counts what it writes.
func (c *CountingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}

// BytesWritten returns the number of bytes written so far.
func (c *CountingConn) BytesWritten() int64 { return c.written.Load() }
