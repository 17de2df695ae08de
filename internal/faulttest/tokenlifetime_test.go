package faulttest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
	"github.com/coviu/coviu-go-sdk/internal/tokencache"
)

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
				api := apitest.NewInMemoryServer(t, apitest.Reply(200, `{"content":[]}`))
				api.TokenAnswer = apitest.Reply(200, `{"access_token":"a"`+expiresIn+`}`)
				c := api.Client(t)
				token, err := c.Token(t.Context())
				require.NoError(t, err)
				require.Equal(t, "a", token.AccessToken)
				require.Equal(t, "Bearer", token.TokenType)
				require.Equal(t, want, time.Until(token.Expiry))
				require.Equal(t, int64(want/time.Second), token.ExpiresIn)
				_, err = c.Sessions.List(t.Context(), nil)
				require.NoError(t, err)
				require.Len(t, api.TokenRequests(), 1, "the token serves")
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
			api := apitest.NewServer(t, apitest.Reply(200, "{}"))
			api.TokenAnswer = apitest.Reply(200, reply)
			c := api.Client(t)
			for _, err := range []error{second(c.Token(t.Context())), second(c.Sessions.Get(t.Context(), "id", nil))} {
				var refused *coviu.TokenError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, 200, refused.StatusCode)
				require.Equal(t, "client_credentials", refused.Grant)
				require.NotErrorIs(t, err, coviu.ErrAuthentication)
			}
			require.Empty(t, api.Calls())
		})
	}
}

func second[T any](_ T, err error) error { return err }

func TestFault51_HalfLifePassed(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		c, id := s.Client(t), seedOne(t, s)
		require.NoError(t, getOne.call(t.Context(), c, id))
		old, err := c.Token(t.Context())
		require.NoError(t, err)
		pass(30*time.Minute - time.Second)
		require.NoError(t, getOne.call(t.Context(), c, id))
		require.Equal(t, 1, s.Count(tokenRequest))

		pass(15 * time.Minute)
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
			pass(46 * time.Minute)
			for range 600 {
				require.NoError(t, getOne.call(t.Context(), c, id))
				pass(100 * time.Millisecond)
			}
			require.LessOrEqual(t, s.Count(tokenRequest), 61)
			require.GreaterOrEqual(t, s.Count(tokenRequest), 25)
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
	for name, fault := range tokenFaults {
		t.Run(name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				s.Fail(tokenRequest, fault.fault)
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
			cache := tokencache.New(tokencache.Config[int]{
				Fetch: func(context.Context, *int) (*int, time.Duration, error) {
					return new(int(fetches.Add(1))), time.Hour, nil
				},
				Background: true,
				Limit:      15 * time.Second,
				Clock:      func() time.Duration { return time.Duration(now.Load()) },
			}, nil, 0)
			get := func() {
				for range 1000 {
					_, err := cache.Get(t.Context())
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
			// The reply holds a lifetime and not a time, so a server clock that is an hour
			// ahead does not matter.
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
	for name, fault := range tokenFaults {
		for _, e := range everyOne {
			t.Run(name+"/"+e.method, func(t *testing.T) {
				withServer(t, func(t *testing.T, s *coviutest.Server) {
					c, id := s.Client(t), seedOne(t, s)
					s.Fail(tokenRequest, fault.fault)
					err := e.call(t.Context(), c, id)
					if fault.temporary {
						require.NoError(t, err)
						require.Equal(t, 2, s.Count(tokenRequest))
					} else {
						requireCertain(t, err)
						require.Equal(t, 1, s.Count(coviutest.AnyOperation))
						require.NoError(t, e.call(t.Context(), c, id))
					}
					require.Equal(t, 1, s.Count(e.operation))
				})
			})
		}
	}
}
