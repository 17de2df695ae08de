package endpointtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func TestABaseURLMayHaveAnyPathOrNone(t *testing.T) {
	for _, path := range []string{"", "/", "/v1", "/v1/", "/a/b", "/a%2Fb/v1"} {
		t.Run(path, func(t *testing.T) {
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.RequestURI)
				_, _ = w.Write([]byte(`{"access_token":"t","session_id":"s1"}`))
			}))
			defer server.Close()
			client, err := coviu.NewClient("key", "secret", coviu.WithBaseURL(server.URL+path))
			require.NoError(t, err)
			_, err = client.Sessions.Get(t.Context(), "s1", nil)
			require.NoError(t, err)
			base := path
			if base != "" && base[len(base)-1] == '/' {
				base = base[:len(base)-1]
			}
			assert.Equal(t, []string{base + "/auth/token", base + "/sessions/s1"}, asked)
		})
	}
}

func TestTheDefaultBaseURLIsUsed(t *testing.T) {
	var asked []string
	c, err := coviu.NewClient(apitest.APIKey, apitest.KeySecret, coviu.WithHTTPClient(&http.Client{Transport: apitest.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Host)
		if strings.HasSuffix(r.URL.Path, "/auth/token") {
			return replyTo(r, 200, `{"access_token":"a"}`), nil
		}
		return replyTo(r, 200, `{"content":[]}`), nil
	})}))
	require.NoError(t, err)
	_, err = c.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{
		"POST https://api.coviu.com/v1/auth/token api.coviu.com",
		"GET https://api.coviu.com/v1/sessions api.coviu.com",
	}, asked)
	require.Equal(t, "https://api.coviu.com/v1", coviu.DefaultBaseURL)
}

func TestEveryPathIsBelowTheBaseURL(t *testing.T) {
	for _, c := range []struct{ base, prefix string }{
		{"", ""},
		{"/", ""},
		{"/v1/", "/v1"},
		{"/v1///", "/v1"},
		{"/a%2Fb/v1", "/a%2Fb/v1"},
		{"/a%20b", "/a%20b"},
		{"/%7Eclinic", "/%7Eclinic"},
	} {
		t.Run("base path "+c.base, func(t *testing.T) {
			api := apitest.NewServer(t, apitest.Reply(200, `{"content":[],"session_id":"s","participant_id":"p","ok":true}`))
			client := api.Client(t, coviu.WithBaseURL(strings.TrimSuffix(api.URL, apitest.BasePath)+c.base))
			for _, e := range apitest.Endpoints() {
				_, err := e.Call(t.Context(), client, "id-1")
				require.NoError(t, err, e.Operation)
			}
			require.Equal(t, c.prefix+"/auth/token", api.TokenRequests()[0].URI)
			for i, e := range apitest.Endpoints() {
				path := strings.NewReplacer(e.Method()+" ", "", "{session_id}", "id-1", "{participant_id}", "id-1").Replace(e.Operation)
				require.Equal(t, c.prefix+path, api.Calls()[i].URI)
			}
		})
	}
}

func TestNoRequestHasAnIdempotencyKey(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, `{"content":[],"session_id":"s","participant_id":"p","ok":true}`))
	client := api.Client(t)
	for _, e := range apitest.Endpoints() {
		_, err := e.Call(t.Context(), client, "id-1")
		require.NoError(t, err, e.Operation)
	}
	require.Len(t, api.Calls(), 10)
	for _, r := range slices.Concat(api.Calls(), api.TokenRequests()) {
		require.NotContains(t, r.Header, "Idempotency-Key")
		require.NotContains(t, r.Header, "X-Idempotency-Key")
	}
}

func replyTo(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

func TestCloseIdleConnectionsReachesTheTransport(t *testing.T) {
	closed := 0
	c, err := coviu.NewClient("key", "secret", coviu.WithHTTPClient(&http.Client{Transport: &closing{closed: &closed}}))
	require.NoError(t, err)
	c.CloseIdleConnections()
	require.Equal(t, 1, closed)
	other, err := c.As(apitest.UserToken())
	require.NoError(t, err)
	other.CloseIdleConnections()
	require.Equal(t, 2, closed, "connections are shared")
	require.NotPanics(t, apitest.UnusedClient(t).CloseIdleConnections, "a transport without connections")
}

type closing struct {
	http.Transport
	closed *int
}

func (c *closing) CloseIdleConnections() { *c.closed++ }

func TestOneClientServesConcurrentCallers(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	c := api.Client(t)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for range 8 {
				session, err := c.Sessions.Get(t.Context(), "id", nil)
				if assert.NoError(t, err) {
					assert.Equal(t, "5f0f6c1e-0b1d-4e52-9c2a-000000000001", session.SessionID)
				}
			}
		})
	}
	callers.Wait()
	require.Len(t, api.Calls(), 128)
	require.Len(t, api.TokenRequests(), 1)
}
