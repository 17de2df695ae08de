package coviu_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func formOf(t *testing.T, r received) url.Values {
	t.Helper()
	form, err := url.ParseQuery(r.Body)
	require.NoError(t, err)
	return form
}

func TestATokenIsAskedForAsTheServiceWantsIt(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	c := far.client(t, coviu.WithUserAgent("clinic/2.1"))
	_, err := c.Token(t.Context())
	require.NoError(t, err)
	require.Len(t, far.tokenRequests(), 1)
	sent := far.tokenRequests()[0]
	require.Equal(t, "POST", sent.Method)
	require.Equal(t, mountedAt+"/auth/token", sent.URI)
	require.Equal(t, "grant_type=client_credentials", sent.Body)
	require.Equal(t, http.Header{
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip"},
		"Authorization":   {"Basic " + base64.StdEncoding.EncodeToString([]byte(farKey+":"+farSecret))},
		"Content-Length":  {"29"},
		"Content-Type":    {"application/x-www-form-urlencoded"},
		"User-Agent":      {"clinic/2.1 coviu-go-sdk/" + coviu.Version},
	}, sent.Header)
	require.Empty(t, far.received())
}

func TestFault05_SecretsTravelRaw(t *testing.T) {
	for _, c := range []struct{ key, secret string }{
		{"key", "s+e/c=r%t&#@:x"},
		{"key", "pässwörd–密"},
		{"clé+%26", ":"},
		{"key", " blank at both ends "},
		{"key", "%2B+%"},
	} {
		t.Run(c.secret, func(t *testing.T) {
			far := onLoopback(t, says(200, fixture(t, "session.json")))
			client, err := coviu.NewClient(c.key, c.secret, coviu.WithBaseURL(far.URL))
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			_, err = client.Sessions.Get(t.Context(), "id", nil)
			require.NoError(t, err)
			scheme, coded, _ := strings.Cut(far.tokenRequests()[0].Header.Get("Authorization"), " ")
			require.Equal(t, "Basic", scheme)
			raw, err := base64.StdEncoding.DecodeString(coded)
			require.NoError(t, err)
			require.Equal(t, c.key+":"+c.secret, string(raw))

			server := coviutest.NewServer(coviutest.WithCredentials(c.key, c.secret))
			defer server.Close()
			_, err = server.Client(t).Sessions.List(t.Context(), nil)
			require.NoError(t, err)
		})
	}
}

func TestFault22_RedirectOfTheTokenEndpoint(t *testing.T) {
	stranger := &farSide{answer: says(200, "{}")}
	elsewhere := httptest.NewServer(stranger)
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, location := range map[string]string{
			"elsewhere":     elsewhere.URL + mountedAt + "/auth/token",
			"to itself":     mountedAt + "/auth/token",
			"to no address": "http://[::1",
			"nowhere":       "",
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				far := onLoopback(t, says(200, "{}"))
				far.grant = redirecting(status, location)
				follow := coviu.WithHTTPClient(&http.Client{
					Transport:     far.transport,
					CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
				})
				requireRefused := func(err error, grant string) {
					t.Helper()
					var refused *coviu.TokenError
					require.ErrorAs(t, err, &refused)
					require.Equal(t, status, refused.StatusCode)
					require.Equal(t, grant, refused.Grant)
					require.NotErrorIs(t, err, coviu.ErrAuthentication)
				}
				_, err := far.client(t, follow).Sessions.Get(t.Context(), "id", nil)
				requireRefused(err, "client_credentials")
				_, err = far.client(t, follow, coviu.WithToken(&oauth2.Token{RefreshToken: "r"})).Sessions.Get(t.Context(), "id", nil)
				requireRefused(err, "refresh_token")
				_, err = far.client(t, follow).Exchange(t.Context(), "code")
				requireRefused(err, "authorization_code")
				require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
				require.Len(t, far.tokenRequests(), 3)
				require.Empty(t, far.received())
				require.Zero(t, stranger.requests())
			})
		}
	}
}

