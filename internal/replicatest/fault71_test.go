package replicatest_test

import (
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
