package replicatest_test

import (
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFault68_OneRefreshForAll(t *testing.T) {
	for rotation := range rotations {
		for _, atOnce := range []bool{false, true} {
			s := &tokenSchedule{rotation: rotation, replicas: 16, atOnce: atOnce}
			t.Run(s.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newTokenRun(t, s)
					r.play()
					require.Empty(t, r.wrong)
					require.Zero(t, r.failed)
					require.Empty(t, r.service.refused)
					require.Len(t, r.service.renewals, r.service.requests)
					if atOnce {
						require.Equal(t, 2, r.service.requests, "the token ran out twice")
					} else {
						require.GreaterOrEqual(t, r.service.requests, 3)
						require.LessOrEqual(t, r.service.requests, 4, "none before half of its lifetime")
					}
				})
			})
		}
	}
}

func TestFault69_TheTokenIsDeletedAndSavedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTokenRun(t, &tokenSchedule{rotation: reuseRevokes})
		members := make([]member, 8)
		for i := range members {
			members[i] = r.start()
			t.Cleanup(members[i].replica.cancel)
		}
		call := func() {
			var all sync.WaitGroup
			for _, m := range members {
				all.Go(func() { r.call(m) })
			}
			all.Wait()
		}
		call()
		r.row.save(nil)
		<-time.After(2 * lifetime)
		call()
		require.Equal(t, 8, r.reauthorized)
		require.Zero(t, r.service.requests)
		r.row.save(r.service.issue(""))
		<-time.After(time.Second)
		call()
		require.Equal(t, 8, r.failed, "all go on when the user has connected again")
		require.Empty(t, r.wrong)
	})
}

// A documented limit. It costs the grant where an old refresh token is dead at
// once, and where its use revokes the grant.
func TestFault71_CrashBetweenRotationAndSave(t *testing.T) {
	for rotation := range rotations {
		for _, moment := range []step{afterRequest, beforeSave} {
			s := &tokenSchedule{rotation: rotation, replicas: 3, atOnce: true, fault: fault{moment, 1, crashes}}
			t.Run(s.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newTokenRun(t, s)
					lost := r.check()
					require.Empty(t, r.wrong)
					require.True(t, r.used())
					require.Equal(t, rotation == diesAtOnce || rotation == reuseRevokes, lost)
				})
			})
		}
	}
}

// Replicas call every 10 s. One of them is killed and replaced while the token has
// life left. That the row was not released tells the next holder to refresh.
func TestFault71_RefreshGraceSavesTheGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { requireGraceSavesTheGrant(t, 7) })
}

// requireGraceSavesTheGrant plays every nth schedule.
func requireGraceSavesTheGrant(t *testing.T, nth int) {
	t.Helper()
	for _, unmarked := range []bool{true, false} {
		n, schedules, lost := 0, 0, 0
		for s := range crashesWithGrace() {
			if n++; n%nth != 0 {
				continue
			}
			r := newTokenRun(t, s)
			r.row.unmarked = unmarked
			r.useLifetime(10 * time.Minute)
			r.play()
			if !r.faults.allStruck() {
				continue
			}
			schedules++
			if !r.service.lives(r.row.load().RefreshToken) {
				lost++
			}
			if !unmarked {
				require.Empty(t, r.wrong, "%v", s)
				require.Zero(t, r.failed, "%v", s)
			}
		}
		t.Logf("without the mark: %v: %d of %d grants lost", unmarked, lost, schedules)
		require.Greater(t, schedules, 200/nth)
		require.Equal(t, unmarked, lost > 0)
	}
}

// crashesWithGrace are crashes at each step, where an old refresh token lives for 30 s.
func crashesWithGrace() iter.Seq[*tokenSchedule] {
	return func(yield func(*tokenSchedule) bool) {
		for _, f := range tokenFaults() {
			for _, replicas := range []int{2, 3} {
				for _, offset := range []time.Duration{0, 3 * time.Second} {
					for _, restart := range []time.Duration{0, 2 * time.Second, 5 * time.Second, 9 * time.Second} {
						s := &tokenSchedule{
							rotation: diesLater, replicas: replicas, offset: offset, fault: f,
							period: 10 * time.Second, calls: 130, restart: restart,
						}
						if f.kind == crashes && !yield(s) {
							return
						}
					}
				}
			}
		}
	}
}

// A replica keeps what the store did not take, and offers it again.
func TestFault71_ASaveThatFails(t *testing.T) {
	for rotation := range rotations {
		for _, moment := range []step{beforeSave, afterSave} {
			s := &tokenSchedule{rotation: rotation, replicas: 1, atOnce: true, fault: fault{moment, 1, fails}}
			t.Run(s.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newTokenRun(t, s)
					require.False(t, r.check())
					require.Empty(t, r.wrong)
					require.True(t, r.used())
					require.Equal(t, 3, r.service.requests, "the token ran out three times")
					require.Empty(t, r.service.refused)
				})
			})
		}
	}
}
