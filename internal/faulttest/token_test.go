package faulttest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const tokenRequest = "POST /auth/token"

// withServer runs test with a server in a synctest bubble.
func withServer(t *testing.T, test func(t *testing.T, s *coviutest.Server), opts ...coviutest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(append(opts, coviutest.WithInMemory())...)
		defer s.Close()
		test(t, s)
	})
}

// userClient returns a client that acts for a user who gave consent.
func userClient(t *testing.T, s *coviutest.Server, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	c := s.Client(t)
	grant, err := c.Exchange(t.Context(), s.AuthorizationCode(""))
	require.NoError(t, err)
	user, err := c.As(grant, opts...)
	require.NoError(t, err)
	s.ClearRequests()
	return user
}

func TestFault44_TokenEndpointHangs(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		s.Fail(tokenRequest, coviutest.Hang().Always())
		c := s.Client(t)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var calling sync.WaitGroup
		for i := range 1000 {
			calling.Go(func() {
				err := everyOne[i%len(everyOne)].call(ctx, c, someSession)
				assert.Equal(t, time.Second, time.Since(began))
				requireCertain(t, err)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		calling.Wait()
		require.Equal(t, 1, s.Count(coviutest.AnyOperation))

		// A call without a deadline sends three token requests, 0.5 to 1 second apart.
		_, err := c.Sessions.List(t.Context(), nil)
		requireCertain(t, err)
		require.GreaterOrEqual(t, time.Since(began), 46*time.Second)
		require.LessOrEqual(t, time.Since(began), 47*time.Second)
		require.Equal(t, 3, s.Count(coviutest.AnyOperation))
	})
}

func TestFault45_WhoStartedTheRefreshGivesUp(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		s.Fail(tokenRequest, coviutest.Delay(3*time.Second))
		c := s.Client(t)
		began := time.Now()
		var calling sync.WaitGroup
		calling.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := postOne.call(ctx, c, "")
			assert.Equal(t, time.Second, time.Since(began))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		for range 20 {
			calling.Go(func() {
				err := postOne.call(t.Context(), c, "")
				assert.Equal(t, 3*time.Second, time.Since(began))
				assert.NoError(t, err)
			})
		}
		calling.Wait()
		require.Equal(t, 1, s.Count(tokenRequest))
		require.Equal(t, 20, s.Count(postOne.operation))
	})
}

// overdue is a context in the moment after its deadline and before it has ended.
type overdue struct{ context.Context }

func (overdue) Deadline() (time.Time, bool) { return time.Now().Add(-time.Nanosecond), true }

func TestFault45_TheDeadlineHasJustPassed(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		token, err := s.Client(t).Token(overdue{t.Context()})
		require.NoError(t, err)
		require.NotNil(t, token)
	})
}

func TestFault46_Unauthorized(t *testing.T) {
	for _, e := range everyOne {
		t.Run("once/"+e.method, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c, id := s.Client(t), seedOne(t, s)
				require.NoError(t, getOne.call(t.Context(), c, id))
				s.RevokeTokens()
				s.ClearRequests()
				require.NoError(t, e.call(t.Context(), c, id))
				require.Equal(t, 2, s.Count(e.operation))
				require.Equal(t, 1, s.Count(tokenRequest))
				require.Equal(t, 1, s.CountGrants("client_credentials"))
			})
		})
		t.Run("twice/"+e.method, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c, id := s.Client(t), seedOne(t, s)
				require.NoError(t, getOne.call(t.Context(), c, id))
				s.ClearRequests()
				s.Fail(e.operation, coviutest.Status(http.StatusUnauthorized, nil, "").Always())
				err := e.call(t.Context(), c, id)
				requireCertain(t, err)
				refusal, ok := errors.AsType[*coviu.APIError](err)
				require.True(t, ok)
				require.Equal(t, 2, refusal.Attempts)
				require.ErrorIs(t, err, coviu.ErrUnauthorized)
				require.Equal(t, 2, s.Count(e.operation))
				require.Equal(t, 1, s.Count(tokenRequest))
			})
		})
	}
	t.Run("turned off retries leave the replay", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
			require.NoError(t, postOne.call(t.Context(), c, ""))
			s.RevokeTokens()
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 3, s.Count(postOne.operation))
		})
	})
	t.Run("a hundred callers", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := s.Client(t), seedOne(t, s)
			require.NoError(t, getOne.call(t.Context(), c, id))
			s.RevokeTokens()
			s.ClearRequests()
			s.Fail(getOne.operation, coviutest.Delay(time.Second).Times(100))
			var calling sync.WaitGroup
			for range 100 {
				calling.Go(func() { assert.NoError(t, getOne.call(t.Context(), c, id)) })
			}
			calling.Wait()
			require.Equal(t, 200, s.Count(getOne.operation))
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
	t.Run("on a token already replaced", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := s.Client(t), seedOne(t, s)
			require.NoError(t, getOne.call(t.Context(), c, id))
			s.ClearRequests()
			s.Fail(getOne.operation, coviutest.Delay(2*time.Second))
			var calling sync.WaitGroup
			calling.Go(func() { assert.NoError(t, getOne.call(t.Context(), c, id)) })
			pass(time.Second)
			s.RevokeTokens()
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 1, s.Count(tokenRequest))
			calling.Wait()
			require.Equal(t, 2, s.Count(getOne.operation))
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
	t.Run("the new token can't be had", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			s.RevokeTokens()
			s.ClearRequests()
			s.Fail(tokenRequest, coviutest.Unavailable().Times(3))
			err := postOne.call(t.Context(), c, "")
			requireCertain(t, err)
			require.ErrorIs(t, err, coviu.ErrUnauthorized)
			require.ErrorIs(t, err, coviu.ErrServer)
			require.Equal(t, 1, s.Count(postOne.operation))
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 2, s.Count(postOne.operation))
		})
	})
}

