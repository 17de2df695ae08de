package endpointtest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func formOf(t *testing.T, r apitest.Request) url.Values {
	t.Helper()
	form, err := url.ParseQuery(r.Body)
	require.NoError(t, err)
	return form
}

func TestTheTokenRequestIsAsDocumented(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	c := api.Client(t, coviu.WithUserAgent("clinic/2.1"))
	_, err := c.Token(t.Context())
	require.NoError(t, err)
	require.Len(t, api.TokenRequests(), 1)
	sent := api.TokenRequests()[0]
	require.Equal(t, "POST", sent.Method)
	require.Equal(t, apitest.BasePath+"/auth/token", sent.URI)
	require.Equal(t, "grant_type=client_credentials", sent.Body)
	require.Equal(t, http.Header{
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip"},
		"Authorization":   {"Basic " + base64.StdEncoding.EncodeToString([]byte(apitest.APIKey+":"+apitest.KeySecret))},
		"Content-Length":  {"29"},
		"Content-Type":    {"application/x-www-form-urlencoded"},
		"User-Agent":      {"clinic/2.1 coviu-go-sdk/" + coviu.Version},
	}, sent.Header)
	require.Empty(t, api.Calls())
}

func TestTokenReturnsACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := apitest.NewInMemoryServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
		api.TokenAnswer = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", "y")
			apitest.Reply(201, `{"access_token":"a-1","refresh_token":"r-1","expires_in":60,"token_type":"bearer","scope":"sessions users"}`)(w, r)
		}
		c := api.Client(t)
		token, err := c.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, "a-1", token.AccessToken)
		require.Equal(t, "r-1", token.RefreshToken)
		require.Equal(t, "bearer", token.TokenType)
		require.Equal(t, "sessions users", token.Extra("scope"))
		require.Equal(t, time.Minute, time.Until(token.Expiry))
		token.AccessToken = "changed"
		_, err = c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, "Bearer a-1", api.Calls()[0].Header.Get("Authorization"))
		again, err := c.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, "a-1", again.AccessToken)
		require.Len(t, api.TokenRequests(), 1)
	})
}

func TestWithTokenCopiesTheTokenAndUsesItUntilItIsRefused(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	grant := &oauth2.Token{AccessToken: "user-access"}
	c := api.Client(t, coviu.WithToken(grant))
	grant.AccessToken = "changed"
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, "Bearer user-access", api.Calls()[0].Header.Get("Authorization"))
	require.Empty(t, api.TokenRequests())

	api.Answer = apitest.Reply(401, "")
	_, err = c.Sessions.List(t.Context(), nil)
	require.ErrorIs(t, err, coviu.ErrUnauthorized)
	require.Empty(t, api.TokenRequests(), "there is no refresh token to use")
	require.Len(t, api.Calls(), 2)
}

func TestAUsersTokenIsRefreshedWithItsOwnRefreshToken(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	api.TokenAnswer = apitest.Reply(200, `{"access_token":"a-2"}`)
	c := api.Client(t, coviu.WithToken(&oauth2.Token{AccessToken: "a-1", RefreshToken: "r+/=&1", Expiry: time.Now().Add(-time.Hour)}))
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r+/=&1"}}, formOf(t, api.TokenRequests()[0]))
	require.Equal(t, "Bearer a-2", api.Calls()[0].Header.Get("Authorization"))
	token, err := c.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "r+/=&1", token.RefreshToken, "a refresh that brings none leaves the old one valid")

	dead := api.Client(t, coviu.WithToken(&oauth2.Token{AccessToken: "a-1", Expiry: time.Now().Add(-time.Hour)}))
	_, err = dead.Sessions.Get(t.Context(), "id", nil)
	require.ErrorIs(t, err, coviu.ErrReauthorize)
	require.ErrorIs(t, err, coviu.ErrAuthentication)
	require.Len(t, api.TokenRequests(), 1, "nothing could be asked")
}