func TestFault50_LifetimesThatMakeNoSense(t *testing.T) {
	for expiresIn, want := range map[string]time.Duration{
		``:                      time.Hour,
		`,"expires_in":null`:    time.Hour,
		`,"expires_in":0`:       time.Hour,
		`,"expires_in":-1`:      time.Hour,
		`,"expires_in":"3600"`:  time.Hour,
		`,"expires_in":"120"`:   2 * time.Minute,
		`,"expires_in":120`:     2 * time.Minute,
		`,"expires_in":90.5`:    90500 * time.Millisecond,
		`,"expires_in":"90.5"`:  90500 * time.Millisecond,
		`,"expires_in":1e2`:     100 * time.Second,
		`,"expires_in":86400`:   24 * time.Hour,
		`,"expires_in":86401`:   24 * time.Hour,
		`,"expires_in":1e12`:    24 * time.Hour,
		`,"expires_in":1e300`:   24 * time.Hour,
		`,"expires_in":"1e999"`: time.Hour,
		`,"expires_in":"NaN"`:   time.Hour,
		`,"expires_in":"Inf"`:   24 * time.Hour,
		`,"expires_in":"-Inf"`:  time.Hour,
		`,"expires_in":"soon"`:  time.Hour,
		`,"expires_in":""`:      time.Hour,
		`,"expires_in":true`:    time.Hour,
		`,"expires_in":[60]`:    time.Hour,
		`,"expires_in":{"s":1}`: time.Hour,
	} {
		t.Run("lifetime "+expiresIn, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := inMemory(t, says(200, `{"content":[]}`))
				far.grant = says(200, `{"access_token":"a"`+expiresIn+`}`)
				c := far.client(t)
				token, err := c.Token(t.Context())
				require.NoError(t, err)
				require.Equal(t, "a", token.AccessToken)
				require.Equal(t, "Bearer", token.TokenType)
				require.Equal(t, want, time.Until(token.Expiry))
				require.Equal(t, int64(want/time.Second), token.ExpiresIn)
				_, err = c.Sessions.List(t.Context(), nil)
				require.NoError(t, err)
				require.Len(t, far.tokenRequests(), 1, "the token serves")
			})
		})
	}
	for name, reply := range map[string]string{
		"no access token":         `{"refresh_token":"r","expires_in":3600}`,
		"empty access token":      `{"access_token":"","expires_in":3600}`,
		"null access token":       `{"access_token":null}`,
		"access token of a type":  `{"access_token":7}`,
		"access token with LF":    `{"access_token":"a\nX: y"}`,
		"access token with blank": `{"access_token":"a b"}`,
		"not ASCII":               `{"access_token":"ä"}`,
		"an error":                `{"error":"invalid_client"}`,
		"a list":                  `["a"]`,
		"null":                    `null`,
		"cut":                     `{"access_token":"a"`,
		"two values":              `{"access_token":"a"}{}`,
		"HTML":                    `<html>`,
		"nothing":                 ``,
	} {
		t.Run(name, func(t *testing.T) {
			far := onLoopback(t, says(200, "{}"))
			far.grant = says(200, reply)
			c := far.client(t)
			for _, err := range []error{second(c.Token(t.Context())), second(c.Sessions.Get(t.Context(), "id", nil))} {
				var refused *coviu.TokenError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, 200, refused.StatusCode)
				require.Equal(t, "client_credentials", refused.Grant)
				require.NotErrorIs(t, err, coviu.ErrAuthentication)
			}
			require.Empty(t, far.received())
		})
	}
}

func second[T any](_ T, err error) error { return err }

func TestTheGrantInUseIsGivenOutAsACopy(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	far.grant = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", "y")
		says(201, `{"access_token":"a-1","refresh_token":"r-1","expires_in":60,"token_type":"bearer","scope":"sessions users"}`)(w, r)
	}
	c := far.client(t)
	token, err := c.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "a-1", token.AccessToken)
	require.Equal(t, "r-1", token.RefreshToken)
	require.Equal(t, "bearer", token.TokenType)
	require.Equal(t, "sessions users", token.Extra("scope"))
	require.WithinDuration(t, time.Now().Add(time.Minute), token.Expiry, 30*time.Second)
	token.AccessToken = "changed"
	_, err = c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, "Bearer a-1", far.received()[0].Header.Get("Authorization"))
	again, err := c.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "a-1", again.AccessToken)
	require.Len(t, far.tokenRequests(), 1)
}

func TestACallersTokenIsCopiedAndServesUntilRefused(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	grant := &oauth2.Token{AccessToken: "user-access"}
	c := far.client(t, coviu.WithToken(grant))
	grant.AccessToken = "changed"
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, "Bearer user-access", far.received()[0].Header.Get("Authorization"))
	require.Empty(t, far.tokenRequests())

	far.answer = says(401, "")
	_, err = c.Sessions.List(t.Context(), nil)
	require.ErrorIs(t, err, coviu.ErrUnauthorized)
	require.Empty(t, far.tokenRequests(), "there is no refresh token to use")
	require.Len(t, far.received(), 2)
}

