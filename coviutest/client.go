package coviutest

import (
	"net/http"
	"testing"

	"github.com/coviu/coviu-go-sdk"
)

// Client returns a client with the server's own API key, which connects through
// [Server.Transport]. Options given here override these settings. An option that
// is refused fails the test. The client's connections are closed when the test
// ends.
func (s *Server) Client(t testing.TB, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	return s.ClientFor(t, Credentials{APIKey: s.APIKey, KeySecret: s.KeySecret}, opts...)
}

// ClientFor returns a client with another API key. See [Server.Client].
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
