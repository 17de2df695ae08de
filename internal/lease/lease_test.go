package lease_test

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

	"github.com/coviu/coviu-go-sdk/internal/lease"
)

const limit = 15 * time.Second

var (
	errDown = errors.New("down")
	errDead = errors.New("dead")
)

// well gives out 1, 2, 3 and so on, each for lifetime, after a delay.
type well struct {
	mu       sync.Mutex
	lifetime time.Duration
	delay    time.Duration
	err      error
	given    int
	fetches  int
	last     *int
}

func (w *well) fetch(ctx context.Context, last *int) (*int, time.Duration, error) {
	w.mu.Lock()
	w.fetches++
	w.last = last
	delay := w.delay
	w.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, 0, w.err
	}
	w.given++
	return new(w.given), w.lifetime, nil
}

func (w *well) set(change func(w *well)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *well) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetches
}

func (w *well) holder() *lease.Holder[int] {
	return lease.New(lease.Config[int]{
		Fetch: w.fetch,
		Fatal: func(err error) bool { return errors.Is(err, errDead) },
		Early: true,
		Limit: limit,
	}, nil, 0)
}

func get(t testing.TB, h *lease.Holder[int]) int {
	t.Helper()
	v, err := h.Get(t.Context())
	require.NoError(t, err)
	return *v
}

func pass(d time.Duration) { <-time.After(d) }

func TestAValueServesWhileItIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		require.Nil(t, h.Current())
		for range 100 {
			require.Equal(t, 1, get(t, h))
		}
		require.Equal(t, 1, *h.Current())
		require.Equal(t, 1, w.asked())
		require.Nil(t, w.last)
	})
}

func TestOneRefreshServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour, delay: time.Second}
		h := w.holder()
		var waiting sync.WaitGroup
		for range 1000 {
			waiting.Go(func() { assert.Equal(t, 1, get(t, h)) })
		}
		waiting.Wait()
		require.Equal(t, 1, w.asked())
	})
}

func TestEachWaitsAsLongAsItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour, delay: 10 * time.Second}
		h := w.holder()
		began := time.Now()
		var waiting sync.WaitGroup
		for i := range 9 {
			waiting.Go(func() {
				patience := time.Duration(i+1) * time.Second
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := h.Get(ctx)
				assert.Equal(t, patience, time.Since(began))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		waiting.Wait()
		require.Equal(t, 1, get(t, h), "the one who started it gave up long ago")
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Equal(t, 1, w.asked())
	})
}

func TestNothingOfACallersContextReachesTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		h := lease.New(lease.Config[int]{Limit: limit, Fetch: func(ctx context.Context, _ *int) (*int, time.Duration, error) {
			pass(time.Second)
			assert.Nil(t, ctx.Value(key{}))
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, limit-time.Second, time.Until(deadline))
			return new(1), time.Hour, ctx.Err()
		}}, nil, 0)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		cancel()
		_, err := h.Get(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 1, get(t, h))
	})
}

func TestARefreshInTheBackgroundFromHalfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		get(t, h)
		w.set(func(w *well) { w.delay = 3 * time.Second })
		pass(30*time.Minute - 1)
		require.Equal(t, 1, get(t, h))
		synctest.Wait()
		require.Equal(t, 1, w.asked())
		pass(1)
		began := time.Now()
		for range 100 {
			require.Equal(t, 1, get(t, h))
		}
		require.Zero(t, time.Since(began))
		synctest.Wait()
		require.Equal(t, 2, w.asked())
		require.Equal(t, 1, *w.last)
		pass(3 * time.Second)
		synctest.Wait()
		require.Equal(t, 2, get(t, h))
		require.Equal(t, 2, w.asked())
	})
}

func TestNoRefreshInTheBackgroundUnlessAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := lease.New(lease.Config[int]{Fetch: w.fetch, Limit: limit}, nil, 0)
		get(t, h)
		pass(59 * time.Minute)
		require.Equal(t, 1, get(t, h))
		require.Equal(t, 1, w.asked())
	})
}

func TestTheHardStopBeforeTheEnd(t *testing.T) {
	for lifetime, margin := range map[time.Duration]time.Duration{
		time.Hour:         30 * time.Second,
		5 * time.Minute:   30 * time.Second,
		100 * time.Second: 10 * time.Second,
		10 * time.Second:  time.Second,
	} {
		t.Run(fmt.Sprint(lifetime), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &well{lifetime: lifetime}
				h := lease.New(lease.Config[int]{Fetch: w.fetch, Limit: limit}, nil, 0)
				get(t, h)
				pass(lifetime - margin - 1)
				require.Equal(t, 1, get(t, h))
				pass(1)
				require.Equal(t, 2, get(t, h))
			})
		})
	}
}

func TestAnUnlimitedValueServesUntilItIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{}
		h := w.holder()
		get(t, h)
		pass(1000 * time.Hour)
		require.Equal(t, 1, get(t, h))
		h.Revoke(h.Current())
		require.Equal(t, 2, get(t, h))
	})
}

func TestRevokingTakesOnlyTheValueThatIsMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		get(t, h)
		first := h.Current()
		h.Revoke(first)
		require.Equal(t, first, h.Current(), "known still, so that it can be compared with")
		require.Equal(t, 2, get(t, h))
		h.Revoke(first)
		h.Revoke(nil)
		h.Revoke(new(2))
		require.Equal(t, 2, get(t, h))
		require.Equal(t, 2, w.asked())
	})
}

func TestManyWhoRevokeOneValueCauseOneRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		get(t, h)
		refused := h.Current()
		w.set(func(w *well) { w.delay = time.Second })
		var working sync.WaitGroup
		for range 200 {
			working.Go(func() {
				h.Revoke(refused)
				assert.Equal(t, 2, get(t, h))
			})
		}
		working.Wait()
		require.Equal(t, 2, w.asked())
	})
}

func TestAFailureIsToldAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour, err: errDown, delay: time.Second}
		h := w.holder()
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() {
				_, err := h.Get(t.Context())
				assert.ErrorIs(t, err, errDown)
			})
		}
		waiting.Wait()
		require.Equal(t, 1, w.asked())
		w.set(func(w *well) { w.err = nil })
		require.Equal(t, 1, get(t, h))
		require.Equal(t, 2, w.asked())
	})
}

func TestTheOldValueCoversForAFailedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		get(t, h)
		w.set(func(w *well) { w.err = errDown })
		pass(time.Hour - 30*time.Second)
		require.Equal(t, 1, get(t, h), "within the margin")
		pass(30*time.Second - 1)
		require.Equal(t, 1, get(t, h), "to its very end")
		pass(1)
		_, err := h.Get(t.Context())
		require.ErrorIs(t, err, errDown)
	})
}

func TestAFailingRefreshIsNotRepeatedAtOnce(t *testing.T) {
	for name, at := range map[string]time.Duration{
		"in the background": 40 * time.Minute,
		"within the margin": time.Hour - 25*time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &well{lifetime: time.Hour}
				h := w.holder()
				get(t, h)
				w.set(func(w *well) { w.err = errDown })
				pass(at)
				for range 100 {
					require.Equal(t, 1, get(t, h))
					synctest.Wait()
				}
				require.Equal(t, 2, w.asked())
				pass(10 * time.Second)
				require.Equal(t, 1, get(t, h))
				synctest.Wait()
				require.Equal(t, 3, w.asked())
				w.set(func(w *well) { w.err = nil })
				pass(10 * time.Second)
				get(t, h)
				synctest.Wait()
				require.Equal(t, 2, get(t, h))
			})
		})
	}
}

func TestARevokedValueCoversForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		get(t, h)
		w.set(func(w *well) { w.err = errDown })
		h.Revoke(h.Current())
		_, err := h.Get(t.Context())
		require.ErrorIs(t, err, errDown)
	})
}

func TestAFatalFailureIsToldThoughTheOldValueLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		get(t, h)
		w.set(func(w *well) { w.err = errDead })
		pass(45 * time.Minute)
		require.Equal(t, 1, get(t, h), "in the background nobody waits for it")
		pass(15*time.Minute - 20*time.Second)
		_, err := h.Get(t.Context())
		require.ErrorIs(t, err, errDead)
	})
}

func TestAFatalFailureInTheBackgroundIsNotRepeatedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		h := w.holder()
		get(t, h)
		w.set(func(w *well) { w.err = errDead })
		pass(40 * time.Minute)
		for range 100 {
			require.Equal(t, 1, get(t, h))
			synctest.Wait()
		}
		require.Equal(t, 2, w.asked())
	})
}

func TestAFirstValueIsUsed(t *testing.T) {
	rows := map[time.Duration]int{0: 7, time.Hour: 7, -1: 1}
	for lifetime, want := range rows {
		synctest.Test(t, func(t *testing.T) {
			w := &well{lifetime: time.Hour}
			h := lease.New(lease.Config[int]{Fetch: w.fetch, Limit: limit}, new(7), lifetime)
			require.Equal(t, want, get(t, h))
			if want == 1 {
				require.Equal(t, 7, *w.last, "an expired one still serves to get the next")
			}
		})
	}
}

