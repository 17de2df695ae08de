package faulttest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func TestWaitingForATokenDoesNotCountTowardsTheAttemptTimeout(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		s.Fail(tokenRequest, coviutest.Delay(10*time.Second))
		s.Fail(postOne.operation, coviutest.Delay(900*time.Millisecond))
		require.NoError(t, postOne.call(t.Context(), s.Client(t, coviu.WithAttemptTimeout(time.Second)), ""))
	})
}

func TestATokenWithoutExpiryIsUsedUntilItIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := apitest.NewInMemoryServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
		c := api.Client(t, coviu.WithToken(apitest.UserToken()))
		for range 3 {
			require.NoError(t, getOne.call(t.Context(), c, "id"))
			pass(1000 * time.Hour)
		}
		require.Empty(t, api.TokenRequests())
	})
}

func TestATokenThatCannotBeRefreshedIsKeptAfterA401(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(401, ""))
	c := api.Client(t, coviu.WithToken(&oauth2.Token{AccessToken: "only"}))
	for i := range 3 {
		err := either(c.Sessions.List(t.Context(), nil))
		require.ErrorIs(t, err, coviu.ErrUnauthorized)
		require.NotErrorIs(t, err, coviu.ErrReauthorize)
		require.Len(t, api.Calls(), i+1)
	}
}

func TestATokenSourceIsAskedAfterEach401(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(401, ""))
	asked := 0
	c := api.Client(t, coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) {
		asked++
		return &oauth2.Token{AccessToken: "the-same"}, nil
	})))
	for i := range 3 {
		require.ErrorIs(t, getOne.call(t.Context(), c, "id"), coviu.ErrUnauthorized)
		require.Equal(t, i+2, asked)
		require.Len(t, api.Calls(), i+1, "the same token is not sent again")
	}
}

func TestATokenRequestThatTheServerDidNotProcessIsRepeated(t *testing.T) {
	for name, row := range map[string]struct {
		failures int
		ok       bool
	}{"five times": {5, true}, "no more": {6, false}} {
		t.Run(name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				failures := 0
				c, err := coviu.NewClient(s.APIKey, s.KeySecret, coviu.WithBaseURL(s.URL), coviu.WithHTTPClient(&http.Client{
					Transport: untracedTransport(func(r *http.Request) (*http.Response, error) {
						if failures++; failures <= row.failures {
							return nil, errors.New("http: server closed idle connection")
						}
						return s.Transport().RoundTrip(r)
					}),
				}))
				require.NoError(t, err)
				_, err = c.Exchange(t.Context(), s.AuthorizationCode(""))
				require.Equal(t, row.ok, err == nil)
				require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
			})
		})
	}
}

func TestAFailedTokenRequestDelaysClientsMadeWithAs(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		c := s.Client(t)
		grant, err := c.Exchange(t.Context(), s.AuthorizationCode(""))
		require.NoError(t, err)
		grant.Expiry = time.Now().Add(-time.Hour)
		user, err := c.As(grant)
		require.NoError(t, err)
		s.Fail(tokenRequest, coviutest.Unavailable())
		one := coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})
		single, err := c.As(&oauth2.Token{RefreshToken: "unknown"}, one)
		require.NoError(t, err)
		require.ErrorIs(t, postOne.call(t.Context(), single, ""), coviu.ErrServer)
		began := time.Now()
		require.NoError(t, postOne.call(t.Context(), user, ""))
		require.GreaterOrEqual(t, time.Since(began), time.Second/2)
		require.LessOrEqual(t, time.Since(began), time.Second)
		began = time.Now()
		require.NoError(t, postOne.call(t.Context(), c, ""), "one success frees the others")
		require.Zero(t, time.Since(began))
	})
}

func TestATokenSourceIsAskedWhileTheTokenEndpointIsDown(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		token, err := s.Client(t).Token(t.Context())
		require.NoError(t, err)
		c := s.Client(t, coviu.WithTokenSource(oauth2.StaticTokenSource(token)))
		user, err := c.As(&oauth2.Token{RefreshToken: "any"}, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		s.Fail(tokenRequest, coviutest.Status(http.StatusServiceUnavailable, http.Header{"Retry-After": {"60"}}, ""))
		require.ErrorIs(t, postOne.call(t.Context(), user, ""), coviu.ErrServer)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		require.NoError(t, postOne.call(ctx, c, ""))
	})
}

func TestAnExchangeThatItsCallerCancelsDelaysNoOtherTokenRequest(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		c := s.Client(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		s.Fail(tokenRequest, coviutest.Hang())
		_, err := c.Exchange(ctx, s.AuthorizationCode(""))
		require.ErrorIs(t, err, context.Canceled)
		began := time.Now()
		require.NoError(t, postOne.call(t.Context(), c, ""))
		require.Zero(t, time.Since(began))
	})
}

func TestA401ForACanceledSessionDoesNotInvalidateTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		c := server.Client(t)
		session, err := c.Sessions.Create(t.Context(), apitest.Booking())
		require.NoError(t, err)
		_, err = c.Sessions.Delete(t.Context(), session.SessionID)
		require.NoError(t, err)
		server.Fail("POST /auth/token", coviutest.Unavailable().Always())
		_, err = c.Sessions.Get(t.Context(), session.SessionID, nil)
		require.ErrorIs(t, err, coviu.ErrUnauthorized)
		_, err = c.Sessions.List(t.Context(), nil)
		require.NoError(t, err, "the token was good all along")
	})
}

func TestALostRefreshIsNotRepeatedWithinTheCall(t *testing.T) {
	withServer(t, func(t *testing.T, server *coviutest.Server) {
		c := userClient(t, server)
		pass(2 * time.Hour)
		server.Fail(tokenRequest, coviutest.LoseReply(), coviutest.Refuse())
		_, err := c.Sessions.List(t.Context(), nil)
		require.Error(t, err)
		require.Equal(t, 1, server.CountGrants("refresh_token"))
	})
}
