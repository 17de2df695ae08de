package coviu

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheAuthenticatedClientSendsItsTokenToOneOriginOnly(t *testing.T) {
	var sent []string
	c, err := NewClient("key", "secret",
		WithBaseURL("https://api.example.com/v1"),
		WithToken(&oauth2.Token{AccessToken: "token"}),
		WithHTTPClient(&http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, r.URL.Host)
			return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"https://evil.example.com/"}}}, nil
		})}))
	require.NoError(t, err)
	for _, address := range []string{
		"http://api.example.com/v1/sessions", "https://api.example.com:8443/v1/sessions",
		"https://evil.example.com/v1/sessions", "https://v1.api.example.com/v1/sessions",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, http.NoBody)
		require.NoError(t, err)
		resp, err := c.http.Do(req)
		if resp != nil {
			_ = resp.Body.Close()
		}
		require.ErrorIs(t, err, errForeignHost)
	}
	require.Empty(t, sent)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/v1/sessions", http.NoBody)
	require.NoError(t, err)
	resp, err := c.http.Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, http.StatusFound, resp.StatusCode)
	require.Equal(t, []string{"api.example.com"}, sent)
}
