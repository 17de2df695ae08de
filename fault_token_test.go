package coviu_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/lease"
)

const tokenRequest = "POST /auth/token"

// withServer runs test in a bubble with a server of its own.
func withServer(t *testing.T, test func(t *testing.T, s *coviutest.Server), opts ...coviutest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(append(opts, coviutest.WithInMemory())...)
		defer s.Close()
		test(t, s)
	})
}

// userClient acts for a user who consented.
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

		_, err := c.Sessions.List(t.Context(), nil)
		requireCertain(t, err)
		require.Equal(t, 15*time.Second, time.Since(began))
		require.Equal(t, 1, s.Count(coviutest.AnyOperation))
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
				require.Equal(t, 1, s.CountGrants("refresh_token"))
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
	t.Run("revoked under the request", revokedUnderTheRequest)
	t.Run("the new token can't be had", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			s.RevokeTokens()
			s.ClearRequests()
			s.Fail(tokenRequest, coviutest.Unavailable().Times(2))
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

// meddlingContext does something once, when a value is first looked up in it:
// that is when a call derives its attempt's context, with a token in hand.
type meddlingContext struct {
	context.Context
	meddle func()
}

func (c *meddlingContext) Value(key any) any {
	if meddle := c.meddle; meddle != nil {
		c.meddle = nil
		meddle()
	}
	return c.Context.Value(key)
}

func revokedUnderTheRequest(t *testing.T) {
	for _, e := range everyOne {
		t.Run(e.method, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c, id := s.Client(t), seedOne(t, s)
				require.NoError(t, either(c.Sessions.List(t.Context(), nil)))
				s.ClearRequests()
				s.Fail(tokenRequest, coviutest.Unavailable().Always())
				met := false
				ctx := &meddlingContext{Context: t.Context(), meddle: func() {
					met = true
					s.RevokeTokens()
					require.ErrorIs(t, either(c.Sessions.List(t.Context(), nil)), coviu.ErrServer)
				}}
				err := e.call(ctx, c, id)
				require.True(t, met)
				requireCertain(t, err)
				_, ok := errors.AsType[*coviu.TokenError](err)
				require.True(t, ok)
				require.Zero(t, s.Count(e.operation))

				s.ClearFaults()
				require.NoError(t, e.call(t.Context(), c, id))
			})
		})
	}
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
	t.Run("by a caller who overtakes the replay", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := canceled(t, s)
			s.Fail(getOne.operation, coviutest.Delay(2*time.Second).After(1))
			var calling sync.WaitGroup
			calling.Go(func() { assert.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized) })
			pass(time.Second)
			require.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized, "on the token that is on trial")
			require.Equal(t, 1, s.Count(tokenRequest))
			require.NoError(t, either(c.Sessions.List(t.Context(), nil)), "which accepts it")
			s.RevokeTokens()
			require.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrUnauthorized)
			require.Equal(t, 2, s.Count(tokenRequest), "an accepted token that is refused is dead")
			calling.Wait()
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

// refreshFaults are the ways in which a refresh fails, but for a grant that is
// dead.
var refreshFaults = map[string]coviutest.Fault{
	"invalid_client": coviutest.Status(http.StatusUnauthorized, nil, `{"error":"invalid_client"}`),
	"500":            coviutest.Status(http.StatusInternalServerError, nil, ``),
	"503":            coviutest.Unavailable(),
	"cut":            coviutest.CutBody(20),
	"lost":           coviutest.LoseReply(),
	"reset":          coviutest.Reset(),
	"HTML":           coviutest.HTMLPage(http.StatusOK),
	"no HTTP":        coviutest.Raw("SSH-2.0-OpenSSH_9.6\r\n"),
	"redirect":       coviutest.Status(http.StatusTemporaryRedirect, http.Header{"Location": {"https://elsewhere.example.test/"}}, ``),
}

