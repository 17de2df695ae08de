package faulttest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
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
)

func TestFault65_TokenEndpointFailsOnceOrTwice(t *testing.T) {
	for name, fault := range map[string]coviutest.Fault{
		"408":     coviutest.Status(http.StatusRequestTimeout, nil, ""),
		"429":     coviutest.Status(http.StatusTooManyRequests, nil, ""),
		"500":     coviutest.Status(http.StatusInternalServerError, nil, ""),
		"503":     coviutest.Unavailable(),
		"504":     coviutest.Status(http.StatusGatewayTimeout, nil, ""),
		"599":     coviutest.Status(599, nil, ""),
		"reset":   coviutest.Reset(),
		"lost":    coviutest.LoseReply(),
		"cut":     coviutest.CutBody(5),
		"refused": coviutest.Refuse(),
	} {
		for times := 1; times <= 2; times++ {
			t.Run(name+" "+strconv.Itoa(times), func(t *testing.T) {
				withServer(t, func(t *testing.T, s *coviutest.Server) {
					s.Fail(tokenRequest, fault.Times(times))
					began := time.Now()
					require.NoError(t, postOne.call(t.Context(), s.Client(t), ""))
					require.Equal(t, 1, s.Count(postOne.operation))
					require.GreaterOrEqual(t, time.Since(began), time.Duration(times)*time.Second/2)
					require.LessOrEqual(t, time.Since(began), time.Duration(times)*time.Second)
				})
			})
		}
		t.Run(name+" for ever", func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				s.Fail(tokenRequest, fault.Always())
				err := postOne.call(t.Context(), s.Client(t), "")
				requireCertain(t, err)
				require.LessOrEqual(t, s.Count(tokenRequest), 3)
				require.Zero(t, s.Count(postOne.operation))
			})
		})
		t.Run(name+" with one attempt", func(t *testing.T) {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				s.Fail(tokenRequest, fault)
				c := s.Client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
				requireCertain(t, postOne.call(t.Context(), c, ""))
				require.NoError(t, postOne.call(t.Context(), c, ""))
			})
		})
	}
	t.Run("a user's refresh that may have been carried out is not repeated", func(t *testing.T) {
		for name, row := range map[string]struct {
			fault    coviutest.Fault
			requests int
			repeated bool
		}{
			"503":     {coviutest.Unavailable(), 1, false},
			"408":     {coviutest.Status(http.StatusRequestTimeout, nil, ""), 1, false},
			"lost":    {coviutest.LoseReply(), 1, false},
			"cut":     {coviutest.CutBody(5), 1, false},
			"429":     {coviutest.Status(http.StatusTooManyRequests, nil, ""), 2, true},
			"refused": {coviutest.Refuse(), 1, true},
		} {
			withServer(t, func(t *testing.T, s *coviutest.Server) {
				c := userClient(t, s)
				pass(2 * time.Hour)
				s.Fail(tokenRequest, row.fault)
				err := postOne.call(t.Context(), c, "")
				require.Equal(t, row.repeated, err == nil, name)
				require.Equal(t, row.requests, s.Count(tokenRequest), name)
			})
		}
	})
	t.Run("the retry budget is not spent", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c, id := s.Client(t), seedOne(t, s)
			s.Fail(tokenRequest, coviutest.Unavailable().Times(300))
			for s.Count(getOne.operation) == 0 {
				_ = getOne.call(t.Context(), c, id)
			}
			s.Fail(getOne.operation, coviutest.Unavailable().Times(2))
			require.NoError(t, getOne.call(t.Context(), c, id))
		})
	})
}