func TestEveryValueIsAcceptedBeforeItsFirstUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour}
		var accepted []int
		var refuse error
		h := lease.New(lease.Config[int]{Fetch: w.fetch, Limit: limit, Accept: func(_ context.Context, v *int) error {
			if refuse == nil {
				accepted = append(accepted, *v)
			}
			return refuse
		}}, nil, 0)
		refuse = errDown
		for range 3 {
			_, err := h.Get(t.Context())
			require.ErrorIs(t, err, errDown)
			require.Nil(t, h.Current())
		}
		require.Equal(t, 1, w.asked(), "the value is kept")
		refuse = nil
		for range 3 {
			require.Equal(t, 1, get(t, h))
		}
		require.Equal(t, []int{1}, accepted, "once for each value")

		h.Revoke(h.Current())
		refuse = errDown
		_, err := h.Get(t.Context())
		require.ErrorIs(t, err, errDown)
		require.Equal(t, 2, w.asked())
		refuse = nil
		pass(2 * time.Hour)
		require.Equal(t, 3, get(t, h), "the value that waited has expired")
		require.Equal(t, 2, *w.last, "but was the newest")
		require.Equal(t, []int{1, 3}, accepted)
	})
}

func TestAValueGivenAtFirstIsNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := lease.New(lease.Config[int]{Limit: limit, Accept: func(context.Context, *int) error { return errDown }}, new(7), 0)
		require.Equal(t, 7, get(t, h))
	})
}

func TestARefreshHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour, delay: time.Hour}
		began := time.Now()
		_, err := w.holder().Get(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, limit, time.Since(began))
	})
}

func TestTheLimitIsForFetchAndAcceptTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: time.Hour, delay: 10 * time.Second}
		h := lease.New(lease.Config[int]{Fetch: w.fetch, Limit: limit, Accept: func(ctx context.Context, _ *int) error {
			<-ctx.Done()
			return ctx.Err()
		}}, nil, 0)
		began := time.Now()
		_, err := h.Get(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, limit, time.Since(began))
	})
}

func TestARefreshThatDoesNotEndHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		h := lease.New(lease.Config[int]{Limit: limit, Fetch: func(context.Context, *int) (*int, time.Duration, error) {
			<-stuck
			return new(1), time.Hour, nil
		}}, nil, 0)
		began := time.Now()
		_, err := h.Get(t.Context())
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(began), limit+time.Second)
		began = time.Now()
		_, err = h.Get(t.Context())
		require.Error(t, err)
		require.Zero(t, time.Since(began))
		close(stuck)
		synctest.Wait()
		require.Equal(t, 1, get(t, h))
	})
}

func TestAPanicIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		h := lease.New(lease.Config[int]{Limit: limit, Fetch: func(context.Context, *int) (*int, time.Duration, error) {
			if broken {
				panic("canary")
			}
			return new(1), time.Hour, nil
		}}, nil, 0)
		_, err := h.Get(t.Context())
		require.Error(t, err)
		require.NotContains(t, err.Error(), "canary")
		broken = false
		require.Equal(t, 1, get(t, h))
	})
}

func TestAGoroutineThatEndsIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		h := lease.New(lease.Config[int]{Limit: limit, Fetch: func(context.Context, *int) (*int, time.Duration, error) {
			if broken {
				runtime.Goexit()
			}
			return new(1), time.Hour, nil
		}}, nil, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := h.Get(ctx)
		require.Error(t, err)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		broken = false
		require.Equal(t, 1, get(t, h))
	})
}

func TestManyAtOnceOverManyLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &well{lifetime: 10 * time.Second, delay: 100 * time.Millisecond}
		h := w.holder()
		var working sync.WaitGroup
		for i := range 50 {
			working.Go(func() {
				newest := 0
				for n := range 200 {
					v := get(t, h)
					assert.GreaterOrEqual(t, v, newest, "never back to an older value")
					newest = v
					if n%50 == i {
						h.Revoke(h.Current())
					}
					pass(time.Duration(i%7+1) * 100 * time.Millisecond)
				}
			})
		}
		working.Wait()
		require.Less(t, w.asked(), 400)
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
			h := lease.New(lease.Config[int]{Limit: limit, Early: true}, new(1), time.Hour)
			ctx := b.Context()
			b.ReportAllocs()
			if goroutines == 1 {
				for b.Loop() {
					_, _ = h.Get(ctx)
				}
				return
			}
			b.SetParallelism(goroutines / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = h.Get(ctx)
				}
			})
		})
	}
}
