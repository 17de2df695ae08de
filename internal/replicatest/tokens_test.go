package replicatest_test

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// tokenSchedule says what happens while several replicas share a user's token.
type tokenSchedule struct {
	rotation rotation
	replicas int
	atOnce   bool          // all call after the token expired, else steadily
	offset   time.Duration // between the calls of two replicas
	outcomes [2]refreshOutcome
	fault    fault
	// period and calls are those of steady traffic, by default 32 calls 15 s apart.
	period time.Duration
	calls  int
	// restart is the time until a crashed replica is replaced.
	restart time.Duration
}

func (s *tokenSchedule) String() string {
	traffic := "steady traffic"
	if s.atOnce {
		traffic = "all at once"
	}
	return fmt.Sprintf("%v, %d replicas, %s, %v apart, token requests [%v; %v], %v",
		s.rotation, s.replicas, traffic, s.offset, s.outcomes[0], s.outcomes[1], s.fault)
}

// tokenFaults are all faults of a refresh.
func tokenFaults() []fault {
	all := []fault{{}}
	for nth := 1; nth <= 3; nth++ {
		for _, s := range []step{
			beforeTake, afterTake, beforeRequest, afterRequest, beforeSave, afterSave, beforeRelease, afterRelease,
		} {
			kinds := []kind{crashes, fails, stalls}
			if s.isRequest() {
				kinds = []kind{crashes, stalls}
			}
			for _, k := range kinds {
				all = append(all, fault{s, nth, k})
			}
		}
	}
	return all
}

func tokenSchedules() iter.Seq[*tokenSchedule] {
	return func(yield func(*tokenSchedule) bool) {
		faults := tokenFaults()
		n := int(refreshOutcomes)
		for i := range int(rotations) * 2 * 2 * 2 * n * n * len(faults) {
			s := &tokenSchedule{fault: faults[i%len(faults)]}
			i /= len(faults)
			s.outcomes = [2]refreshOutcome{refreshOutcome(i % n), refreshOutcome(i / n % n)}
			i /= n * n
			s.rotation, s.replicas = rotation(i%int(rotations)), 2+i/int(rotations)%2
			i /= int(rotations) * 2
			s.atOnce, s.offset = i%2 == 1, time.Duration(i/2)*3*time.Second
			if !yield(s) {
				return
			}
		}
	}
}

// tokenRun plays one schedule.
type tokenRun struct {
	t        testing.TB
	schedule *tokenSchedule
	faults   *faults
	service  *tokenService
	row      *tokenRow

	mu           sync.Mutex
	failed       int
	reauthorized int
	wrong        []string
}

func newTokenRun(t testing.TB, s *tokenSchedule) *tokenRun {
	t.Helper()
	service := newTokenService(s.rotation, s.outcomes[:])
	return &tokenRun{
		t: t, schedule: s, faults: &faults{planned: []fault{s.fault}}, service: service, row: newTokenRow(service.issue("")),
	}
}

// useLifetime replaces the first token by one that lives as long as d.
func (r *tokenRun) useLifetime(d time.Duration) {
	r.service.lifetime = d
	t := r.service.issue("")
	r.row.token, r.row.known[t.AccessToken] = t, true
}

type member struct {
	replica *replica
	client  *coviu.Client
	store   *tokenStore
}

func (r *tokenRun) start() member {
	p := r.faults.newReplica()
	store := &tokenStore{replica: p, row: r.row}
	c, err := coviu.NewClient("key", "secret",
		coviu.WithTokenStore(store),
		coviu.WithHTTPClient(&http.Client{Transport: &tokenWire{r.service, p, r.row}}))
	require.NoError(r.t, err)
	return member{p, c, store}
}

// play lets all replicas call. A crashed one is replaced.
func (r *tokenRun) play() {
	var all sync.WaitGroup
	for i := range r.schedule.replicas {
		all.Go(func() {
			<-time.After(time.Duration(i) * r.schedule.offset)
			m := r.start()
			defer func() { m.replica.cancel() }()
			for _, gap := range r.schedule.gaps() {
				r.call(m)
				if pause(m.replica.ctx, gap) != nil { // It has crashed.
					<-time.After(r.schedule.restart)
					m = r.start()
				}
			}
		})
	}
	all.Wait()
}