func TestFault66_TokenEndpointIsDown(t *testing.T) {
	const outage = 20 * time.Second
	type counts struct {
		requests, failed int
		recovered        time.Duration // after the end of the outage
	}
	// poll calls ten times a second with a client and with clients made by As.
	poll := func(t *testing.T, s *coviutest.Server, clients []*coviu.Client) counts {
		t.Helper()
		began := time.Now()
		var failed, recovered atomic.Int64
		var calling sync.WaitGroup
		for i := range 400 {
			calling.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				called := time.Now()
				err := either(clients[i%len(clients)].Sessions.List(ctx, nil))
				assert.LessOrEqual(t, time.Since(called), 5*time.Second, "no call outlives its deadline")
				if err != nil {
					failed.Add(1)
					assert.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
				} else {
					recovered.CompareAndSwap(0, int64(time.Since(began)-outage))
				}
			})
			pass(100 * time.Millisecond)
			if time.Since(began) == outage {
				synctest.Wait()
				s.ClearFaults()
			}
		}
		calling.Wait()
		return counts{s.Count(tokenRequest), int(failed.Load()), time.Duration(recovered.Load())}
	}
	for name, fault := range map[string]coviutest.Fault{
		"503":   coviutest.Unavailable(),
		"429":   coviutest.Status(http.StatusTooManyRequests, nil, ""),
		"reset": coviutest.Reset(),
	} {
		for _, users := range []int{0, 5} {
			t.Run(name+" with "+strconv.Itoa(users)+" users", func(t *testing.T) {
				withServer(t, func(t *testing.T, s *coviutest.Server) {
					clients := []*coviu.Client{s.Client(t)}
					for range users {
						grant, err := clients[0].Exchange(t.Context(), s.AuthorizationCode(""))
						require.NoError(t, err)
						grant.Expiry = time.Now().Add(-time.Hour)
						user, err := clients[0].As(grant)
						require.NoError(t, err)
						clients = append(clients, user)
					}
					s.ClearRequests()
					s.Fail(tokenRequest, fault.Always())
					got := poll(t, s, clients)
					t.Logf("%d token requests in 40 s, of which 20 s down; %d of 400 calls failed", got.requests, got.failed)
					require.LessOrEqual(t, got.requests, 2*20+2+users, "two a second")
					require.LessOrEqual(t, got.recovered, 1500*time.Millisecond)
				})
			})
		}
	}
	t.Run("Retry-After is obeyed", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			s.Fail(tokenRequest, coviutest.Status(http.StatusServiceUnavailable, http.Header{"Retry-After": {"7"}}, "").Always())
			got := poll(t, s, []*coviu.Client{s.Client(t)})
			require.LessOrEqual(t, got.requests, 4, "at 0, 7, 14 and 21 seconds")
			require.LessOrEqual(t, got.recovered, 1500*time.Millisecond)
		})
	})
	t.Run("a call waits for Retry-After", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			s.Fail(tokenRequest, coviutest.Status(http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}}, ""))
			began := time.Now()
			require.NoError(t, postOne.call(t.Context(), s.Client(t), ""))
			require.Equal(t, time.Minute, time.Since(began))
		})
	})
	t.Run("a long Retry-After ends the call at once", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			s.Fail(tokenRequest, coviutest.Status(http.StatusTooManyRequests, http.Header{"Retry-After": {"61"}}, "").Always())
			began := time.Now()
			err := postOne.call(t.Context(), s.Client(t), "")
			require.ErrorIs(t, err, coviu.ErrRateLimited)
			refused, ok := errors.AsType[*coviu.TokenError](err)
			require.True(t, ok)
			require.Equal(t, 61*time.Second, refused.RetryAfter)
			require.Zero(t, time.Since(began))
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
	t.Run("a Retry-After past the deadline ends the call at once", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			s.Fail(tokenRequest, coviutest.Status(http.StatusTooManyRequests, http.Header{"Retry-After": {"10"}}, "").Always())
			ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
			defer cancel()
			c := s.Client(t)
			for range 5 {
				began := time.Now()
				require.ErrorIs(t, postOne.call(ctx, c, ""), coviu.ErrRateLimited)
				require.Zero(t, time.Since(began))
			}
			require.Equal(t, 1, s.Count(tokenRequest))
		})
	})
	t.Run("the old token serves while Retry-After lasts", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := s.Client(t)
			require.NoError(t, postOne.call(t.Context(), c, ""))
			s.Fail(tokenRequest, coviutest.Status(http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}}, "").Always())
			pass(time.Hour - 25*time.Second)
			for range 24 {
				began := time.Now()
				require.NoError(t, postOne.call(t.Context(), c, ""))
				require.Zero(t, time.Since(began))
				pass(time.Second)
			}
		})
	})
}

func TestFault67_TokenRequestsAreObserved(t *testing.T) {
	type key struct{}
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		var lines bytes.Buffer
		var mu sync.Mutex
		var infos []coviu.ResponseInfo
		c := s.Client(t,
			coviu.WithLogger(slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))),
			coviu.WithResponseHook(func(ctx context.Context, info coviu.ResponseInfo) {
				mu.Lock()
				defer mu.Unlock()
				if info.Operation == tokenRequest {
					assert.Nil(t, ctx.Value(key{}), "a renewal serves many callers")
					infos = append(infos, info)
				}
			}))
		ctx := context.WithValue(t.Context(), key{}, "caller")
		s.Fail(tokenRequest, coviutest.Unavailable())
		require.NoError(t, postOne.call(ctx, c, ""))
		require.Len(t, infos, 2)
		require.Equal(t, http.StatusServiceUnavailable, infos[0].StatusCode)
		require.ErrorIs(t, infos[0].Err, coviu.ErrServer)
		require.Equal(t, http.StatusOK, infos[1].StatusCode)
		require.NoError(t, infos[1].Err)
		for _, info := range infos {
			require.Equal(t, 1, info.Attempts)
		}
		var tokenLines []map[string]any
		for _, line := range apitest.LogRecords(t, &lines) {
			if line["operation"] == tokenRequest {
				tokenLines = append(tokenLines, line)
			}
		}
		require.Len(t, tokenLines, 2)
		require.EqualValues(t, 503, tokenLines[0]["status"])
		require.EqualValues(t, 200, tokenLines[1]["status"])
		for _, line := range tokenLines {
			require.EqualValues(t, 1, line["attempt"])
		}

		// Background refreshes fail for an hour. Each logs a line.
		s.Fail(tokenRequest, coviutest.Unavailable().Always())
		s.ClearRequests()
		infos = nil
		pass(46 * time.Minute)
		for range 6 {
			require.NoError(t, postOne.call(t.Context(), c, ""))
			pass(2 * time.Second)
		}
		// The last refresh runs in the background.
		synctest.Wait()
		require.Len(t, infos, s.Count(tokenRequest))
		require.Len(t, infos, 6)
		for _, info := range infos {
			require.ErrorIs(t, info.Err, coviu.ErrServer)
		}
	})
	t.Run("an exchange too", func(t *testing.T) {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			var infos []coviu.ResponseInfo
			c := s.Client(t, coviu.WithResponseHook(func(_ context.Context, info coviu.ResponseInfo) { infos = append(infos, info) }))
			_, err := c.Exchange(t.Context(), s.AuthorizationCode(""))
			require.NoError(t, err)
			require.Len(t, infos, 1)
			require.Equal(t, tokenRequest, infos[0].Operation)
		})
	})
}
