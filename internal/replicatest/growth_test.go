//go:build exhaustive

package replicatest_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// All replicas ask at one instant, after the token expired. Statements that change
// the row are committed one after the other.
func TestGrowth_AllReplicasAskAtOnce(t *testing.T) {
	for _, commit := range []time.Duration{time.Millisecond, 5 * time.Millisecond} {
		for _, replicas := range []int{10, 100, 1000} {
			synctest.Test(t, func(t *testing.T) {
				r := newTokenRun(t, &tokenSchedule{rotation: reuseRevokes})
				r.row.committing, r.row.commitTime = make(chan struct{}, 1), commit
				<-time.After(2 * lifetime)
				waits := make([]time.Duration, replicas)
				began := time.Now()
				var all sync.WaitGroup
				for i := range waits {
					all.Go(func() {
						m := r.start()
						defer m.replica.cancel()
						r.call(m)
						waits[i] = time.Since(began) - 2*latency
					})
				}
				all.Wait()
				slices.Sort(waits)
				t.Logf("%4d replicas, a commit takes %v: %d token requests, %d statements; waits: median %v, last %v", replicas,
					commit, r.service.requests, r.row.statements,
					waits[replicas/2].Round(time.Millisecond), waits[replicas-1].Round(time.Millisecond))
				assert.Equal(t, 1, r.service.requests)
				assert.Zero(t, r.failed)
				assert.Less(t, waits[replicas-1], 15*time.Second, "the limit of a refresh")
				assert.Less(t, r.row.statements, 50*replicas)
			})
		}
	}
}

// Users with one-hour tokens call once in 10 s, each served by a number of
// replicas. Users are independent, so a sample of them stands for all.
func TestGrowth_ManyUsers(t *testing.T) {
	const (
		users  = 100_000
		period = 10 * time.Second
		warmUp = time.Hour
		span   = 3 * time.Hour
	)
	for _, c := range []struct{ replicas, sample int }{{1, 200}, {4, 100}, {16, 50}, {1000, 10}} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var all sync.WaitGroup
			var calls, waited, refreshes, statements int
			for range c.sample {
				all.Go(func() {
					r := newTokenRun(t, &tokenSchedule{rotation: reuseRevokes})
					r.useLifetime(time.Hour)
					members := make([]*member, c.replicas)
					counted := false
					began, before := time.Now(), 0
					<-time.After(rand.N(period))
					for time.Since(began) < warmUp+span {
						if !counted && time.Since(began) >= warmUp {
							counted, before = true, r.row.statements
							r.service.renewals = nil
						}
						i := rand.N(c.replicas)
						if members[i] == nil {
							members[i] = new(r.start())
						}
						asked := time.Now()
						_, err := members[i].client.Sessions.List(t.Context(), nil)
						if assert.NoError(t, err) && counted {
							mu.Lock()
							calls++
							if time.Since(asked) > 2*latency {
								waited++
							}
							mu.Unlock()
						}
						<-time.After(period/2 + rand.N(period))
					}
					mu.Lock()
					defer mu.Unlock()
					refreshes += len(r.service.renewals)
					statements += r.row.statements - before
				})
			}
			all.Wait()
			second := func(n int) float64 { return float64(n) * users / float64(c.sample) / span.Seconds() }
			t.Logf("%d users, each on %4d replicas: %.0f calls/s, %.1f refreshes/s, %.0f statements/s, %.0f calls/s wait for the store",
				users, c.replicas, second(calls), second(refreshes), second(statements), second(waited))
			require.LessOrEqual(t, second(refreshes), 60.0, "two refreshes an hour for each user")
			require.GreaterOrEqual(t, second(refreshes), 25.0)
		})
	}
}
