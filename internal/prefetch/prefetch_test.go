package prefetch_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/prefetch"
)

var errBroken = errors.New("broken")

// slowWork takes a second for each value, and counts what it began.
type slowWork struct {
	begun, running, most atomic.Int64
	failAt, panicAt      int
	exitAt               int
}

func (s *slowWork) get(ctx context.Context, i int) (int, error) {
	s.begun.Add(1)
	now := s.running.Add(1)
	defer s.running.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	switch {
	case s.failAt > 0 && i == s.failAt:
		return 0, errBroken
	case s.panicAt > 0 && i == s.panicAt:
		panic(errBroken)
	case s.exitAt > 0 && i == s.exitAt:
		runtime.Goexit()
	}
	return i, nil
}

func following(i int) int { return i + 1 }

func (s *slowWork) queue() *prefetch.Queue[int, int] { return prefetch.New(s.get, following) }

// inBubble runs test with several bounds in virtual time.
func inBubble(t *testing.T, bounds []int, test func(*testing.T, int)) {
	t.Helper()
	for _, n := range bounds {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, n) })
		})
	}
}

func TestTakeKeepsTheOrderAndTheBound(t *testing.T) {
	inBubble(t, []int{0, 1, 3, 16}, func(t *testing.T, n int) {
		var work slowWork
		q := work.queue()
		began := time.Now()
		for i := range 8 {
			got, err := q.Take(t.Context(), i, n)
			require.NoError(t, err)
			require.Equal(t, i, got)
		}
		require.EqualValues(t, n+1, work.most.Load())
		rounds := (8 + n) / (n + 1)
		require.Equal(t, time.Duration(rounds)*time.Second, time.Since(began))
		q.Drop()
		require.Zero(t, work.running.Load(), "Drop waits")
		begun := work.begun.Load()
		<-time.After(time.Minute)
		require.Equal(t, begun, work.begun.Load(), "nothing is started after Drop")
	})
}

func TestTakeWorksAheadWhileTheConsumerWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work slowWork
		q := work.queue()
		defer q.Drop()
		began := time.Now()
		for i := range 10 {
			_, err := q.Take(t.Context(), i, 1)
			require.NoError(t, err)
			<-time.After(time.Second)
			require.LessOrEqual(t, work.begun.Load(), int64(i+2), "the one in use and one more")
		}
		require.Equal(t, 11*time.Second, time.Since(began))
	})
}

func TestTakeOfAnUnexpectedKeyDropsTheGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work slowWork
		q := work.queue()
		defer q.Drop()
		take := func(key, begun int) {
			got, err := q.Take(t.Context(), key, 3)
			require.NoError(t, err)
			require.Equal(t, key, got)
			synctest.Wait()
			require.EqualValues(t, begun, work.begun.Load())
		}
		take(0, 4)
		take(1, 5)
		take(7, 6) // no guess right after a wrong one
		require.Zero(t, work.running.Load(), "the wrong guesses are canceled")
		take(8, 10)
		take(9, 11)
	})
}

func TestTakeMayAskForLessAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work slowWork
		q := work.queue()
		defer q.Drop()
		for i, begun := range []int{4, 4, 4, 4, 5} {
			ahead := 0
			if i == 0 {
				ahead = 3
			}
			got, err := q.Take(t.Context(), i, ahead)
			require.NoError(t, err)
			require.Equal(t, i, got)
			synctest.Wait()
			require.EqualValues(t, begun, work.begun.Load())
		}
	})
}

func TestTakeReturnsTheErrorOfItsKey(t *testing.T) {
	inBubble(t, []int{0, 4}, func(t *testing.T, n int) {
		work := slowWork{failAt: 3}
		q := work.queue()
		defer q.Drop()
		for i := range 5 {
			_, err := q.Take(t.Context(), i, n)
			if i == 3 {
				require.ErrorIs(t, err, errBroken)
			} else {
				require.NoError(t, err)
			}
		}
	})
}

func TestTakeEndsWithItsContext(t *testing.T) {
	inBubble(t, []int{0, 2}, func(t *testing.T, n int) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var work slowWork
		q := work.queue()
		defer q.Drop()
		began := time.Now()
		var err error
		for i := 0; err == nil; i++ {
			_, err = q.Take(ctx, i, n)
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1500*time.Millisecond, time.Since(began))
	})
}

// The panic is that of the key's own get, in the order of the keys, and it can be
// recovered where Take was called.
func TestAPanicReachesTheConsumer(t *testing.T) {
	inBubble(t, []int{0, 1, 4}, func(t *testing.T, n int) {
		work := slowWork{panicAt: 2}
		q := work.queue()
		for i := range 2 {
			got, err := q.Take(t.Context(), i, n)
			require.NoError(t, err)
			require.Equal(t, i, got)
		}
		require.PanicsWithValue(t, errBroken, func() { _, _ = q.Take(t.Context(), 2, n) })
		q.Drop()
		require.Zero(t, work.running.Load())
	})
}

func TestAPanicOfADroppedGuessIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := slowWork{panicAt: 1}
		q := work.queue()
		_, err := q.Take(t.Context(), 0, 4)
		require.NoError(t, err)
		<-time.After(time.Second)
		require.NotPanics(t, q.Drop)
		require.Zero(t, work.running.Load())
	})
}

// testing.T's FailNow in a fake transport calls runtime.Goexit.
func TestGoexitEndsTheConsumer(t *testing.T) {
	inBubble(t, []int{0, 4}, func(t *testing.T, n int) {
		work := slowWork{exitAt: 1}
		taken, returned := 0, false
		done := make(chan struct{})
		go func() {
			defer close(done)
			q := work.queue()
			defer q.Drop()
			for ; taken < 3; taken++ {
				if _, err := q.Take(t.Context(), taken, n); err != nil {
					return
				}
			}
			returned = true
		}()
		<-done
		require.Equal(t, 1, taken)
		require.False(t, returned)
		require.Zero(t, work.running.Load())
	})
}

func TestTakeReleasesTheContextOfItsGet(t *testing.T) {
	var contexts []context.Context
	get := func(ctx context.Context, i int) (int, error) {
		contexts = append(contexts, ctx)
		return i, nil
	}
	synctest.Test(t, func(t *testing.T) {
		q := prefetch.New(func(ctx context.Context, i int) (int, error) {
			if i > 0 {
				<-ctx.Done()
			}
			return get(ctx, i)
		}, following)
		_, err := q.Take(t.Context(), 0, 1)
		require.NoError(t, err)
		require.Error(t, contexts[0].Err())
		q.Drop()
		require.Error(t, contexts[1].Err())
	})
}

func BenchmarkTake(b *testing.B) {
	get := func(_ context.Context, i int) (int, error) { return i, nil }
	b.ReportAllocs()
	for b.Loop() {
		q := prefetch.New(get, following)
		for i := range 1000 {
			_, _ = q.Take(b.Context(), i, 8)
		}
		q.Drop()
	}
}
