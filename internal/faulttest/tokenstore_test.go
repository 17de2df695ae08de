package faulttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

var errStore = errors.New("disk full at /var/lib/canary")

// connected returns a client of the account and a store that holds a user's token.
func connected(t *testing.T, s *coviutest.Server) (*coviu.Client, *apitest.MemoryStore) {
	t.Helper()
	account := s.Client(t)
	token, err := account.Exchange(t.Context(), s.AuthorizationCode(""))
	require.NoError(t, err)
	store := apitest.NewMemoryStore(token)
	return replica(t, account, store), store
}

// replica returns a client of the stored token, as another process would make it.
func replica(t *testing.T, account *coviu.Client, store coviu.TokenStore) *coviu.Client {
	t.Helper()
	c, err := account.AsStored(store)
	require.NoError(t, err)
	return c
}

// usesStoredTokens fails the test if a request carries a token that was never in the
// store.
func usesStoredTokens(t *testing.T, stored func() *oauth2.Token) coviutest.Option {
	var mu sync.Mutex
	seen := map[string]bool{}
	return coviutest.WithMiddleware(func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/auth/token") {
				mu.Lock()
				if token := stored(); token != nil {
					seen["Bearer "+token.AccessToken] = true
				}
				known := seen[r.Header.Get("Authorization")]
				mu.Unlock()
				assert.True(t, known, "a token was used before it was stored")
			}
			api.ServeHTTP(w, r)
		})
	})
}

func TestFault49_RotationAndTheStore(t *testing.T) {
	var store *apitest.MemoryStore
	guard := func(t *testing.T) coviutest.Option {
		t.Helper()
		return usesStoredTokens(t, func() *oauth2.Token { return store.Load() })
	}
	t.Run("a new refresh token is stored before the access token is used", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			var c *coviu.Client
			c, store = connected(t, s)
			for saves := range 4 {
				before := store.Load().RefreshToken
				require.NoError(t, postOne.call(t.Context(), c, ""))
				_, saved := store.Counts()
				require.Equal(t, saves, saved)
				require.Equal(t, saves == 0, store.Load().RefreshToken == before)
				s.RevokeTokens()
			}
		}, guard(t))
	})
	t.Run("a refresh that brings no refresh token keeps the old one", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			var c *coviu.Client
			c, store = connected(t, s)
			before := store.Load()
			s.RevokeTokens()
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, before.RefreshToken, store.Load().RefreshToken)
			require.NotEqual(t, before.AccessToken, store.Load().AccessToken)
		}, coviutest.WithLastingRefreshTokens(), guard(t))
	})
	t.Run("the store fails after the refresh", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			var c *coviu.Client
			c, store = connected(t, s)
			s.RevokeTokens()
			store.Fail(errStore)
			for range 3 {
				err := postOne.call(t.Context(), c, "")
				requireCertain(t, err)
				require.ErrorIs(t, err, errStore)
				require.NotErrorIs(t, err, coviu.ErrReauthorize)
				require.NotContains(t, err.Error(), "canary")
			}
			require.Equal(t, 1, s.CountGrants("refresh_token"), "the new token is kept and offered again")
			store.Fail(nil)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 1, s.CountGrants("refresh_token"))
		}, guard(t))
	})
	t.Run("the old token serves while the store fails", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			var c *coviu.Client
			c, store = connected(t, s)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			store.Fail(errStore)
			pass(46 * time.Minute)
			for range 100 {
				require.NoError(t, postOne.call(t.Context(), c, ""))
				pass(100 * time.Millisecond)
			}
			require.Equal(t, 1, s.CountGrants("refresh_token"))
			store.Fail(nil)
			pass(time.Second)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			synctest.Wait()
			_, saves := store.Counts()
			require.Equal(t, 1, saves, "it was offered again within a second")
			require.Equal(t, 1, s.CountGrants("refresh_token"))
		}, guard(t))
	})
	t.Run("the token that the store did not take runs out", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			var c *coviu.Client
			c, store = connected(t, s)
			s.RevokeTokens()
			store.Fail(errStore)
			require.ErrorIs(t, postOne.call(t.Context(), c, ""), errStore)
			// The next refresh needs the new refresh token: the stored one is used up.
			pass(2 * time.Hour)
			store.Fail(nil)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 2, s.CountGrants("refresh_token"))
		}, guard(t))
	})
	t.Run("the user connects again while a token waits for the store", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			var c *coviu.Client
			c, store = connected(t, s)
			s.RevokeTokens()
			store.Fail(errStore)
			require.ErrorIs(t, postOne.call(t.Context(), c, ""), errStore)
			again, err := s.Client(t).Exchange(t.Context(), s.AuthorizationCode(""))
			require.NoError(t, err)
			store.Save(again)
			store.Fail(nil)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, again.AccessToken, store.Load().AccessToken, "the token of the new consent wins")
		}, guard(t))
	})
}

