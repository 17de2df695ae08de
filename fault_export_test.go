package coviu

import (
	"context"
	"net"
	"net/http"
)

// NewTransport is the library's own transport on connections of a test's making.
func NewTransport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return newTransport(dial)
}
