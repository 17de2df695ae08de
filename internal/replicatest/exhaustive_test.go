//go:build exhaustive

package replicatest_test

import (
	"iter"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// table counts schedules of type S.
type table[S, T any] interface {
	add(t testing.TB, s S)
	merge(other T)
}

// playAll plays all schedules, on all processors.
func playAll[S any, T table[S, T]](t *testing.T, schedules iter.Seq[S], newTable func() T) T {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // The heap is tiny.
	total := newTable()
	var mu sync.Mutex
	parts := runtime.GOMAXPROCS(0)
	t.Run("parts", func(t *testing.T) {
		for part := range parts {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					counted, i := newTable(), 0
					for s := range schedules {
						if i++; i%parts == part {
							counted.add(t, s)
						}
					}
					mu.Lock()
					defer mu.Unlock()
					total.merge(counted)
				})
			})
		}
	})
	t.Logf("%v", any(total))
	return total
}

func TestFault73_AllBookingSchedules(t *testing.T) {
	total := playAll(t, bookingSchedules(), newBookingTable)
	require.GreaterOrEqual(t, total.total, 100_000)
	require.Greater(t, total.without, total.total/4)
}

func TestFault71_AllTokenSchedules(t *testing.T) {
	total := playAll(t, tokenSchedules(), newTokenTable)
	require.GreaterOrEqual(t, total.total, 20_000)
}

// How often the grant is lost if a refresh is cut off between rotation and save.
// Tokens live for an hour, and each replica calls once in 10 s. Another process
// starts some time after, and calls at once.
func TestFault71_SizeOfTheHole(t *testing.T) {
	const runs = 50
	cutOff := func(t *testing.T, rotation rotation, replicas int, starts time.Duration, unmarked bool, planned ...fault) (lost int) {
		for range runs {
			synctest.Test(t, func(t *testing.T) {
				r := newTokenRun(t, &tokenSchedule{
					rotation: rotation, replicas: replicas, offset: time.Second,
					period: 10 * time.Second, calls: 300, restart: starts,
				})
				r.faults.planned = planned
				r.row.unmarked = unmarked
				r.useLifetime(time.Hour)
				var all sync.WaitGroup
				all.Go(r.play)
				if planned[0].kind != crashes {
					all.Go(func() { r.join(starts) })
				}
				all.Wait()
				require.True(t, r.faults.allStruck())
				if !r.service.lives(r.row.load().RefreshToken) {
					lost++
				}
			})
		}
		return lost
	}
	for _, unmarked := range []bool{true, false} {
		for _, replicas := range []int{1, 4} {
			for _, starts := range []time.Duration{3 * time.Second, 25 * time.Second, 40 * time.Second} {
				n := cutOff(t, diesLater, replicas, starts, unmarked, fault{beforeSave, 1, crashes})
				t.Logf("%2d replicas, killed, replaced after %v, marked: %v: %d of %d grants lost", replicas, starts, !unmarked, n, runs)
				if !unmarked && starts < oldLives {
					require.Zero(t, n)
				}
			}
			for name, planned := range map[string][]fault{
				"stalls for 12 s":            {{beforeSave, 1, stalls}},
				"can't save or release once": {{beforeSave, 1, fails}, {beforeRelease, replicas + 1, fails}},
			} {
				n := cutOff(t, reuseRevokes, replicas, time.Second, unmarked, planned...)
				t.Logf("%2d replicas, one %s, reuse revokes, marked: %v: %d of %d grants lost", replicas, name, !unmarked, n, runs)
			}
		}
	}
}

// join starts another replica some time after the last fault has struck.
func (r *tokenRun) join(after time.Duration) {
	for !r.faults.allStruck() {
		<-time.After(time.Second)
	}
	<-time.After(after)
	m := r.start()
	defer m.replica.cancel()
	r.call(m)
}

func TestFault71_RefreshGraceSavesTheGrantInAllSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { requireGraceSavesTheGrant(t, 1) })
}
