package tokenendpoint_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/tokenendpoint"
)

// FuzzTokenReply: whatever the reply is, a token that is read from it can be sent
// in a header, and its lifetime makes sense.
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
		token, lifetime, ok := tokenendpoint.Parse(body)
		if !ok {
			require.Zero(t, lifetime)
			return
		}
		require.True(t, json.Valid(body))
		require.NotEmpty(t, token.AccessToken)
		require.False(t, strings.ContainsFunc(token.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }))
		require.Positive(t, lifetime)
		require.LessOrEqual(t, lifetime, 24*time.Hour)
		require.False(t, token.Expiry.Before(began))
		require.LessOrEqual(t, token.Expiry.Sub(began), 24*time.Hour+time.Minute)
		require.Equal(t, int64(lifetime/time.Second), token.ExpiresIn)
		require.NotEmpty(t, token.TokenType)

		request := &http.Request{Header: http.Header{"Authorization": {"Bearer " + token.AccessToken}}}
		require.NoError(t, request.Header.Write(discard{}))
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
