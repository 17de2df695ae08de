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

// How often a crash between rotation and save costs the grant, where the old
// refresh token lives for 30 s, tokens live for an hour, and each replica calls
// once in 10 s. The process that crashed is started again. A store may give out a
// token as expired if its last holder did not release the row.
func TestFault71_SizeOfTheHole(t *testing.T) {
	const runs = 60
	for _, suspicious := range []bool{false, true} {
		for _, replicas := range []int{2, 4, 16} {
			synctest.Test(t, func(t *testing.T) {
				lost := 0
				for range runs {
					r := newTokenRun(t, &tokenSchedule{
						rotation: diesLater, replicas: replicas, offset: time.Second,
						period: 10 * time.Second, calls: 400, fault: fault{beforeSave, 1, crashes},
					})
					r.row.suspicious = suspicious
					r.useLifetime(time.Hour)
					r.play()
					require.True(t, r.faults.allStruck())
					if !r.service.lives(r.row.load().RefreshToken) {
						lost++
					}
				}
				t.Logf("%2d replicas, the store tells of a crash: %v: %d of %d grants lost", replicas, suspicious, lost, runs)
				if suspicious {
					require.LessOrEqual(t, lost, runs/10)
				}
			})
		}
	}
}
