package coviu_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
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