func TestFault48_RefreshFails(t *testing.T) {
	asRefresh := func(f coviutest.Fault) coviutest.Fault { return f.ForGrant("refresh_token") }
	all := maps.Clone(refreshFaults)
	all["invalid_grant"] = coviutest.RefuseRefresh()
	for name, fault := range all {
		t.Run("client credentials/"+name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c := s.Client(t)
				require.NoError(t, postOne.call(t.Context(), c, ""))
				s.RevokeTokens()
				s.ClearRequests()
				s.Fail(tokenRequest, asRefresh(fault).Always())
				require.NoError(t, postOne.call(t.Context(), c, ""))
				require.Equal(t, 1, s.CountGrants("refresh_token"))
				require.Equal(t, 1, s.CountGrants("client_credentials"))
				require.Equal(t, 2, s.Count(postOne.operation))
			})
		})
	}
	t.Run("client credentials/hangs", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			s.RevokeTokens()
			s.Fail(tokenRequest, asRefresh(coviutest.Hang()))
			began := time.Now()
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Less(t, time.Since(began), 15*time.Second)
		})
	})
	for name, fault := range refreshFaults {
		t.Run("a user's grant serves on/"+name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c := userClient(t, s)
				s.Fail(tokenRequest, asRefresh(fault).Always())
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
	t.Run("a user's grant is dead", func(t *testing.T) {
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
		})
	})
	t.Run("a user's grant dies before its token", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := userClient(t, s)
			s.RevokeRefreshTokens()
			pass(45 * time.Minute)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			pass(15*time.Minute - 20*time.Second)
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

// observedTokens remembers what an observer was shown, and refuses requests that
// carry anything else.
type observedTokens struct {
	mu    sync.Mutex
	shown []oauth2.Token
	fail  error
}

func (o *observedTokens) observe(_ context.Context, token *oauth2.Token) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	o.shown = append(o.shown, *token)
	token.AccessToken, token.RefreshToken = "spoilt", "spoilt"
	return nil
}

func (o *observedTokens) setFailure(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

func (o *observedTokens) last() oauth2.Token {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.shown[len(o.shown)-1]
}

func (o *observedTokens) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.shown)
}

func (o *observedTokens) knows(authorization string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.shown, func(t oauth2.Token) bool { return authorization == "Bearer "+t.AccessToken })
}

func (o *observedTokens) guard(t *testing.T) coviutest.Option {
	return coviutest.WithMiddleware(func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/auth/token") && !o.knows(r.Header.Get("Authorization")) {
				t.Error("a token was used that the observer had not seen")
			}
			api.ServeHTTP(w, r)
		})
	})
}