func TestAUsersGrantIsRefreshedWithItsOwnToken(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	far.grant = says(200, `{"access_token":"a-2"}`)
	var observed []oauth2.Token
	c := far.client(t, coviu.WithToken(&oauth2.Token{AccessToken: "a-1", RefreshToken: "r+/=&1", Expiry: time.Now().Add(-time.Hour)}),
		coviu.WithTokenObserver(func(_ context.Context, token *oauth2.Token) error {
			observed = append(observed, *token)
			return nil
		}))
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r+/=&1"}}, formOf(t, far.tokenRequests()[0]))
	require.Equal(t, "Bearer a-2", far.received()[0].Header.Get("Authorization"))
	require.Len(t, observed, 1)
	require.Equal(t, "r+/=&1", observed[0].RefreshToken, "a refresh that brings none leaves the old one valid")

	dead := far.client(t, coviu.WithToken(&oauth2.Token{AccessToken: "a-1", Expiry: time.Now().Add(-time.Hour)}))
	_, err = dead.Sessions.Get(t.Context(), "id", nil)
	require.ErrorIs(t, err, coviu.ErrReauthorize)
	require.ErrorIs(t, err, coviu.ErrAuthentication)
	require.Len(t, far.tokenRequests(), 1, "nothing could be asked")
}

func TestACodeIsExchangedForAGrant(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	far.grant = says(200, `{"access_token":"user-a","refresh_token":"user-r","expires_in":60}`)
	c := far.client(t, coviu.WithTokenObserver(func(context.Context, *oauth2.Token) error { return errors.New("must not be asked") }))
	token, err := c.Exchange(t.Context(), "c+/=&de")
	require.NoError(t, err)
	require.Equal(t, "user-a", token.AccessToken)
	require.Equal(t, "user-r", token.RefreshToken)
	sent := far.tokenRequests()[0]
	require.Equal(t, url.Values{"grant_type": {"authorization_code"}, "code": {"c+/=&de"}}, formOf(t, sent))
	require.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte(farKey+":"+farSecret)), sent.Header.Get("Authorization"))

	user, err := c.As(token)
	require.NoError(t, err)
	_, err = user.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, "Bearer user-a", far.received()[0].Header.Get("Authorization"))
	require.Len(t, far.tokenRequests(), 1, "the client's own grant was not asked for")
}

func TestAnExchangeThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		grant http.HandlerFunc
		kinds []string
		text  string
	}{
		"dead code":      {says(400, `{"error":"invalid_grant","error_description":"hidden"}`), []string{"ErrAuthentication", "ErrReauthorize"}, `400 Bad Request: "invalid_grant"`},
		"wrong secret":   {says(401, `{"error":"invalid_client"}`), []string{"ErrAuthentication"}, `401 Unauthorized: "invalid_client"`},
		"not allowed":    {says(403, ``), []string{"ErrAuthentication"}, `403 Forbidden`},
		"too often":      {says(429, ``), []string{"ErrRateLimited"}, `429 Too Many Requests`},
		"outage":         {says(503, ``), []string{"ErrOutcomeUnknown", "ErrServer"}, `503 Service Unavailable`},
		"time-out":       {says(408, ``), []string{"ErrOutcomeUnknown"}, `408 Request Timeout`},
		"no grant":       {says(200, `{}`), []string{"ErrOutcomeUnknown"}, `200 OK: the reply is no grant`},
		"lost":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"ErrOutcomeUnknown"}, `connection closed before a reply`},
		"cut":            {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99") }, []string{"ErrOutcomeUnknown"}, `reply cut short`},
		"too much of it": {says(200, strings.Repeat(" ", 1<<20+1)), []string{"ErrOutcomeUnknown"}, `reply larger than the limit`},
	} {
		t.Run(name, func(t *testing.T) {
			far := onLoopback(t, nil)
			far.grant = c.grant
			token, err := far.client(t).Exchange(t.Context(), "code")
			requireNothing(t, token)
			requireKinds(t, err, c.kinds...)
			unknown := ""
			if errors.Is(err, coviu.ErrOutcomeUnknown) {
				unknown = "outcome unknown: "
			}
			text := "coviu: POST /auth/token: " + unknown + "token request (authorization_code): " + c.text
			require.EqualError(t, err, text)
			require.Len(t, far.tokenRequests(), 1, "a code is sent once")
		})
	}
	for _, code := range []string{"", "a\nb", "\x00", "\x7f"} {
		_, err := unsendingClient(t).Exchange(t.Context(), code)
		requireInvalid(t, err, "code")
	}
	keyless, err := coviu.NewClient("", "", coviu.WithTokenSource(oauth2.StaticTokenSource(userGrant())), coviu.WithHTTPClient(untouched(t)))
	require.NoError(t, err)
	_, err = keyless.Exchange(t.Context(), "code")
	requireInvalid(t, err, "API key")
	_, err = keyless.As(userGrant())
	requireInvalid(t, err, "API key")
}