func TestACodeIsExchangedForAToken(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	api.TokenAnswer = apitest.Reply(200, `{"access_token":"user-a","refresh_token":"user-r","expires_in":60}`)
	c := api.Client(t)
	token, err := c.Exchange(t.Context(), "c+/=&de")
	require.NoError(t, err)
	require.Equal(t, "user-a", token.AccessToken)
	require.Equal(t, "user-r", token.RefreshToken)
	sent := api.TokenRequests()[0]
	require.Equal(t, url.Values{"grant_type": {"authorization_code"}, "code": {"c+/=&de"}}, formOf(t, sent))
	require.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte(apitest.APIKey+":"+apitest.KeySecret)), sent.Header.Get("Authorization"))

	user, err := c.As(token)
	require.NoError(t, err)
	_, err = user.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, "Bearer user-a", api.Calls()[0].Header.Get("Authorization"))
	require.Len(t, api.TokenRequests(), 1, "the client's own grant was not asked for")
}

func TestAFailedExchangeSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		grant http.HandlerFunc
		kinds []string
		text  string
	}{
		"dead code":      {apitest.Reply(400, `{"error":"invalid_grant","error_description":"hidden"}`), []string{"ErrAuthentication", "ErrReauthorize"}, `400 Bad Request: "invalid_grant"`},
		"wrong secret":   {apitest.Reply(401, `{"error":"invalid_client"}`), []string{"ErrAuthentication"}, `401 Unauthorized: "invalid_client"`},
		"not allowed":    {apitest.Reply(403, ``), []string{"ErrAuthentication"}, `403 Forbidden`},
		"too often":      {apitest.Reply(429, ``), []string{"ErrRateLimited"}, `429 Too Many Requests`},
		"outage":         {apitest.Reply(503, ``), []string{"ErrOutcomeUnknown", "ErrServer"}, `503 Service Unavailable`},
		"time-out":       {apitest.Reply(408, ``), []string{"ErrOutcomeUnknown"}, `408 Request Timeout`},
		"no grant":       {apitest.Reply(200, `{}`), []string{"ErrOutcomeUnknown"}, `200 OK: the reply has no token`},
		"lost":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"ErrOutcomeUnknown"}, `connection closed before a reply`},
		"cut":            {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99") }, []string{"ErrOutcomeUnknown"}, `reply cut short`},
		"too much of it": {apitest.Reply(200, strings.Repeat(" ", 1<<20+1)), []string{"ErrOutcomeUnknown"}, `reply larger than the limit`},
	} {
		t.Run(name, func(t *testing.T) {
			api := apitest.NewServer(t, nil)
			api.TokenAnswer = c.grant
			token, err := api.Client(t).Exchange(t.Context(), "code")
			require.Nil(t, token)
			apitest.RequireKinds(t, err, c.kinds...)
			unknown := ""
			if errors.Is(err, coviu.ErrOutcomeUnknown) {
				unknown = "outcome unknown: "
			}
			text := "coviu: POST /auth/token: " + unknown + "token request (authorization_code): " + c.text
			require.EqualError(t, err, text)
			require.Len(t, api.TokenRequests(), 1, "a code is sent once")
		})
	}
	for _, code := range []string{"", "a\nb", "\x00", "\x7f"} {
		_, err := apitest.UnusedClient(t).Exchange(t.Context(), code)
		apitest.RequireInvalid(t, err, "code")
	}
	keyless, err := coviu.NewClient("", "", coviu.WithTokenSource(oauth2.StaticTokenSource(apitest.UserToken())), coviu.WithHTTPClient(apitest.UnusedHTTPClient(t)))
	require.NoError(t, err)
	_, err = keyless.Exchange(t.Context(), "code")
	apitest.RequireInvalid(t, err, "API key")
	_, err = keyless.As(apitest.UserToken())
	apitest.RequireInvalid(t, err, "API key")
}