func TestFault49_RotationAndTheObserver(t *testing.T) {
	t.Run("a new refresh token", func(t *testing.T) {
		o := new(observedTokens)
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t, coviu.WithTokenObserver(o.observe))
			require.NoError(t, postOne.call(t.Context(), c, ""))
			first := o.last()
			s.RevokeTokens()
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 2, o.count())
			require.NotEqual(t, first.RefreshToken, o.last().RefreshToken)
			s.RevokeTokens()
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 3, o.count())
			require.Equal(t, 2, s.CountGrants("refresh_token"))
			require.Equal(t, 1, s.CountGrants("client_credentials"))
		}, o.guard(t))
	})
	t.Run("no new refresh token", func(t *testing.T) {
		o := new(observedTokens)
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t, coviu.WithTokenObserver(o.observe))
			require.NoError(t, postOne.call(t.Context(), c, ""))
			first := o.last()
			for range 3 {
				s.RevokeTokens()
				require.NoError(t, postOne.call(t.Context(), c, ""))
				require.Equal(t, first.RefreshToken, o.last().RefreshToken)
			}
			require.Equal(t, 3, s.CountGrants("refresh_token"))
			require.Equal(t, 1, s.CountGrants("client_credentials"))
		}, o.guard(t), coviutest.WithLastingRefreshTokens())
	})
	errFull := errors.New("disk full")
	t.Run("the observer fails", func(t *testing.T) {
		o := &observedTokens{fail: errFull}
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t, coviu.WithTokenObserver(o.observe))
			for range 3 {
				err := postOne.call(t.Context(), c, "")
				requireCertain(t, err)
				require.ErrorIs(t, err, errFull)
			}
			require.Equal(t, 1, s.Count(tokenRequest))
			require.Zero(t, s.Count(postOne.operation))
			o.setFailure(nil)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 1, s.Count(tokenRequest), "the grant was kept")
			require.Equal(t, 1, o.count())
		}, o.guard(t))
	})
	t.Run("the observer fails on a rotated grant", func(t *testing.T) {
		o := new(observedTokens)
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			grant, err := s.Client(t).Exchange(t.Context(), s.AuthorizationCode(""))
			require.NoError(t, err)
			o.shown = append(o.shown, *grant)
			c, err := s.Client(t).As(grant, coviu.WithTokenObserver(o.observe))
			require.NoError(t, err)
			s.RevokeTokens()
			s.ClearRequests()
			o.setFailure(errFull)
			require.ErrorIs(t, postOne.call(t.Context(), c, ""), errFull)
			// The grant that waits for the observer runs out: the next is fetched
			// with its refresh token, since the one before is used up.
			pass(2 * time.Hour)
			o.setFailure(nil)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 2, s.CountGrants("refresh_token"))
			require.Equal(t, 2, s.Count(tokenRequest))
		}, o.guard(t))
	})
	t.Run("the observer panics", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t, coviu.WithTokenObserver(func(_ context.Context, token *oauth2.Token) error {
				panic(token.AccessToken)
			}))
			err := postOne.call(t.Context(), c, "")
			requireCertain(t, err)
			require.Equal(t, 1, s.Count(coviutest.AnyOperation))
		})
	})
	t.Run("the observer is slow", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t, coviu.WithTokenObserver(func(ctx context.Context, _ *oauth2.Token) error {
				<-ctx.Done()
				return ctx.Err()
			}))
			began := time.Now()
			requireCertain(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 15*time.Second, time.Since(began))
		})
	})
}

func TestFault51_HalfLifePassed(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		c, id := s.Client(t), seedOne(t, s)
		require.NoError(t, getOne.call(t.Context(), c, id))
		old, err := c.Token(t.Context())
		require.NoError(t, err)
		pass(30*time.Minute - time.Second)
		require.NoError(t, getOne.call(t.Context(), c, id))
		require.Equal(t, 1, s.Count(tokenRequest))

		pass(2 * time.Second)
		s.Fail(tokenRequest, coviutest.Delay(3*time.Second))
		began := time.Now()
		var calling sync.WaitGroup
		for range 100 {
			calling.Go(func() {
				err := getOne.call(t.Context(), c, id)
				assert.Zero(t, time.Since(began))
				assert.NoError(t, err)
			})
		}
		calling.Wait()
		synctest.Wait()
		require.Equal(t, 2, s.Count(tokenRequest))
		meanwhile, err := c.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, old.AccessToken, meanwhile.AccessToken)

		pass(3 * time.Second)
		synctest.Wait()
		renewed, err := c.Token(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, old.AccessToken, renewed.AccessToken)
		require.NoError(t, getOne.call(t.Context(), c, id))
		require.Equal(t, 2, s.Count(tokenRequest))
	})
	t.Run("a background refresh that fails does not storm", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := s.Client(t), seedOne(t, s)
			require.NoError(t, getOne.call(t.Context(), c, id))
			s.ClearRequests()
			s.Fail(tokenRequest, coviutest.Unavailable().Always())
			pass(40 * time.Minute)
			for range 60 {
				require.NoError(t, getOne.call(t.Context(), c, id))
				pass(time.Second)
			}
			require.LessOrEqual(t, s.CountGrants("refresh_token"), 7)
			require.GreaterOrEqual(t, s.CountGrants("refresh_token"), 2)
		})
	})
}