func TestFault47_CanceledSession(t *testing.T) {
	canceled := func(t *testing.T, s *coviutest.Server) (*coviu.Client, string) {
		t.Helper()
		c, id := s.Client(t), seedOne(t, s)
		require.NoError(t, deleteOne.call(t.Context(), c, id))
		s.ClearRequests()
		return c, id
	}
	t.Run("again and again", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := canceled(t, s)
			for range 55 {
				require.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized)
				pass(time.Second)
			}
			require.Equal(t, 1, s.Count(tokenRequest))
			require.Equal(t, 56, s.Count(getOne.operation))
			pass(time.Minute)
			require.ErrorIs(t, putOne.call(t.Context(), c, id), coviu.ErrUnauthorized)
			require.Equal(t, 2, s.Count(tokenRequest))
		})
	})
	t.Run("by many callers", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := canceled(t, s)
			s.Fail(getOne.operation, coviutest.Delay(time.Second).Always())
			var calling sync.WaitGroup
			for range 200 {
				calling.Go(func() {
					assert.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized)
				})
			}
			calling.Wait()
			require.Equal(t, 1, s.Count(tokenRequest))
			require.Equal(t, 400, s.Count(getOne.operation))
		})
	})
	t.Run("by one caller after the other", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := canceled(t, s)
			s.Fail(getOne.operation, coviutest.Delay(time.Second).Always())
			var calling sync.WaitGroup
			for range 200 {
				calling.Go(func() {
					assert.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized)
				})
				pass(150 * time.Millisecond)
			}
			calling.Wait()
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
	t.Run("does not hide a dead token from the calls that name nothing", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := canceled(t, s)
			require.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized)
			require.Equal(t, 1, s.Count(tokenRequest))
			s.RevokeTokens()
			require.ErrorIs(t, getOne.call(t.Context(), c, seedOne(t, s)), coviu.ErrUnauthorized)
			require.Equal(t, 1, s.Count(tokenRequest))
			require.NoError(t, either(c.Sessions.List(t.Context(), nil)))
			require.Equal(t, 2, s.Count(tokenRequest))
			s.RevokeTokens()
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 3, s.Count(tokenRequest))
		})
	})
	t.Run("of a server that gives the same token out again", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := canceled(t, s)
			grant, err := c.Token(t.Context())
			require.NoError(t, err)
			s.Fail(tokenRequest, coviutest.Status(http.StatusOK, nil, `{"access_token":"`+grant.AccessToken+`","expires_in":3600}`).Always())
			for range 50 {
				require.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized)
			}
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
}