func TestAsKeepsTheOptionsAndTakesMore(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	api.TokenAnswer = apitest.Reply(200, `{"access_token":"fresh","refresh_token":"r"}`)
	var hooked int
	accounts := apitest.NewMemoryStore(&oauth2.Token{AccessToken: "account-a", RefreshToken: "account-r", Expiry: time.Now().Add(time.Hour)})
	users := apitest.NewMemoryStore(&oauth2.Token{RefreshToken: "user-r"})
	c := api.Client(t, coviu.WithUserAgent("clinic/2.1"), coviu.WithRFC1123Dates(), coviu.WithTokenStore(accounts),
		coviu.WithResponseHook(func(_ context.Context, info coviu.ResponseInfo) {
			if info.Operation != "POST /auth/token" {
				hooked++
			}
		}))
	user, err := c.As(&oauth2.Token{RefreshToken: "user-r"})
	require.NoError(t, err)
	_, err = user.Sessions.Create(t.Context(), apitest.Booking())
	require.NoError(t, err)
	sent := api.Calls()[0]
	require.Equal(t, "clinic/2.1 coviu-go-sdk/"+coviu.Version, sent.Header.Get("User-Agent"))
	require.Contains(t, sent.Body, " GMT")
	require.Equal(t, "user-r", formOf(t, api.TokenRequests()[0]).Get("refresh_token"))
	require.Equal(t, 1, hooked)
	updates, _ := accounts.Counts()
	require.Zero(t, updates, "the store is another user's")

	user, err = c.AsStored(users, coviu.WithUserAgent("other/1"))
	require.NoError(t, err)
	_, err = user.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	_, saves := users.Counts()
	require.Equal(t, 1, saves)
	require.Equal(t, "other/1 coviu-go-sdk/"+coviu.Version, api.Calls()[1].Header.Get("User-Agent"))

	_, err = c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, "Bearer account-a", api.Calls()[2].Header.Get("Authorization"))
	require.Equal(t, "clinic/2.1 coviu-go-sdk/"+coviu.Version, api.Calls()[2].Header.Get("User-Agent"))
	_, err = c.As(nil)
	apitest.RequireInvalid(t, err, "token")
	_, err = c.AsStored(nil)
	apitest.RequireInvalid(t, err, "token store")
	_, err = new(coviu.Client).AsStored(users)
	apitest.RequireInvalid(t, err, "client")
}

func TestATokenSourceIsAskedOnceForEachToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := apitest.NewInMemoryServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
		asked := 0
		c := api.Client(t, coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) {
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
		require.Equal(t, "Bearer own-2", api.Calls()[4].Header.Get("Authorization"))

		api.Answer = apitest.Reply(401, "")
		_, err = c.Sessions.List(t.Context(), nil)
		require.ErrorIs(t, err, coviu.ErrUnauthorized)
		require.Equal(t, 3, asked)
		require.Empty(t, api.TokenRequests())
	})
}

func TestATokenSourceWithoutAUsableTokenIsAnError(t *testing.T) {
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
		"refused":        {func() (*oauth2.Token, error) { return nil, apitest.RetrieveError("hidden") }, `token request (token source): 400 Bad Request: "invalid_grant"`},
		"refused softly": {func() (*oauth2.Token, error) { return nil, &oauth2.RetrieveError{ErrorCode: "slow_down"} }, `token request (token source): "slow_down"`},
	} {
		t.Run(name, func(t *testing.T) {
			client := apitest.UnusedClient(t, coviu.WithTokenSource(apitest.TokenSourceFunc(c.source)))
			_, err := client.Sessions.Get(t.Context(), "id", nil)
			require.EqualError(t, err, "coviu: GET /sessions/{session_id}: "+c.text)
			require.Equal(t, name == "error", errors.Is(err, cause))
			require.Equal(t, name == "refused", errors.Is(err, coviu.ErrReauthorize))
			_, err = client.Sessions.Create(t.Context(), apitest.Booking())
			require.EqualError(t, err, "coviu: POST /sessions: "+c.text)
			var raw *oauth2.RetrieveError
			require.NotErrorAs(t, err, &raw, "it carries the reply of a token endpoint")
		})
	}
}
