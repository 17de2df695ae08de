package processtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

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

// A background renewal is cut off while the stored token has life left. The process
// that is started in place of the killed one must refresh, not take that token.
func TestFault71_TheReplacementRefreshes(t *testing.T) {
	const accepted = 30 * time.Second
	onEach(t, func(t *testing.T, d database) {
		s := newService(t, coviutest.WithRefreshGrace(accepted), coviutest.WithReuseDetection())
		set := timing{Lease: 500 * time.Millisecond}
		own := d.ownStore(t, set)
		first := s.consent(t)
		first.Expiry = time.Now().Add(8 * time.Second) // It is renewed after 4 to 6 s.
		require.NoError(t, own.SaveToken(t.Context(), "user", first))
		r := s.role(d, set)
		r.Stored = true
		victim := start(t, 0, r)
		s.onRequest(func(a *arrival) {
			if a.operation == tokenRequest && a.process == victim.name {
				a.carryOut()
				victim.kill()
			}
		})
		_, err := victim.await(victim.begin(order{Do: "list for a while", Timeout: time.Minute}))
		require.ErrorIs(t, err, errKilled)
		require.Equal(t, coviutest.Results{CarriedOut: 1}, s.refreshes())

		require.Nil(t, start(t, 1, r).do(t, order{Do: "list", Timeout: time.Minute}).Errors)
		s.Advance(accepted)
		saved, err := own.Token("user").Update(t.Context(), func(_ context.Context, stored *oauth2.Token) (*oauth2.Token, error) {
			return stored, nil
		})
		require.NoError(t, err)
		user, err := s.Client(t).As(&oauth2.Token{RefreshToken: saved.RefreshToken})
		require.NoError(t, err)
		_, err = user.Token(t.Context())
		require.NoError(t, err, "the grant is lost")
		require.Equal(t, coviutest.Results{CarriedOut: 3}, s.refreshes())
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
