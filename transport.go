package coviu

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	// connectTimeout bounds the dial and the TLS handshake, each. Neither has
	// sent anything yet, so a POST survives both.
	connectTimeout = 5 * time.Second
	// maxConns bounds the connections, all of which go to one host, and lets a
	// busy backend keep them: net/http would keep two. Without a bound it dials
	// for every call that finds none idle, and once more for that goroutine's
	// next call while the first dial is still under way.
	maxConns = 64
	// idleTimeout stays below the minute after which common load balancers
	// close: a connection that they close under a POST costs its outcome.
	idleTimeout    = 45 * time.Second
	maxHeaderBytes = 64 << 10
	pingAfter      = 15 * time.Second
	pingTimeout    = 5 * time.Second
)

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// newTransport is the library's own transport. dial is the one thing that tests
// replace.
func newTransport(dial dialFunc) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectTimeout)
			defer cancel()
			return dial(ctx, network, address)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// A connection that died without a word is found by a ping.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
}

// guarded copies a caller's http.Client, or makes one, without what would carry
// a secret elsewhere or cut a call short on its own. Calls use its transport
// alone; that it follows no redirect makes it safe in any other hands too.
func guarded(hc *http.Client) *http.Client {
	g := &http.Client{}
	if hc != nil {
		g.Transport = hc.Transport
	}
	if g.Transport == nil {
		g.Transport = newTransport((&net.Dialer{}).DialContext)
	}
	g.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return g
}
