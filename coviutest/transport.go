package coviutest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
)

// Transport returns a transport that connects to this server, whatever host a
// request names. [Server.Client] uses it. [WithInMemory] and [Refuse] need it.
// [Server.Close] closes its connections.
func (s *Server) Transport() http.RoundTripper { return s.transport }

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// transport sends a request that is to be refused through a second transport,
// which never connects. So the client sees a refused connection and its trace
// events, even if it has idle connections to the server.
type transport struct {
	server  *Server
	live    *http.Transport
	refused *http.Transport
}

func newTransport(s *Server, dial dialFunc) *transport {
	return &transport{
		server: s,
		// Idle connections within a process cost little. Dialling again would
		// disturb measurements.
		live: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 256, IdleConnTimeout: clientIdleTimeout},
		refused: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, refused()
		}},
	}
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	path, inBase := strings.CutPrefix(r.URL.EscapedPath(), basePath)
	if op, _ := route(r.Method, path); inBase && op != nil {
		if _, refuse := t.server.faults.take(op.name, grantOfRequest(op, r), true); refuse {
			return t.refused.RoundTrip(r)
		}
	}
	return t.live.RoundTrip(r)
}

func (t *transport) CloseIdleConnections() {
	t.live.CloseIdleConnections()
	t.refused.CloseIdleConnections()
}

func grantOfRequest(op *operation, r *http.Request) string {
	if op.name != opToken || r.GetBody == nil {
		return ""
	}
	body, err := r.GetBody()
	if err != nil {
		return ""
	}
	defer body.Close()
	form, err := io.ReadAll(io.LimitReader(body, maxBody))
	if err != nil {
		return ""
	}
	return grantType(form)
}