// tokenFaults holds the ways in which a token request fails, except a dead refresh
// token. After a temporary fault, an account sends the request again.
var tokenFaults = map[string]struct {
	fault     coviutest.Fault
	temporary bool
}{
	"invalid_client": {coviutest.Status(http.StatusUnauthorized, nil, `{"error":"invalid_client"}`), false},
	"500":            {coviutest.Status(http.StatusInternalServerError, nil, ``), true},
	"503":            {coviutest.Unavailable(), true},
	"cut":            {coviutest.CutBody(20), true},
	"lost":           {coviutest.LoseReply(), true},
	"reset":          {coviutest.Reset(), true},
	"HTML":           {coviutest.HTMLPage(http.StatusOK), false},
	"no HTTP":        {coviutest.Raw("SSH-2.0-OpenSSH_9.6\r\n"), true},
	"redirect":       {coviutest.Status(http.StatusTemporaryRedirect, http.Header{"Location": {"https://elsewhere.example.test/"}}, ``), false},
}

func TestFault48_RefreshFails(t *testing.T) {
	for name, fault := range tokenFaults {
		t.Run("account/"+name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c := s.Client(t)
				require.NoError(t, postOne.call(t.Context(), c, ""))
				s.RevokeTokens()
				s.ClearRequests()
				s.Fail(tokenRequest, fault.fault)
				err := postOne.call(t.Context(), c, "")
				if fault.temporary {
					require.NoError(t, err)
					require.Equal(t, 2, s.CountGrants("client_credentials"))
				} else {
					requireCertain(t, err)
					require.NoError(t, postOne.call(t.Context(), c, ""))
				}
				require.Equal(t, s.Count(tokenRequest), s.CountGrants("client_credentials"), "no refresh token is used")
			})
		})
	}
	for name, fault := range tokenFaults {
		t.Run("a user's token serves on/"+name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c := userClient(t, s)
				s.Fail(tokenRequest, fault.fault.Always())
				pass(time.Hour - 20*time.Second)
				require.NoError(t, postOne.call(t.Context(), c, ""))
				require.Equal(t, 1, s.Count(tokenRequest))
				require.NoError(t, postOne.call(t.Context(), c, ""))

				pass(21 * time.Second)
				s.ClearRequests()
				err := postOne.call(t.Context(), c, "")
				requireCertain(t, err)
				require.NotErrorIs(t, err, coviu.ErrReauthorize)
				require.Equal(t, 1, s.Count(tokenRequest), "not repeated within the call")
				require.Zero(t, s.Count(postOne.operation))

				requireCertain(t, postOne.call(t.Context(), c, ""))
				require.Equal(t, 2, s.Count(tokenRequest), "the next call tries again")
				require.Zero(t, s.CountGrants("client_credentials"))
			})
		})
	}
	t.Run("a user's refresh token is dead", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := userClient(t, s)
			s.RevokeTokens()
			s.RevokeRefreshTokens()
			err := postOne.call(t.Context(), c, "")
			requireCertain(t, err)
			require.ErrorIs(t, err, coviu.ErrReauthorize)
			require.ErrorIs(t, err, coviu.ErrAuthentication)
			dead, ok := errors.AsType[*coviu.TokenError](err)
			require.True(t, ok)
			require.Equal(t, "invalid_grant", dead.Code)
			require.Equal(t, 1, s.Count(postOne.operation))
			require.Zero(t, s.CountGrants("client_credentials"))
			for range 100 {
				require.ErrorIs(t, postOne.call(t.Context(), c, ""), coviu.ErrReauthorize)
				pass(6 * time.Second)
			}
			require.Equal(t, 1, s.CountGrants("refresh_token"), "a dead refresh token is not sent again")
		})
	})
	t.Run("a user's refresh token dies before the access token", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := userClient(t, s)
			s.RevokeRefreshTokens()
			pass(46 * time.Minute)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			pass(14*time.Minute - 20*time.Second)
			require.ErrorIs(t, postOne.call(t.Context(), c, ""), coviu.ErrReauthorize)
		})
	})
	t.Run("credentials are refused", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.ClientFor(t, coviutest.Credentials{APIKey: s.APIKey, KeySecret: "wrong"})
			err := postOne.call(t.Context(), c, "")
			requireCertain(t, err)
			require.ErrorIs(t, err, coviu.ErrAuthentication)
			require.NotErrorIs(t, err, coviu.ErrReauthorize)
			require.Equal(t, 1, s.Count(coviutest.AnyOperation))
		})
	})
}
