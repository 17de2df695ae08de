package coviutest

import (
	"io"
	"net/http"
	"time"
)

// Other programs can reach a server that listens on a socket. Their connections
// must not hold goroutines for ever. Faults such as [Hang] have no limit: they end
// when the client gives up or the server closes.
const (
	headerTimeout = 10 * time.Second // for the headers of a request
	bodyTimeout   = 30 * time.Second // for its body
	writeTimeout  = time.Minute      // for the client to take the reply
	idleTimeout   = 3 * time.Minute  // between two requests
	// Clients of this package close idle connections before the server does.
	// Otherwise a request could arrive just after the server has closed.
	clientIdleTimeout = 2 * time.Minute

	maxHeader = 64 << 10
	maxBody   = 1 << 20
)

func newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// ReadTimeout and WriteTimeout would end requests that a fault delays. So
		// readBody and limitWriting set deadlines of their own.
	}
}

// readBody reads the body of a request, within the limits of size and time.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	conn := http.NewResponseController(w)
	// A middleware's ResponseWriter without Unwrap has no deadlines.
	_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		// The deadline stays, so that net/http does not wait for the rest either.
		return nil, err
	}
	_ = conn.SetReadDeadline(time.Time{})
	return body, nil
}

// limitWriting sets the deadline by which the client has to take the reply.
func limitWriting(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
}
