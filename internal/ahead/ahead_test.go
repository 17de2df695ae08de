package ahead_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/ahead"
)

var errBroken = errors.New("broken")

// slowly is work that takes a second for each item, and counts what it began.
type slowly struct {
	begun, running, most atomic.Int64
	failAt               int
}

func (s *slowly) get(ctx context.Context, i int) (int, error) {
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
	if s.failAt > 0 && i == s.failAt {
		return 0, errBroken
	}
	return i, nil
}

func (s *slowly) upTo(n int) func(context.Context) iter.Seq2[int, error] {
	return func(ctx context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range n {
				v, err := s.get(ctx, i)
				if !yield(v, err) || err != nil {
					return
				}
			}
		}
	}
}

func take(t *testing.T, items iter.Seq2[int, error], n int) []int {
	t.Helper()
	var got []int
	for v, err := range items {
		require.NoError(t, err)
		if got = append(got, v); len(got) == n {
			break
		}
	}
	return got
}

func TestSideBySideKeepsTheOrder(t *testing.T) {
	for _, n := range []int{0, 1, 3, 16} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var work slowly
				began := time.Now()
				require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7}, take(t, ahead.SideBySide(t.Context(), n, work.get), 8))
				require.EqualValues(t, n+1, work.most.Load())
				rounds := (8 + n) / (n + 1)
				require.Equal(t, time.Duration(rounds)*time.Second, time.Since(began))
				require.Zero(t, work.running.Load(), "what was under way was waited for")
				begun := work.begun.Load()
				<-time.After(time.Minute)
				require.Equal(t, begun, work.begun.Load(), "nothing is started afterwards")
			})
		})
	}
}

func TestSideBySideEndsWithTheFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := slowly{failAt: 3}
		var got []int
		var faults []error
		for v, err := range ahead.SideBySide(t.Context(), 4, work.get) {
			if err != nil {
				faults = append(faults, err)
				continue
			}
			got = append(got, v)
		}
		require.Equal(t, []int{0, 1, 2}, got)
		require.Equal(t, []error{errBroken}, faults)
		require.Zero(t, work.running.Load())
	})
}

func TestSideBySideEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		var work slowly
		began := time.Now()
		var last error
		for _, err := range ahead.SideBySide(ctx, 2, work.get) {
			last = err
		}
		require.ErrorIs(t, last, context.DeadlineExceeded)
		require.Equal(t, 2500*time.Millisecond, time.Since(began))
	})
}

func TestSideBySideCanBeRangedOverTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work slowly
		items := ahead.SideBySide(t.Context(), 2, work.get)
		for range 2 {
			require.Equal(t, []int{0, 1, 2, 3, 4}, take(t, items, 5))
		}
	})
}

func TestInTurnYieldsAll(t *testing.T) {
	for _, n := range []int{1, 2, 64} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var work slowly
				require.Equal(t, []int{0, 1, 2, 3, 4}, take(t, ahead.InTurn(t.Context(), n, work.upTo(5)), -1))
				require.EqualValues(t, 1, work.most.Load())
			})
		})
	}
}

func TestInTurnIsAheadByItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work slowly
		for range ahead.InTurn(t.Context(), 3, work.upTo(100)) {
			<-time.After(time.Minute)
			synctest.Wait()
			require.EqualValues(t, 4, work.begun.Load(), "the one in use and three more")
			break
		}
		<-time.After(time.Minute)
		require.EqualValues(t, 4, work.begun.Load())
		require.Zero(t, work.running.Load())
	})
}

func TestInTurnSavesTheConsumersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work slowly
		began := time.Now()
		for range ahead.InTurn(t.Context(), 1, work.upTo(10)) {
			<-time.After(time.Second)
		}
		require.Equal(t, 11*time.Second, time.Since(began))
	})
}

func TestInTurnHandsErrorsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := slowly{failAt: 2}
		var faults []error
		n := 0
		for _, err := range ahead.InTurn(t.Context(), 2, work.upTo(9)) {
			n++
			if err != nil {
				faults = append(faults, err)
			}
		}
		require.Equal(t, 3, n)
		require.Equal(t, []error{errBroken}, faults)
	})
}

func TestInTurnEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		endless := func(context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := 0; yield(i, nil); i++ {
				}
			}
		}
		var faults []error
		n := 0
		for _, err := range ahead.InTurn(ctx, 2, endless) {
			if n++; n == 5 {
				cancel()
			}
			if err != nil {
				faults = append(faults, err)
			}
		}
		require.Equal(t, []error{context.Canceled}, faults, "the last thing, and once")
	})
}

func TestAConsumerThatPanicsLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work slowly
		for name, items := range map[string]iter.Seq2[int, error]{
			"side by side": ahead.SideBySide(t.Context(), 3, work.get),
			"in turn":      ahead.InTurn(t.Context(), 3, work.upTo(100)),
		} {
			require.Panics(t, func() {
				for range items {
					panic("consumer")
				}
			}, name)
			require.Zero(t, work.running.Load(), name)
		}
	})
}

func BenchmarkInTurn(b *testing.B) {
	numbers := slices.Values(make([]int, 1000))
	items := func(context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for v := range numbers {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for range ahead.InTurn(b.Context(), 8, items) {
		}
	}
}
