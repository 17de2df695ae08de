package processtest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

// The hole that the documentation names: nobody has the new refresh token.
func TestFault71_KilledBetweenRotationAndSave(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newService(t)
		set := timing{Lease: time.Second}
		first := s.consent(t)
		first.Expiry = time.Now()
		require.NoError(t, d.ownStore(t, set).SaveToken(t.Context(), "user", first))
		r := s.role(d, set)
		r.Stored = true
		processes := startMany(t, 2, r)
		rotated := s.holdBack(t, processes[0].name, tokenRequest, true)
		processes[0].begin(order{Do: "list", Timeout: time.Minute})
		<-rotated.arrived
		processes[0].kill()
		close(rotated.release)
		got := processes[1].do(t, order{Do: "list", Timeout: time.Minute})
		require.Contains(t, got.Errors, "reauthorize")
		require.Equal(t, coviutest.Results{CarriedOut: 1, Refused: 1}, s.refreshes())
	})
}

// reaper kills processes around their refreshes, and starts others in their place.
type reaper struct {
	t    *testing.T
	role role

	mu        sync.Mutex
	processes []*process
	kills     int
	inARow    int
}

// visit decides at a token request whether its sender dies, and when: before the
// service rotates the token, before its reply, or around the save.
func (r *reaper) visit(a *arrival) {
	if a.operation != tokenRequest {
		return
	}
	victim := r.choose(a.process)
	if victim == nil {
		return
	}
	switch rand.IntN(4) {
	case 0:
		victim.kill()
	case 1:
		a.carryOut()
		victim.kill()
	default:
		// The reply, the save and the kill race.
		time.AfterFunc(rand.N(20*time.Millisecond), victim.kill)
	}
}

// choose spares every third process, so that the fleet gets through.
func (r *reaper) choose(name string) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inARow == 2 {
		r.inARow = 0
		return nil
	}
	for _, p := range r.processes {
		if p.name == name && !p.dying.Load() {
			r.kills, r.inARow = r.kills+1, r.inARow+1
			return p
		}
	}
	return nil
}

// keepCalling lets one place of the fleet make calls until there were enough
// kills, with a new process whenever one was killed.
func (r *reaper) keepCalling(place, kills int) (calls int, failures []string) {
	p := r.processes[place]
	for r.killed() < kills {
		got, err := p.await(p.begin(order{Do: "list", Timeout: time.Minute}))
		if err != nil {
			if p, err = launch(r.t, place, r.role); err != nil {
				return calls, append(failures, err.Error())
			}
			r.mu.Lock()
			r.processes[place] = p
			r.mu.Unlock()
			continue
		}
		if got.Text != "" {
			failures = append(failures, got.Text)
		}
		calls++
		<-time.After(20 * time.Millisecond)
	}
	return calls, failures
}

func (r *reaper) killed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kills
}

func TestFault71_RefreshGraceSavesTheGrant(t *testing.T) {
	const fleet = 4
	onEach(t, func(t *testing.T, d database) {
		kills := 40
		if d.isSQLite() {
			kills = 15
		}
		s := newService(t, coviutest.WithTokenTTL(time.Second), coviutest.WithRefreshGrace(30*time.Second), coviutest.WithReuseDetection())
		set := timing{Lease: 500 * time.Millisecond}
		require.NoError(t, d.ownStore(t, set).SaveToken(t.Context(), "user", s.consent(t)))
		role := s.role(d, set)
		role.Stored = true
		r := &reaper{t: t, role: role, processes: startMany(t, fleet, role)}
		s.onRequest(r.visit)
		var working sync.WaitGroup
		var calls atomic.Int64
		failures := make([][]string, fleet)
		for place := range fleet {
			working.Go(func() {
				var made int
				made, failures[place] = r.keepCalling(place, kills)
				calls.Add(int64(made))
			})
		}
		working.Wait()
		s.onRequest(func(*arrival) {})
		require.Equal(t, make([][]string, fleet), failures)
		require.Zero(t, s.refreshes().Refused, "the grant was never in danger")
		t.Logf("%d calls, %d refreshes, %d kills during a refresh; 0 refused, 0 grants lost",
			calls.Load(), s.refreshes().CarriedOut, r.kills)
	})
}