func TestAsKeepsPoliciesAndLeavesTheObserver(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	far.grant = says(200, `{"access_token":"fresh","refresh_token":"r"}`)
	var hooked, seen, seenByUser int
	observe := func(n *int) coviu.Option {
		return coviu.WithTokenObserver(func(context.Context, *oauth2.Token) error { *n++; return nil })
	}
	c := far.client(t, coviu.WithUserAgent("clinic/2.1"), coviu.WithRFC1123Dates(), observe(&seen),
		coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { hooked++ }))
	user, err := c.As(&oauth2.Token{RefreshToken: "user-r"})
	require.NoError(t, err)
	_, err = user.Sessions.Create(t.Context(), bookingRequest())
	require.NoError(t, err)
	sent := far.received()[0]
	require.Equal(t, "clinic/2.1 coviu-go-sdk/"+coviu.Version, sent.Header.Get("User-Agent"))
	require.Contains(t, sent.Body, " GMT")
	require.Equal(t, "user-r", formOf(t, far.tokenRequests()[0]).Get("refresh_token"))
	require.Equal(t, 1, hooked)
	require.Zero(t, seen, "another account's grants are not for this observer")

	user, err = c.As(&oauth2.Token{RefreshToken: "user-r"}, observe(&seenByUser), coviu.WithUserAgent("other/1"))
	require.NoError(t, err)
	_, err = user.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, 1, seenByUser)
	require.Equal(t, "other/1 coviu-go-sdk/"+coviu.Version, far.received()[1].Header.Get("User-Agent"))

	_, err = c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, 1, seen)
	require.Equal(t, "clinic/2.1 coviu-go-sdk/"+coviu.Version, far.received()[2].Header.Get("User-Agent"))
	_, err = c.As(nil)
	requireInvalid(t, err, "token")
}

func TestATokenSourceIsAskedOnceForEachToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := inMemory(t, says(200, fixture(t, "session.json")))
		asked := 0
		c := far.client(t, coviu.WithTokenSource(brokenSource(func() (*oauth2.Token, error) {
			asked++
			return &oauth2.Token{AccessToken: fmt.Sprint("own-", asked), Expiry: time.Now().Add(time.Hour)}, nil
		})))
		for range 3 {
			_, err := c.Sessions.Get(t.Context(), "id", nil)
			require.NoError(t, err)
		}
		require.Equal(t, 1, asked)
		<-time.After(59 * time.Minute)
		_, err := c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, 1, asked)
		<-time.After(45 * time.Second)
		_, err = c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, 2, asked)
		require.Equal(t, "Bearer own-2", far.received()[4].Header.Get("Authorization"))

		far.answer = says(401, "")
		_, err = c.Sessions.List(t.Context(), nil)
		require.ErrorIs(t, err, coviu.ErrUnauthorized)
		require.Equal(t, 3, asked)
		require.Empty(t, far.tokenRequests())
	})
}

func TestATokenSourceThatGivesNothingUseful(t *testing.T) {
	cause := errors.New("hidden")
	for name, c := range map[string]struct {
		source func() (*oauth2.Token, error)
		text   string
	}{
		"error":          {func() (*oauth2.Token, error) { return nil, cause }, "token source failed"},
		"nothing":        {func() (*oauth2.Token, error) { return nil, nil }, "token source gave no usable token"},
		"empty token":    {func() (*oauth2.Token, error) { return &oauth2.Token{RefreshToken: "r"}, nil }, "token source gave no usable token"},
		"token with LF":  {func() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: "a\nb"}, nil }, "token source gave no usable token"},
		"expired token":  {func() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: "a", Expiry: time.Unix(1, 0)}, nil }, "token source gave an expired token"},
		"refused":        {func() (*oauth2.Token, error) { return nil, retrieveError("hidden") }, `token request (token source): 400 Bad Request: "invalid_grant"`},
		"refused softly": {func() (*oauth2.Token, error) { return nil, &oauth2.RetrieveError{ErrorCode: "slow_down"} }, `token request (token source): "slow_down"`},
	} {
		t.Run(name, func(t *testing.T) {
			client := unsendingClient(t, coviu.WithTokenSource(brokenSource(c.source)))
			_, err := client.Sessions.Get(t.Context(), "id", nil)
			require.EqualError(t, err, "coviu: GET /sessions/{session_id}: "+c.text)
			require.Equal(t, name == "error", errors.Is(err, cause))
			require.Equal(t, name == "refused", errors.Is(err, coviu.ErrReauthorize))
			_, err = client.Sessions.Create(t.Context(), bookingRequest())
			require.EqualError(t, err, "coviu: POST /sessions: "+c.text)
			var raw *oauth2.RetrieveError
			require.NotErrorAs(t, err, &raw, "it carries the reply of a token endpoint")
		})
	}
}
