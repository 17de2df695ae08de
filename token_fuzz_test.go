package coviu

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzTokenReply: whatever comes in place of a grant, what is taken for one can
// travel in a header, and lasts for a time that makes sense.
func FuzzTokenReply(f *testing.F) {
	for _, reply := range []string{
		`{"access_token":"a","refresh_token":"r","expires_in":3600,"token_type":"Bearer","scope":"sessions"}`,
		`{"access_token":"a","expires_in":"3600"}`,
		`{"access_token":"a","expires_in":-1}`,
		`{"access_token":"a","expires_in":1e12,"scope":["s"]}`,
		`{"access_token":"a","expires_in":0.5}`,
		`{"access_token":"a","expires_in":"NaN"}`,
		`{"access_token":"a","expires_in":{"s":1}}`,
		`{"access_token":"a b"}`, "{\"access_token\":\"a\\r\\n\"}", `{"access_token":"ä"}`, `{"access_token":7}`, `{"access_token":""}`,
		`{"error":"invalid_grant","error_description":"d"}`, `[]`, `null`, ``, `access_token=a`,
	} {
		f.Add([]byte(reply))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		began := time.Now()
		g, lifetime := parseGrant(body)
		if g == nil {
			require.Zero(t, lifetime)
			return
		}
		require.True(t, json.Valid(body))
		require.NotEmpty(t, g.token.AccessToken)
		require.False(t, strings.ContainsFunc(g.token.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }))
		require.Equal(t, []string{"Bearer " + g.token.AccessToken}, g.header)
		require.Positive(t, lifetime)
		require.LessOrEqual(t, lifetime, maxLifetime)
		require.False(t, g.token.Expiry.Before(began))
		require.LessOrEqual(t, g.token.Expiry.Sub(began), maxLifetime+time.Minute)
		require.Equal(t, int64(lifetime/time.Second), g.token.ExpiresIn)
		require.NotEmpty(t, g.token.TokenType)

		request := &http.Request{Header: http.Header{"Authorization": g.header}}
		require.NoError(t, request.Header.Write(discard{}))
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
