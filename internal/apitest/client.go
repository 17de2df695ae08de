package apitest

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// RoundTripFunc is a transport that is one function.
type RoundTripFunc func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f RoundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// UnusedHTTPClient returns an HTTP client that fails the test when a request is
// sent with it.
func UnusedHTTPClient(t *testing.T) *http.Client {
	return &http.Client{Transport: RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s %s was sent", r.Method, r.URL.Path)
		return nil, errors.New("must not be used")
	})}
}

// UnusedClient returns a client that fails the test when it sends a request.
func UnusedClient(t *testing.T, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	c, err := coviu.NewClient("key", "secret", append([]coviu.Option{coviu.WithHTTPClient(UnusedHTTPClient(t))}, opts...)...)
	require.NoError(t, err)
	return c
}

// UserToken returns a user's token, with a refresh token and no expiry.
func UserToken() *oauth2.Token {
	return &oauth2.Token{AccessToken: "user-access", RefreshToken: "user-refresh"}
}

// TokenSourceFunc is an [oauth2.TokenSource] that is one function.
type TokenSourceFunc func() (*oauth2.Token, error)

// Token calls s.
func (s TokenSourceFunc) Token() (*oauth2.Token, error) { return s() }

// RetrieveError returns an error of package oauth2 that holds canary in every
// field that can hold a secret.
func RetrieveError(canary string) error {
	request := &http.Request{URL: &url.URL{Path: canary}, Header: http.Header{"Authorization": {canary}}}
	return &oauth2.RetrieveError{
		Response: &http.Response{Status: canary, StatusCode: http.StatusBadRequest, Header: http.Header{"X": {canary}}, Request: request},
		Body:     []byte(canary), ErrorCode: "invalid_grant", ErrorDescription: canary, ErrorURI: canary,
	}
}
