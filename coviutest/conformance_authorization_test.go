package coviutest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const hardSecret = "s+e/c=r%t&#@:x"

var authorizationRules = []conformance{
	{
		rule: "the token endpoint is POST {base}/auth/token",
		raw: func(t *testing.T, w *wire) {
			assert.Equal(t, 200, w.ownGrant("grant_type=client_credentials").status)
			w.send("GET", "/auth/token", "").is(405)
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			_, err := c.Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, s.Count("POST /auth/token"))
		},
	},
	{
		rule:    "HTTP Basic, raw, not form-escaped",
		options: options(coviutest.WithCredentials("key", hardSecret)),
		raw: func(t *testing.T, w *wire) {
			assert.Equal(t, 200, w.grant("key", hardSecret, "grant_type=client_credentials").status)
			w.grant("key", url.QueryEscape(hardSecret), "grant_type=client_credentials").refuses(401, "invalid_client")
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			_, err := c.Token(t.Context())
			require.NoError(t, err)
		},
	},
	{
		rule:    "credentials are UTF-8",
		options: options(coviutest.WithCredentials("schlüssel", "geheim: ☂")),
		raw: func(t *testing.T, w *wire) {
			assert.Equal(t, 200, w.grant("schlüssel", "geheim: ☂", "grant_type=client_credentials").status)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			_, err := c.Token(t.Context())
			require.NoError(t, err)
		},
	},
	{
		rule: "wrong, missing and malformed client credentials are refused",
		raw: func(_ *testing.T, w *wire) {
			const body = "grant_type=client_credentials"
			w.grant(w.s.APIKey, "wrong", body).refuses(401, "invalid_client")
			w.grant("wrong", w.s.KeySecret, body).refuses(401, "invalid_client")
			w.send("POST", "/auth/token", body).refuses(401, "invalid_client")
			w.send("POST", "/auth/token", body, "Authorization", "Basic !").refuses(401, "invalid_client")
			w.send("POST", "/auth/token", body, "Authorization", "Bearer "+w.token).refuses(401, "invalid_client")
		},
		client: func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
			wrong := s.ClientFor(t, coviutest.Credentials{APIKey: s.APIKey, KeySecret: "wrong"})
			_, err := wrong.Sessions.List(t.Context(), nil)
			require.ErrorIs(t, err, coviu.ErrAuthentication)
		},
	},
	{
		rule: "the request body is a form",
		raw: func(_ *testing.T, w *wire) {
			w.ownGrant(`{"grant_type":"client_credentials"}`).refuses(400, "invalid_request")
			w.ownGrant("grant_type=%zz").refuses(400, "invalid_request")
			w.ownGrant("").refuses(400, "invalid_request")
			w.ownGrant("grant_type=magic").refuses(400, "unsupported_grant_type")
		},
	},
	{
		rule: "a grant by client_credentials",
		raw: func(t *testing.T, w *wire) {
			got := w.ownGrant("grant_type=client_credentials")
			assert.Equal(t, "Bearer", got.text("token_type"))
			assert.InDelta(t, 3600, got.get("expires_in"), 0)
			assert.NotEmpty(t, got.text("access_token"))
			assert.NotEmpty(t, got.text("refresh_token"))
			assert.NotEmpty(t, got.text("scope"))
			assert.Equal(t, "application/json", got.header.Get("Content-Type"))
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			token, err := c.Token(t.Context())
			require.NoError(t, err)
			assert.NotEmpty(t, token.RefreshToken)
			assert.Equal(t, 1, s.CountGrants("client_credentials"))
		},
	},
	{
		rule: "a grant by refresh_token, which the refresh uses up",
		raw: func(t *testing.T, w *wire) {
			first := w.ownGrant("grant_type=client_credentials").text("refresh_token")
			again := w.ownGrant(escaped("refresh_token", first) + "&grant_type=refresh_token")
			w.token = again.text("access_token")
			w.do("GET", "/sessions", "").is(200)
			assert.NotEqual(t, first, again.text("refresh_token"))
			w.ownGrant(escaped("refresh_token", first)+"&grant_type=refresh_token").refuses(400, "invalid_grant")
			w.ownGrant("grant_type=refresh_token").refuses(400, "invalid_grant")
		},
	},
	{
		rule:    "the reply of a refresh may omit the refresh token, then the old one stays valid",
		options: options(coviutest.WithLastingRefreshTokens()),
		raw: func(t *testing.T, w *wire) {
			first := w.ownGrant("grant_type=client_credentials").text("refresh_token")
			for range 2 {
				again := w.ownGrant(escaped("refresh_token", first) + "&grant_type=refresh_token")
				assert.Equal(t, 200, again.status)
				assert.Nil(t, again.get("refresh_token"))
			}
		},
	},
	{
		rule: "a refresh token belongs to the API key that it was given to",
		raw: func(_ *testing.T, w *wire) {
			other := w.s.NewKey("")
			token := w.ownGrant("grant_type=client_credentials").text("refresh_token")
			w.grant(other.APIKey, other.KeySecret, escaped("refresh_token", token)+"&grant_type=refresh_token").refuses(400, "invalid_grant")
		},
	},
	{
		rule: "a grant by authorization_code acts for the user who consented, once",
		raw: func(t *testing.T, w *wire) {
			user := w.s.AddUser(coviutest.User{Username: "ann"})
			code := w.s.AuthorizationCode(user.UserID)
			body := escaped("code", code) + "&grant_type=authorization_code"
			got := w.ownGrant(body)
			assert.Equal(t, user.UserID, claim(t, got.text("access_token"), "userId"))
			assert.NotEmpty(t, got.text("refresh_token"))
			w.ownGrant(body).refuses(400, "invalid_grant")
			w.ownGrant("grant_type=authorization_code&code=made-up").refuses(400, "invalid_grant")
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			token, err := c.Exchange(t.Context(), s.AuthorizationCode(""))
			require.NoError(t, err)
			as, err := c.As(token)
			require.NoError(t, err)
			_, err = as.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
		},
	},
	{
		rule: "an authorization code expires",
		raw: func(_ *testing.T, w *wire) {
			code := w.s.AuthorizationCode("")
			w.s.Advance(10 * time.Minute)
			w.ownGrant(escaped("code", code)+"&grant_type=authorization_code").refuses(400, "invalid_grant")
		},
	},
	{
		rule: "a grant by password",
		raw: func(t *testing.T, w *wire) {
			user := w.s.AddUser(coviutest.User{Username: "ann", Password: "p w"})
			got := w.ownGrant("grant_type=password&username=ann&password=p+w")
			assert.Equal(t, user.UserID, claim(t, got.text("access_token"), "userId"))
			assert.NotEmpty(t, got.text("refresh_token"))
			w.ownGrant("grant_type=password&username=ann&password=pw").refuses(400, "invalid_grant")
			w.ownGrant("grant_type=password").refuses(400, "invalid_grant")
		},
	},
	{
		rule: "access tokens are JWTs with a userId",
		raw: func(t *testing.T, w *wire) {
			assert.NotEmpty(t, claim(t, w.token, "userId"))
			assert.Equal(t, 2, strings.Count(w.token, "."))
		},
	},
	{
		rule:    "an access token expires by the server's clock",
		options: options(coviutest.WithTokenTTL(time.Minute)),
		raw: func(t *testing.T, w *wire) {
			assert.InDelta(t, 60, w.ownGrant("grant_type=client_credentials").get("expires_in"), 0)
			w.s.Advance(time.Minute - 1)
			w.do("GET", "/sessions", "").is(200)
			w.s.Advance(1)
			w.do("GET", "/sessions", "").is(401)
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			for range 2 {
				_, err := c.Sessions.List(t.Context(), nil)
				require.NoError(t, err)
				s.Advance(time.Hour)
			}
			assert.Equal(t, 2, s.Count("POST /auth/token"))
		},
	},
	{
		rule: "many tokens are valid at once",
		raw: func(_ *testing.T, w *wire) {
			for range 200 {
				w.ownGrant("grant_type=client_credentials")
			}
			w.do("GET", "/sessions", "").is(200)
		},
	},
	{
		rule: "a revoked access token is refused, its refresh token is not",
		raw: func(t *testing.T, w *wire) {
			token := w.ownGrant("grant_type=client_credentials")
			w.s.RevokeTokens()
			w.do("GET", "/sessions", "").is(401)
			got := w.ownGrant(escaped("refresh_token", token.text("refresh_token")) + "&grant_type=refresh_token")
			assert.Equal(t, 200, got.status)
			w.s.RevokeRefreshTokens()
			w.ownGrant(escaped("refresh_token", got.text("refresh_token"))+"&grant_type=refresh_token").refuses(400, "invalid_grant")
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			_, err := c.Token(t.Context())
			require.NoError(t, err)
			s.RevokeTokens()
			_, err = c.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
		},
	},
	{
		rule: "every API call carries a bearer token",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			for _, call := range []string{
				"GET /sessions", "POST /sessions", "GET /sessions/" + id, "PUT /sessions/" + id, "DELETE /sessions/" + id,
				"GET /sessions/" + id + "/participants", "POST /sessions/" + id + "/participants", "GET /user/team", "GET /sessions/" + id + "/summary", "GET /participants/x", "PUT /participants/x", "DELETE /participants/x",
			} {
				method, path, _ := strings.Cut(call, " ")
				got := w.send(method, path, "").is(401)
				assert.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer", call)
				w.send(method, path, "", "Authorization", "Bearer made-up").is(401)
				w.send(method, path, "", "Authorization", basic(w.s.APIKey, w.s.KeySecret)).is(401)
			}
		},
	},
	{
		rule: "two API keys of one team see the same sessions, of two teams do not",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour, `"participants":[{}]`)
			person := w.do("GET", "/sessions/"+id, "").text("participants.0.participant_id")
			colleague := newWireFor(t, w.s, w.s.NewKey(""))
			stranger := newWireFor(t, w.s, w.s.NewKey("elsewhere"))
			colleague.do("GET", "/sessions/"+id, "").is(200)
			colleague.do("GET", "/participants/"+person, "").is(200)
			assert.Equal(t, []string{id}, colleague.do("GET", "/sessions", "").list("content", "session_id"))
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				stranger.do(method, "/sessions/"+id, "{}").is(404)
				stranger.do(method, "/participants/"+person, "{}").is(404)
			}
			stranger.do("GET", "/sessions/"+id+"/participants", "").is(404)
			stranger.do("POST", "/sessions/"+id+"/participants", "{}").is(404)
			stranger.do("GET", "/sessions/"+id+"/summary", "").is(404)
			assert.Empty(t, stranger.do("GET", "/sessions", "").list("content", "session_id"))
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			_, err := s.ClientFor(t, s.NewKey("")).Sessions.Get(t.Context(), booked.SessionID, nil)
			require.NoError(t, err)
			_, err = s.ClientFor(t, s.NewKey("elsewhere")).Sessions.Get(t.Context(), booked.SessionID, nil)
			require.ErrorIs(t, err, coviu.ErrNotFound)
		},
	},
	{
		rule:    "the consent page redirects to the registered URL with code and state",
		options: options(coviutest.WithRedirectURL("https://app.example/back?tenant=7")),
		raw: func(t *testing.T, w *wire) {
			query := url.Values{"client_id": {w.s.APIKey}, "response_type": {"code"}, "state": {"a&b"}}
			page := w.send("GET", "/auth/authorize?"+query.Encode(), "")
			assert.Equal(t, 200, page.status)
			assert.Contains(t, page.body, "a&amp;b")
			query.Set("decision", "allow")
			back := consent(t, w, query)
			assert.Equal(t, "https://app.example/back", back.Scheme+"://"+back.Host+back.Path)
			assert.Equal(t, "7", back.Query().Get("tenant"))
			assert.Equal(t, "a&b", back.Query().Get("state"))
			assert.Equal(t, 200, w.ownGrant(escaped("code", back.Query().Get("code"))+"&grant_type=authorization_code").status)
			query.Set("decision", "deny")
			assert.Equal(t, "access_denied", consent(t, w, query).Query().Get("error"))
		},
	},
	{
		rule:    "the consent page sends nobody back to an unknown program",
		options: options(coviutest.WithRedirectURL("https://app.example/back")),
		raw: func(t *testing.T, w *wire) {
			known := "client_id=" + w.s.APIKey
			for _, query := range []string{"", "client_id=x&response_type=code", known, known + "&response_type=token", known + "&response_type=code&redirect_uri=https://evil.example", "%zz"} {
				got := w.send("GET", "/auth/authorize?"+query, "")
				assert.Equal(t, 400, got.status, query)
				assert.Contains(t, got.header.Get("Content-Type"), "text/html")
			}
			for _, form := range []string{"", "client_id=x&decision=allow", known + "&decision=allow&user=nobody", "%zz"} {
				assert.Equal(t, 400, w.send("POST", "/auth/authorize", form).status, form)
			}
		},
	},
	{
		rule: "the consent page shows the code where no URL is registered",
		raw: func(t *testing.T, w *wire) {
			user := w.s.AddUser(coviutest.User{Username: "ann", TeamID: "elsewhere"})
			got := w.send("POST", "/auth/authorize", url.Values{"client_id": {w.s.APIKey}, "user": {user.UserID}, "decision": {"allow"}}.Encode())
			_, after, _ := strings.Cut(got.body, `<code id="code">`)
			code, _, _ := strings.Cut(after, "<")
			token := w.ownGrant(escaped("code", code) + "&grant_type=authorization_code").text("access_token")
			assert.Equal(t, user.UserID, claim(t, token, "userId"))
		},
	},
}

func consent(t *testing.T, w *wire, form url.Values) *url.URL {
	t.Helper()
	got := w.send("POST", "/auth/authorize", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusSeeOther, got.status)
	back, err := url.Parse(got.header.Get("Location"))
	require.NoError(t, err)
	return back
}

func claim(t *testing.T, token, name string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	return answer{t: t, body: string(payload), parsed: new(any)}.text(name)
}

// bookWith books a session of an hour through the client.
func bookWith(t *testing.T, c *coviu.Client, from time.Duration, people ...coviu.ParticipantCreationRequest) *coviu.Session {
	t.Helper()
	booked, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{
		StartTime: day.Add(from), EndTime: day.Add(from + time.Hour), Participants: people,
	})
	require.NoError(t, err)
	return booked
}