func TestFault68_ManyReplicasShareOneToken(t *testing.T) {
	const replicas = 16
	for name, opts := range rotations {
		for _, mode := range []string{"in steady traffic", "all at once after the token ran out"} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				withServer(t, func(t *testing.T, s *coviutest.Server) {
					account := s.Client(t)
					_, store := connected(t, s)
					clients := make([]*coviu.Client, replicas)
					for i := range clients {
						clients[i] = replica(t, account, store)
					}
					s.ClearRequests()
					s.Fail(tokenRequest, coviutest.Delay(300*time.Millisecond).Always())
					rounds, gap := 240, time.Minute
					if mode != "in steady traffic" {
						rounds, gap = 4, 2*time.Hour
					}
					var failed atomic.Int64
					for range rounds {
						var calling sync.WaitGroup
						for _, c := range clients {
							calling.Go(func() {
								if err := either(c.Sessions.List(t.Context(), nil)); err != nil {
									failed.Add(1)
									t.Error(err)
								}
							})
						}
						calling.Wait()
						pass(gap)
					}
					require.Zero(t, failed.Load())
					_, saves := store.Counts()
					require.Equal(t, s.Count(tokenRequest), saves, "every refresh succeeded")
					require.LessOrEqual(t, saves, 8, "one refresh for all replicas")
					require.GreaterOrEqual(t, saves, 3)
				}, opts...)
			})
		}
	}
}

// rotations holds the ways in which servers replace refresh tokens.
var rotations = map[string][]coviutest.Option{
	"the old refresh token is dead":     nil,
	"the old refresh token stays valid": {coviutest.WithLastingRefreshTokens()},
}

