package tokencache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/tokencache"
)

const limit = 15 * time.Second

var (
	errDown = errors.New("down")
	errDead = errors.New("dead")
)

// issuer returns 1, 2, 3 and so on, each for lifetime, after a delay.
type issuer struct {
	mu       sync.Mutex
	lifetime time.Duration
	delay    time.Duration
	err      error
	given    int
	fetches  int
	last     *int
}

func (s *issuer) fetch(ctx context.Context, last *int) (*int, time.Duration, error) {
	s.mu.Lock()
	s.fetches++
	s.last = last
	delay := s.delay
	s.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, 0, s.err
	}
	s.given++
	return new(s.given), s.lifetime, nil
}

func (s *issuer) set(change func(s *issuer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *issuer) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func (s *issuer) cache() *tokencache.Cache[int] {
	return tokencache.New(tokencache.Config[int]{
		Fetch:      s.fetch,
		Fatal:      func(err error) bool { return errors.Is(err, errDead) },
		Background: true,
		Limit:      limit,
	}, nil, 0)
}

func get(t testing.TB, c *tokencache.Cache[int]) int {
	t.Helper()
	return *pointer(t, c)
}

func pointer(t testing.TB, c *tokencache.Cache[int]) *int {
	t.Helper()
	v, err := c.Get(t.Context())
	require.NoError(t, err)
	return v
}

func pass(d time.Duration) { <-time.After(d) }

func TestAValueServesWhileItIsValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		for range 100 {
			require.Equal(t, 1, get(t, c))
		}
		require.Equal(t, 1, s.asked())
		require.Nil(t, s.last)
	})
}

func TestOneRefreshServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour, delay: time.Second}
		c := s.cache()
		var waiting sync.WaitGroup
		for range 1000 {
			waiting.Go(func() { assert.Equal(t, 1, get(t, c)) })
		}
		waiting.Wait()
		require.Equal(t, 1, s.asked())
	})
}

func TestEachWaitsAsLongAsItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour, delay: 10 * time.Second}
		c := s.cache()
		began := time.Now()
		var waiting sync.WaitGroup
		for i := range 9 {
			waiting.Go(func() {
				patience := time.Duration(i+1) * time.Second
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := c.Get(ctx)
				assert.Equal(t, patience, time.Since(began))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		waiting.Wait()
		require.Equal(t, 1, get(t, c), "the one who started it gave up long ago")
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Equal(t, 1, s.asked())
	})
}

func TestNothingOfACallersContextReachesTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		c := tokencache.New(tokencache.Config[int]{Limit: limit, Fetch: func(ctx context.Context, _ *int) (*int, time.Duration, error) {
			pass(time.Second)
			assert.Nil(t, ctx.Value(key{}))
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, limit-time.Second, time.Until(deadline))
			return new(1), time.Hour, ctx.Err()
		}}, nil, 0)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		cancel()
		_, err := c.Get(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 1, get(t, c))
	})
}

func TestABackgroundRefreshStartsBetweenHalfAndThreeQuartersOfTheLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		get(t, c)
		s.set(func(s *issuer) { s.delay = 3 * time.Second })
		pass(30*time.Minute - 1)
		require.Equal(t, 1, get(t, c))
		synctest.Wait()
		require.Equal(t, 1, s.asked())
		pass(15*time.Minute + 1)
		began := time.Now()
		for range 100 {
			require.Equal(t, 1, get(t, c))
		}
		require.Zero(t, time.Since(began))
		synctest.Wait()
		require.Equal(t, 2, s.asked())
		require.Equal(t, 1, *s.last)
		pass(3 * time.Second)
		synctest.Wait()
		require.Equal(t, 2, get(t, c))
		require.Equal(t, 2, s.asked())
	})
}

func TestCachesThatStartTogetherDoNotRefreshTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuers := make([]*issuer, 100)
		caches := make([]*tokencache.Cache[int], len(issuers))
		for i := range issuers {
			issuers[i] = &issuer{lifetime: time.Hour}
			caches[i] = issuers[i].cache()
			get(t, caches[i])
		}
		refreshed := 0
		for minute := 30; minute <= 45; minute += 3 {
			pass(time.Until(time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC)))
			before := refreshed
			refreshed = 0
			for i, c := range caches {
				get(t, c)
				synctest.Wait()
				refreshed += issuers[i].asked() - 1
			}
			require.Less(t, refreshed-before, 50, "minute %d", minute)
			if minute == 42 {
				require.Less(t, refreshed, len(caches))
			}
		}
		require.Equal(t, 100, refreshed)
	})
}

