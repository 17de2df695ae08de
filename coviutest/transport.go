package coviutest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
)

// Transport returns a transport whose connections lead to this server, whatever
// host a request names; under [WithInMemory] there is no other way in. It is
// what [Server.Client] uses, and the only one for which [Refuse] refuses the
// connection itself. Close closes its connections.
func (s *Server) Transport() http.RoundTripper { return s.transport }

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// transport sends a request that is to be refused through a second transport
// that never connects. So a client sees what a refused connection looks like,
// trace events included, even while it has idle connections to the server.
type transport struct {
	server  *Server
	live    *http.Transport
	refused *http.Transport
}

func newTransport(s *Server, dial dialFunc) *transport {
	return &transport{
		server: s,
		// The peers are goroutines of this process, so that idle connections
		// cost little, and dialling anew would only blur measurements.
		live: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 256},
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