func TestFault69_ASiblingRefreshedFirst(t *testing.T) {
	t.Run("its token is taken over", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, store := connected(t, s)
			sibling := replica(t, s.Client(t), store)
			for _, one := range []*coviu.Client{c, sibling} {
				require.NoError(t, postOne.call(t.Context(), one, ""))
			}
			s.RevokeTokens()
			s.ClearRequests()
			require.NoError(t, postOne.call(t.Context(), sibling, ""))
			require.NoError(t, postOne.call(t.Context(), c, ""))
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
	t.Run("after a refused refresh, a newer stored token is used", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, store := connected(t, s)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			again, err := s.Client(t).Exchange(t.Context(), s.AuthorizationCode(""))
			require.NoError(t, err)
			s.Fail(tokenRequest, coviutest.RefuseRefresh())
			pass(2 * time.Hour)
			// The user connects again while the refresh is refused.
			late := apitest.TokenStoreFunc(func(ctx context.Context, f func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
				return store.Update(ctx, func(ctx context.Context, stored *oauth2.Token) (*oauth2.Token, error) {
					next, err := f(ctx, stored)
					if err != nil {
						again.Expiry = time.Now().Add(-time.Hour)
						store.Save(again)
					}
					return next, err
				})
			})
			require.NoError(t, postOne.call(t.Context(), replica(t, s.Client(t), late), ""))
		})
	})
	for name, dead := range map[string]func(s *coviutest.Server, store *apitest.MemoryStore){
		"the stored refresh token was refused": func(s *coviutest.Server, _ *apitest.MemoryStore) { s.RevokeTokens(); s.RevokeRefreshTokens() },
		"the stored token was deleted":         func(s *coviutest.Server, store *apitest.MemoryStore) { s.RevokeTokens(); store.Save(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c, store := connected(t, s)
				require.NoError(t, postOne.call(t.Context(), c, ""))
				dead(s, store)
				s.ClearRequests()
				before, _ := store.Counts()
				for range 600 {
					require.ErrorIs(t, either(c.Sessions.List(t.Context(), nil)), coviu.ErrReauthorize)
					pass(100 * time.Millisecond)
				}
				require.LessOrEqual(t, s.Count(tokenRequest), 1, "a dead token is not sent again")
				updates, _ := store.Counts()
				require.LessOrEqual(t, updates-before, 62, "the store is asked once a second at most")

				again, err := s.Client(t).Exchange(t.Context(), s.AuthorizationCode(""))
				require.NoError(t, err)
				store.Save(again)
				pass(time.Second)
				require.NoError(t, postOne.call(t.Context(), c, ""), "the user connected again")
			})
		})
	}
	t.Run("a token at hand is dropped at its next renewal after it was deleted", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, store := connected(t, s)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			store.Save(nil)
			pass(46 * time.Minute)
			_ = postOne.call(t.Context(), c, "")
			synctest.Wait()
			require.ErrorIs(t, postOne.call(t.Context(), c, ""), coviu.ErrReauthorize)
		})
	})
	t.Run("it was deleted or saved during the refresh", func(t *testing.T) {
		for _, deleted := range []bool{true, false} {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c, store := connected(t, s)
				pass(2 * time.Hour)
				again, err := s.Client(t).Exchange(t.Context(), s.AuthorizationCode(""))
				require.NoError(t, err)
				s.Fail(tokenRequest, coviutest.Delay(time.Second))
				var calling sync.WaitGroup
				calling.Go(func() {
					err := either(c.Sessions.List(t.Context(), nil))
					assert.Equal(t, deleted, errors.Is(err, coviu.ErrReauthorize), fmt.Sprint(err))
				})
				pass(500 * time.Millisecond)
				if deleted {
					store.Save(nil)
				} else {
					store.Save(again)
				}
				calling.Wait()
				_, saves := store.Counts()
				require.Zero(t, saves, "the change of the store wins")
			})
		}
	})
}

func TestFault70_StoreInTrouble(t *testing.T) {
	for name, update := range map[string]apitest.TokenStoreFunc{
		"unreachable": func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			return nil, errStore
		},
		"panics": func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			panic("canary")
		},
		"slow": func(ctx context.Context, _ func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"gives an expired token": func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: "canary", Expiry: time.Unix(1, 0)}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				_, store := connected(t, s)
				var asked, broken atomic.Int64
				c := replica(t, s.Client(t), apitest.TokenStoreFunc(func(ctx context.Context, f func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
					if broken.Load() == 0 {
						return store.Update(ctx, f)
					}
					asked.Add(1)
					return update(ctx, f)
				}))
				require.NoError(t, postOne.call(t.Context(), c, ""))
				broken.Store(1)
				pass(46 * time.Minute)
				for range 100 {
					began := time.Now()
					require.NoError(t, postOne.call(t.Context(), c, ""), "the token at hand serves")
					require.Zero(t, time.Since(began))
					pass(100 * time.Millisecond)
				}
				if name != "slow" {
					require.GreaterOrEqual(t, asked.Load(), int64(9), "the store is asked again within a second")
					require.LessOrEqual(t, asked.Load(), int64(11))
				}
				pass(14 * time.Minute)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := postOne.call(ctx, c, "")
				require.LessOrEqual(t, time.Since(began), time.Second)
				requireCertain(t, err)
				require.NotErrorIs(t, err, coviu.ErrReauthorize)
				apitest.RequireNoCanary(t, err.Error(), fmt.Sprintf("%+v", err))
				if name == "unreachable" {
					require.ErrorIs(t, err, errStore)
				}

				broken.Store(0)
				pass(20 * time.Second)
				require.NoError(t, postOne.call(t.Context(), c, ""))
			})
		})
	}
}