func TestNoRefreshInTheBackgroundUnlessAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := tokencache.New(tokencache.Config[int]{Fetch: s.fetch, Limit: limit}, nil, 0)
		get(t, c)
		pass(59 * time.Minute)
		require.Equal(t, 1, get(t, c))
		require.Equal(t, 1, s.asked())
	})
}

func TestTheMarginBeforeTheEnd(t *testing.T) {
	for lifetime, margin := range map[time.Duration]time.Duration{
		time.Hour:         30 * time.Second,
		5 * time.Minute:   30 * time.Second,
		100 * time.Second: 10 * time.Second,
		10 * time.Second:  time.Second,
	} {
		t.Run(fmt.Sprint(lifetime), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &issuer{lifetime: lifetime}
				c := tokencache.New(tokencache.Config[int]{Fetch: s.fetch, Limit: limit}, nil, 0)
				get(t, c)
				pass(lifetime - margin - 1)
				require.Equal(t, 1, get(t, c))
				pass(1)
				require.Equal(t, 2, get(t, c))
			})
		})
	}
}

func TestAnUnlimitedValueServesUntilItIsInvalidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{}
		c := s.cache()
		get(t, c)
		pass(1000 * time.Hour)
		require.Equal(t, 1, get(t, c))
		c.Invalidate(pointer(t, c))
		require.Equal(t, 2, get(t, c))
	})
}

func TestInvalidateTakesOnlyTheValueThatIsMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		first := pointer(t, c)
		require.True(t, c.Valid())
		c.Invalidate(first)
		require.False(t, c.Valid())
		require.False(t, c.Replaced(first))
		require.Equal(t, 2, get(t, c))
		require.True(t, c.Replaced(first))
		c.Invalidate(first)
		c.Invalidate(nil)
		c.Invalidate(new(2))
		require.Equal(t, 2, get(t, c))
		require.Equal(t, 2, s.asked())
	})
}

func TestManyWhoInvalidateOneValueCauseOneRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		refused := pointer(t, c)
		s.set(func(s *issuer) { s.delay = time.Second })
		var working sync.WaitGroup
		for range 200 {
			working.Go(func() {
				c.Invalidate(refused)
				assert.Equal(t, 2, get(t, c))
			})
		}
		working.Wait()
		require.Equal(t, 2, s.asked())
	})
}

func TestAFailureIsReturnedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour, err: errDown, delay: time.Second}
		c := s.cache()
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() {
				_, err := c.Get(t.Context())
				assert.ErrorIs(t, err, errDown)
			})
		}
		waiting.Wait()
		require.Equal(t, 1, s.asked())
		s.set(func(s *issuer) { s.err = nil })
		require.Equal(t, 1, get(t, c))
		require.Equal(t, 2, s.asked())
	})
}

func TestTheOldValueServesAfterAFailedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		get(t, c)
		s.set(func(s *issuer) { s.err = errDown })
		pass(time.Hour - 30*time.Second)
		require.Equal(t, 1, get(t, c), "within the margin")
		pass(30*time.Second - 1)
		require.Equal(t, 1, get(t, c), "to its very end")
		pass(1)
		_, err := c.Get(t.Context())
		require.ErrorIs(t, err, errDown)
	})
}

func TestWithoutFatalNoFailureIsFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := tokencache.New(tokencache.Config[int]{Fetch: s.fetch, Limit: limit}, nil, 0)
		get(t, c)
		s.set(func(s *issuer) { s.err = errDead })
		pass(time.Hour - 1)
		require.Equal(t, 1, get(t, c))
	})
}

func TestAFailingRefreshIsNotRepeatedAtOnce(t *testing.T) {
	for name, at := range map[string]time.Duration{
		"in the background": 46 * time.Minute,
		"within the margin": time.Hour - 25*time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &issuer{lifetime: time.Hour}
				c := s.cache()
				get(t, c)
				s.set(func(s *issuer) { s.err = errDown })
				pass(at)
				for range 100 {
					require.Equal(t, 1, get(t, c))
					synctest.Wait()
				}
				require.Equal(t, 2, s.asked())
				pass(time.Second)
				require.Equal(t, 1, get(t, c))
				synctest.Wait()
				require.Equal(t, 3, s.asked())
				s.set(func(s *issuer) { s.err = nil })
				pass(time.Second)
				get(t, c)
				synctest.Wait()
				require.Equal(t, 2, get(t, c))
			})
		})
	}
}

func TestAnInvalidatedValueIsNotUsedAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		get(t, c)
		s.set(func(s *issuer) { s.err = errDown })
		c.Invalidate(pointer(t, c))
		_, err := c.Get(t.Context())
		require.ErrorIs(t, err, errDown)
	})
}

