package apitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// BasePath is the path of the base URL. It differs from the path that the real
// service uses, so that a hard-coded path is noticed.
const BasePath = "/base/v1"

// Credentials of [Server.Client], and the access token that a Server grants.
const (
	APIKey      = "key-of-the-clinic"
	KeySecret   = "s+e/c=r%t&#@:x"
	AccessToken = "access-token-of-the-clinic"
)

// Request is a request as it arrived.
type Request struct {
	Method, URI, Host string
	Header            http.Header
	Body              string
}

// Server grants tokens, passes all other requests to Answer and records every
// request.
type Server struct {
	URL       string
	Transport http.RoundTripper
	Answer    http.HandlerFunc
	// TokenAnswer answers the token requests if it is set.
	TokenAnswer http.HandlerFunc

	mu            sync.Mutex
	tokens, calls []Request
}

// NewServer starts a server on a loopback socket.
func NewServer(t *testing.T, answer http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{Answer: answer}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL + BasePath
	s.Transport = server.Client().Transport
	return s
}

// NewInMemoryServer starts a server whose connections are in memory, for use inside
// a synctest bubble.
func NewInMemoryServer(t *testing.T, answer http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{Answer: answer}
	server := coviutest.NewServer(coviutest.WithInMemory(),
		coviutest.WithMiddleware(func(http.Handler) http.Handler { return s }))
	t.Cleanup(server.Close)
	s.URL = strings.TrimSuffix(server.URL, "/v1") + BasePath
	s.Transport = server.Transport()
	return s
}

// ServeHTTP records the request and answers it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := Request{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), Body: string(body)}
	asksForToken := strings.HasSuffix(r.URL.Path, "/auth/token")
	s.mu.Lock()
	if asksForToken {
		s.tokens = append(s.tokens, got)
	} else {
		s.calls = append(s.calls, got)
	}
	s.mu.Unlock()
	switch {
	case !asksForToken:
		s.Answer(w, r)
	case s.TokenAnswer != nil:
		s.TokenAnswer(w, r)
	default:
		Reply(200, `{"access_token":"`+AccessToken+`","refresh_token":"r-1","expires_in":3600,"token_type":"Bearer"}`)(w, r)
	}
}

// Calls returns the requests for anything but tokens.
func (s *Server) Calls() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// TokenRequests returns the requests for tokens.
func (s *Server) TokenRequests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tokens)
}

// Count returns how many requests arrived, token requests included.
func (s *Server) Count() int { return len(s.Calls()) + len(s.TokenRequests()) }

// Client returns a client of the server.
func (s *Server) Client(t *testing.T, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	own := []coviu.Option{coviu.WithBaseURL(s.URL), coviu.WithHTTPClient(&http.Client{Transport: s.Transport})}
	c, err := coviu.NewClient(APIKey, KeySecret, append(own, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// Reply returns a handler that answers with this status and body.
func Reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;UTF-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Fixture returns a file of the testdata folder in the root.
func Fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/" + name)
	require.NoError(t, err)
	return string(text)
}