func TestFault52_CodeExchangeTimesOut(t *testing.T) {
	exchange := func(t *testing.T, s *coviutest.Server, ctx context.Context) error {
		t.Helper()
		_, err := s.Client(t).Exchange(ctx, s.AuthorizationCode(""))
		return err
	}
	t.Run("at the library's limit", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			s.Fail(tokenRequest, coviutest.Hang())
			began := time.Now()
			err := exchange(t, s, t.Context())
			requireUnknown(t, err)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 15*time.Second, time.Since(began))
			require.Equal(t, 1, s.Count(coviutest.AnyOperation))
		})
	})
	t.Run("at the caller's deadline", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			s.Fail(tokenRequest, coviutest.Hang())
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			requireUnknown(t, exchange(t, s, ctx))
			require.Equal(t, time.Second, time.Since(began))
			require.Equal(t, 1, s.Count(coviutest.AnyOperation))
		})
	})
	for name, fault := range refreshFaults {
		t.Run(name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				s.Fail(tokenRequest, fault)
				err := exchange(t, s, t.Context())
				if name == "invalid_client" {
					requireCertain(t, err)
					require.ErrorIs(t, err, coviu.ErrAuthentication)
				} else {
					requireUnknown(t, err)
				}
				require.Equal(t, 1, s.Count(coviutest.AnyOperation))
			})
		})
	}
	t.Run("never sent", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			s.Fail(tokenRequest, coviutest.Refuse().Always())
			requireCertain(t, exchange(t, s, t.Context()))
		})
	})
	t.Run("a dead code", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			_, err := s.Client(t).Exchange(t.Context(), "never-given-out")
			requireCertain(t, err)
			require.ErrorIs(t, err, coviu.ErrReauthorize)
			require.Equal(t, 1, s.Count(coviutest.AnyOperation))
		})
	})
}

func TestFault53_ClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			var now, fetches atomic.Int64
			now.Store(int64(3 * time.Hour))
			holder := lease.New(lease.Config[int]{
				Fetch: func(context.Context, *int) (*int, time.Duration, error) {
					return new(int(fetches.Add(1))), time.Hour, nil
				},
				Early: true,
				Limit: 15 * time.Second,
				Clock: func() time.Duration { return time.Duration(now.Load()) },
			}, nil, 0)
			get := func() {
				for range 1000 {
					_, err := holder.Get(t.Context())
					require.NoError(t, err)
				}
			}
			get()
			require.EqualValues(t, 1, fetches.Load())
			now.Add(int64(jump))
			get()
			require.LessOrEqual(t, fetches.Load(), int64(2))
			now.Add(int64(-jump))
			get()
			require.LessOrEqual(t, fetches.Load(), int64(3))
		})
	}
	t.Run("a server whose clock is ahead", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			// A server an hour ahead says how long a token lives, not until when.
			s.Advance(time.Hour)
			c, id := s.Client(t), seedOne(t, s)
			for range 100 {
				require.NoError(t, getOne.call(t.Context(), c, id))
			}
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
}

func TestFault54_FailedFirstGrant(t *testing.T) {
	for name, fault := range refreshFaults {
		for _, e := range everyOne {
			t.Run(name+"/"+e.method, func(t *testing.T) {
				withServer(t, func(t *testing.T, s *coviutest.Server) {
					c, id := s.Client(t), seedOne(t, s)
					s.Fail(tokenRequest, fault)
					requireCertain(t, e.call(t.Context(), c, id))
					require.Equal(t, 1, s.Count(coviutest.AnyOperation))
					require.NoError(t, e.call(t.Context(), c, id))
					require.Equal(t, 1, s.Count(e.operation))
				})
			})
		}
	}
}