func TestAFatalFailureIsReturnedAlthoughTheOldValueHasNotExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		get(t, c)
		s.set(func(s *issuer) { s.err = errDead })
		pass(46 * time.Minute)
		require.Equal(t, 1, get(t, c), "in the background nobody waits for it")
		pass(14*time.Minute - 20*time.Second)
		_, err := c.Get(t.Context())
		require.ErrorIs(t, err, errDead)
	})
}

func TestAFatalFailureInTheBackgroundIsNotRepeatedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		get(t, c)
		s.set(func(s *issuer) { s.err = errDead })
		pass(46 * time.Minute)
		for range 100 {
			require.Equal(t, 1, get(t, c))
			synctest.Wait()
		}
		require.Equal(t, 2, s.asked())
	})
}

func TestAFirstValueIsUsed(t *testing.T) {
	rows := map[time.Duration]int{0: 7, time.Hour: 7, -1: 1}
	for lifetime, want := range rows {
		synctest.Test(t, func(t *testing.T) {
			s := &issuer{lifetime: time.Hour}
			c := tokencache.New(tokencache.Config[int]{Fetch: s.fetch, Limit: limit}, new(7), lifetime)
			require.Equal(t, want, get(t, c))
			if want == 1 {
				require.Equal(t, 7, *s.last, "an expired one still serves to get the next")
			}
		})
	}
}

func TestARestoredValueServesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour}
		c := s.cache()
		first := pointer(t, c)
		c.Invalidate(first)
		c.Restore(new(1))
		require.False(t, c.Valid())
		c.Restore(first)
		require.Equal(t, 1, get(t, c))
		require.Equal(t, 1, s.asked())
	})
}

func TestARefreshHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: time.Hour, delay: time.Hour}
		began := time.Now()
		_, err := s.cache().Get(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, limit, time.Since(began))
	})
}

func TestARefreshThatDoesNotEndHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		c := tokencache.New(tokencache.Config[int]{Limit: limit, Fetch: func(context.Context, *int) (*int, time.Duration, error) {
			<-stuck
			return new(1), time.Hour, nil
		}}, nil, 0)
		began := time.Now()
		_, err := c.Get(t.Context())
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(began), limit+time.Second)
		began = time.Now()
		_, err = c.Get(t.Context())
		require.Error(t, err)
		require.Zero(t, time.Since(began))
		close(stuck)
		synctest.Wait()
		require.Equal(t, 1, get(t, c))
	})
}

func TestAPanicIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		c := tokencache.New(tokencache.Config[int]{Limit: limit, Fetch: func(context.Context, *int) (*int, time.Duration, error) {
			if broken {
				panic("canary")
			}
			return new(1), time.Hour, nil
		}}, nil, 0)
		_, err := c.Get(t.Context())
		require.Error(t, err)
		require.NotContains(t, err.Error(), "canary")
		broken = false
		require.Equal(t, 1, get(t, c))
	})
}

func TestAGoroutineThatEndsIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		c := tokencache.New(tokencache.Config[int]{Limit: limit, Fetch: func(context.Context, *int) (*int, time.Duration, error) {
			if broken {
				runtime.Goexit()
			}
			return new(1), time.Hour, nil
		}}, nil, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Get(ctx)
		require.Error(t, err)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		broken = false
		require.Equal(t, 1, get(t, c))
	})
}

func TestManyAtOnceOverManyLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{lifetime: 10 * time.Second, delay: 100 * time.Millisecond}
		c := s.cache()
		var working sync.WaitGroup
		for i := range 50 {
			working.Go(func() {
				newest := 0
				for n := range 200 {
					v := get(t, c)
					assert.GreaterOrEqual(t, v, newest, "never back to an older value")
					newest = v
					if n%50 == i {
						c.Invalidate(pointer(t, c))
					}
					pass(time.Duration(i%7+1) * 100 * time.Millisecond)
				}
			})
		}
		working.Wait()
		require.Less(t, s.asked(), 400)
	})
}

func BenchmarkTimeSince(b *testing.B) {
	start := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_ = time.Since(start)
	}
}

func BenchmarkGet(b *testing.B) {
	for _, goroutines := range []int{1, 1024} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			c := tokencache.New(tokencache.Config[int]{Limit: limit, Background: true}, new(1), time.Hour)
			ctx := b.Context()
			b.ReportAllocs()
			if goroutines == 1 {
				for b.Loop() {
					_, _ = c.Get(ctx)
				}
				return
			}
			b.SetParallelism(goroutines / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = c.Get(ctx)
				}
			})
		})
	}
}
