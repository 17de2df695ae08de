package coviutest

import (
	"net/http"
	"testing"

	"github.com/coviu/coviu-go-sdk"
)

// Client returns a client of the server's own team that reaches the server
// through [Server.Transport]. The options come after its own and win over them.
// What can't be built fails the test; the connections are closed when the test
// ends.
func (s *Server) Client(t testing.TB, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	return s.ClientFor(t, Credentials{APIKey: s.APIKey, KeySecret: s.KeySecret}, opts...)
}

// ClientFor is [Server.Client] for another API key.
func (s *Server) ClientFor(t testing.TB, key Credentials, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	own := []coviu.Option{
		coviu.WithBaseURL(s.URL),
		coviu.WithHTTPClient(&http.Client{Transport: s.Transport()}),
	}
	client, err := coviu.NewClient(key.APIKey, key.KeySecret, append(own, opts...)...)
	if err != nil {
		t.Fatalf("coviutest: no client: %v", err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}
