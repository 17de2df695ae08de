package coviutest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

func (w *wire) refresh(token string) answer {
	w.t.Helper()
	return w.ownGrant(escaped("refresh_token", token) + "&grant_type=refresh_token")
}

// statusWith asks for the list with an access token.
func (w *wire) statusWith(accessToken string) int {
	w.t.Helper()
	return w.send("GET", "/sessions", "", "Authorization", "Bearer "+accessToken).status
}

// refreshRules are the ways in which a server may treat a used refresh token.
var refreshRules = []conformance{
	{
		rule: "by default a used refresh token is dead at once, and the others live on",
		raw: func(t *testing.T, w *wire) {
			first := w.ownGrant("grant_type=client_credentials").text("refresh_token")
			second := w.refresh(first)
			w.refresh(first).refuses(400, "invalid_grant")
			assert.Equal(t, 200, w.statusWith(second.text("access_token")))
			assert.Equal(t, 200, w.refresh(second.text("refresh_token")).status)
		},
	},
	{
		rule:    "with a grace time a used refresh token works for that long",
		options: options(coviutest.WithRefreshGrace(30 * time.Second)),
		raw: func(t *testing.T, w *wire) {
			first := w.ownGrant("grant_type=client_credentials").text("refresh_token")
			second := w.refresh(first).text("refresh_token")
			w.s.Advance(29 * time.Second)
			third := w.refresh(first)
			assert.Equal(t, 200, third.status)
			w.s.Advance(time.Second)
			w.refresh(first).refuses(400, "invalid_grant")
			assert.Equal(t, 200, w.statusWith(third.text("access_token")))
			for _, token := range []string{second, third.text("refresh_token")} {
				assert.Equal(t, 200, w.refresh(token).status, "grace begins at the token's own first use")
			}
		},
	},
	{
		rule:    "with reuse detection the second use of a refresh token revokes the whole grant",
		options: options(coviutest.WithReuseDetection()),
		raw: func(t *testing.T, w *wire) {
			initial := w.ownGrant("grant_type=client_credentials")
			second := w.refresh(initial.text("refresh_token"))
			third := w.refresh(second.text("refresh_token"))
			assert.Equal(t, 200, w.statusWith(third.text("access_token")))
			w.refresh(initial.text("refresh_token")).refuses(400, "invalid_grant")
			for _, grant := range []answer{initial, second, third} {
				assert.Equal(t, 401, w.statusWith(grant.text("access_token")))
				w.refresh(grant.text("refresh_token")).refuses(400, "invalid_grant")
			}
			assert.Equal(t, 200, w.statusWith(w.token), "another grant of the same key is not touched")
			assert.Equal(t, 200, w.ownGrant("grant_type=client_credentials").status)
		},
	},
	{
		rule:    "with both, a use within the grace time revokes nothing, a later one does",
		options: options(coviutest.WithReuseDetection(), coviutest.WithRefreshGrace(time.Minute)),
		raw: func(t *testing.T, w *wire) {
			first := w.ownGrant("grant_type=client_credentials").text("refresh_token")
			second := w.refresh(first).text("access_token")
			third := w.refresh(first).text("access_token")
			assert.Equal(t, 200, w.statusWith(second))
			assert.Equal(t, 200, w.statusWith(third))
			w.s.Advance(time.Minute)
			w.refresh(first).refuses(400, "invalid_grant")
			assert.Equal(t, 401, w.statusWith(second))
			assert.Equal(t, 401, w.statusWith(third))
		},
	},
	{
		rule:    "somebody else's API key revokes nothing",
		options: options(coviutest.WithReuseDetection()),
		raw: func(t *testing.T, w *wire) {
			first := w.ownGrant("grant_type=client_credentials").text("refresh_token")
			second := w.refresh(first).text("access_token")
			other := w.s.NewKey("")
			w.grant(other.APIKey, other.KeySecret, escaped("refresh_token", first)+"&grant_type=refresh_token").refuses(400, "invalid_grant")
			assert.Equal(t, 200, w.statusWith(second))
		},
	},
}