// gaps are the pauses after each call.
func (s *tokenSchedule) gaps() []time.Duration {
	if s.atOnce {
		return []time.Duration{250 * time.Second, time.Second, 20 * time.Second, 250 * time.Second, time.Second, time.Second}
	}
	return slices.Repeat([]time.Duration{cmp.Or(s.period, 15*time.Second)}, cmp.Or(s.calls, 32))
}

func (r *tokenRun) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *tokenRun) call(m member) {
	_, err := m.client.Sessions.List(m.replica.ctx, nil)
	if err == nil || m.replica.isDead() {
		return
	}
	if strings.Contains(err.Error(), "canary") {
		r.fail("shows the text of the store: %v", err)
	}
	reauthorize := errors.Is(err, coviu.ErrReauthorize)
	if seen := m.store.lastSeen(); reauthorize && seen != "" && !r.service.wasRefused(seen) {
		r.fail("ErrReauthorize, but the stored refresh token was not refused")
	}
	if m.replica.wasStruck() && errors.Is(err, errStore) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	if reauthorize {
		r.reauthorized++
	}
}

func (r *tokenRun) used() bool {
	r.service.mu.Lock()
	defer r.service.mu.Unlock()
	for i, o := range r.schedule.outcomes {
		if i >= r.service.requests && o != refreshed {
			return false
		}
	}
	return r.faults.allStruck()
}

// hole names what keeps a new refresh token from the store, or lets a used one be
// sent again.
func (s *tokenSchedule) hole() string {
	for _, o := range s.outcomes {
		if o == refreshReplyLost || o == refreshHangs {
			return "reply lost"
		}
	}
	switch f := s.fault; {
	case f.kind == crashes && (f.step == afterRequest || f.step == beforeSave):
		return "crash between rotation and save"
	case f.kind == stalls && (f.step == afterRequest || f.step == beforeSave):
		return "stall between rotation and save"
	case f.kind == stalls && (f.step == afterTake || f.step == beforeRequest):
		return "stall between lease and request"
	case f.kind == fails && f.step == beforeSave:
		return "store fails to save"
	}
	return ""
}

// inTrouble reports whether the token endpoint fails without issuing a token.
func (s *tokenSchedule) inTrouble() bool {
	for _, o := range s.outcomes {
		if o == refreshRequestLost || o == refresh503 {
			return true
		}
	}
	return false
}

// check plays the schedule and checks what the replicas promise. It reports
// whether the grant is lost.
func (r *tokenRun) check() (lost bool) {
	r.play()
	r.faults.off()
	s, hole := r.schedule, r.schedule.hole()
	refused := len(r.service.refused)
	if hole == "" && refused > 0 {
		r.fail("%d refused refreshes", refused)
	}
	if hole == "" && !s.inTrouble() && r.failed > 0 {
		r.fail("%d failed calls", r.failed)
	}
	if s.rotation == staysValid && refused+r.reauthorized > 0 {
		r.fail("%d refused refreshes without rotation", refused)
	}
	if s.fault.kind == noFault && hole == "" {
		for i, at := range r.service.renewals[min(1, len(r.service.renewals)):] {
			if age := at.Sub(r.service.renewals[i]); age < lifetime/2-time.Second {
				r.fail("a token was replaced after %v", age)
			}
		}
	}
	// When all have expired, the next call tells whether the grant has survived.
	<-time.After(lifetime)
	lives := r.service.lives(r.row.load().RefreshToken)
	m := r.start()
	defer m.replica.cancel()
	_, err := m.client.Sessions.List(m.replica.ctx, nil)
	if lives != (err == nil) || !lives != errors.Is(err, coviu.ErrReauthorize) {
		r.fail("the grant lives: %v, but the next call says %v", lives, err)
	}
	if !lives && hole == "" {
		r.fail("the grant is lost")
	}
	if !lives && s.rotation == diesLater && hole != "reply lost" && (s.atOnce || !s.inTrouble()) {
		r.fail("the grant is lost although somebody asked within 30 s")
	}
	if r.service.faulty != "" {
		r.fail("%s", r.service.faulty)
	}
	return !lives
}
