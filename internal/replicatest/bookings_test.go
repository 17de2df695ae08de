package replicatest_test

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// bookingSchedule says what happens while several replicas book with one key.
type bookingSchedule struct {
	replicas int
	offset   time.Duration // between the first calls of two replicas
	again    time.Duration // from a failed call or a crash to the next
	outcomes [2]int        // of the first POSTs
	faults   [2]fault
}

func (s *bookingSchedule) String() string {
	return fmt.Sprintf("%d replicas %v apart, again after %v; POSTs [%s; %s]; %v; %v", s.replicas, s.offset, s.again,
		outcomes[s.outcomes[0]].name, outcomes[s.outcomes[1]].name, s.faults[0], s.faults[1])
}

var (
	bookingOffsets = []time.Duration{0, 25 * time.Millisecond, 15 * time.Second, 320 * time.Second}
	bookingAgains  = []time.Duration{time.Second, 2 * time.Minute, 6 * time.Minute}
	// secondOutcomes are those of a second POST: executed, reply lost, 7 min late, 400.
	secondOutcomes = []int{0, 1, 5, 10}
)

// bookingFaults are all single faults.
func bookingFaults() []fault {
	all := []fault{{}}
	for nth := 1; nth <= 2; nth++ {
		for s := beforeTake; s <= afterRelease; s++ {
			kinds := []kind{crashes, fails, stalls, stallsLong}
			if s.isRequest() {
				kinds = []kind{crashes, stalls, overrun, stallsLong, overrunsLong}
			}
			for _, k := range kinds {
				all = append(all, fault{s, nth, k})
			}
		}
	}
	return append(all, fault{duringRenewal, 1, fails}, fault{duringRenewal, 2, fails})
}

// crashFaults are the crashes of the first replica that reaches a step.
func crashFaults() []fault {
	var all []fault
	for _, f := range bookingFaults() {
		if f.kind == crashes && f.nth == 1 {
			all = append(all, f)
		}
	}
	return all
}

// bookingSchedules yields all schedules with one fault, and those in which a
// replica crashes besides that.
func bookingSchedules() iter.Seq[*bookingSchedule] {
	return func(yield func(*bookingSchedule) bool) {
		for _, f := range bookingFaults() {
			seconds := []fault{{}}
			if f.kind != noFault && f.nth == 1 && f.kind != stallsLong && f.kind != overrunsLong {
				seconds = append(seconds, crashFaults()...)
			}
			for _, second := range seconds {
				if second.step == f.step && second.kind == f.kind {
					continue
				}
				if !yieldBookings(yield, f, second) {
					return
				}
			}
		}
	}
}

func yieldBookings(yield func(*bookingSchedule) bool, first, second fault) bool {
	replicas, offsets := []int{2, 3}, bookingOffsets
	if second.kind != noFault {
		replicas, offsets = []int{2}, []time.Duration{0, 15 * time.Second, 320 * time.Second}
	}
	for o := range len(outcomes) * len(secondOutcomes) {
		for _, n := range replicas {
			for _, offset := range offsets {
				for _, again := range bookingAgains {
					s := &bookingSchedule{
						n, offset, again,
						[2]int{o % len(outcomes), secondOutcomes[o/len(outcomes)]},
						[2]fault{first, second},
					}
					if !yield(s) {
						return false
					}
				}
			}
		}
	}
	return true
}

// bookingRun plays one schedule.
type bookingRun struct {
	t        testing.TB
	schedule *bookingSchedule
	faults   *faults
	service  *service
	booking  *bookingRow // nil without a ledger

	mu      sync.Mutex
	results map[string]int // how many calls returned each session
	wrong   []string
}

func newBookingRun(t testing.TB, s *bookingSchedule, booking *bookingRow) *bookingRun {
	t.Helper()
	return &bookingRun{
		t: t, schedule: s, faults: &faults{planned: s.faults[:]}, service: &service{outcomes: s.outcomes[:]},
		booking: booking, results: map[string]int{},
	}
}

// start starts a process.
func (b *bookingRun) start() (*replica, *coviu.Client) {
	r := b.faults.newReplica()
	opts := []coviu.Option{
		coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"})),
		coviu.WithHTTPClient(&http.Client{Transport: &wire{b.service, r, b.booking}}),
	}
	if b.booking != nil {
		opts = append(opts, coviu.WithBookingLedger(&ledger{r, b.booking}))
	}
	c, err := coviu.NewClient("", "", opts...)
	require.NoError(b.t, err)
	return r, c
}

// play lets the replicas book until each has a session, or has tried three times.
func (b *bookingRun) play() {
	var all sync.WaitGroup
	for i := range b.schedule.replicas {
		all.Go(func() {
			<-time.After(time.Duration(i) * b.schedule.offset)
			b.drive()
		})
	}
	all.Wait()
}

func (b *bookingRun) drive() {
	r, c := b.start()
	defer func() { r.cancel() }()
	for range 3 {
		session, err := c.Sessions.CreateOnce(r.ctx, key, appointment())
		switch {
		case r.isDead():
			r, c = b.start()
		case err == nil:
			b.mu.Lock()
			b.results[session.SessionID]++
			b.mu.Unlock()
			return
		default:
			b.checkError(r, err)
			if errors.As(err, new(*coviu.KeyError)) {
				return
			}
		}
		<-time.After(b.schedule.again)
	}
}

func (b *bookingRun) fail(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
}

// checkError checks the error of a call whose process lives.
func (b *bookingRun) checkError(r *replica, err error) {
	definite := errors.Is(err, coviu.ErrBadRequest) || errors.Is(err, coviu.ErrRateLimited)
	switch {
	case strings.Contains(err.Error(), "canary"):
		b.fail("shows the text of the ledger: %v", err)
	case errors.As(err, new(*coviu.KeyError)) && errors.Is(err, coviu.ErrDuplicate), errors.Is(err, coviu.ErrOutcomeUnknown), definite:
	case r.wasStruck() && errors.Is(err, errStore) && strings.Contains(err.Error(), "nothing was booked"):
	case (r.wasStruck() || b.renewalsFail()) && strings.Contains(err.Error(), "gave the key to another process"):
	default:
		b.fail("a call failed: %v", err)
	}
}

func (b *bookingRun) renewalsFail() bool {
	return b.schedule.faults[0].step == duringRenewal
}

// used reports whether a shorter schedule would not have been the same.
func (b *bookingRun) used() bool {
	b.service.mu.Lock()
	defer b.service.mu.Unlock()
	for i, o := range b.schedule.outcomes {
		if i >= b.service.posts && o != 0 {
			return false
		}
	}
	return b.faults.allStruck()
}

// mayDouble says why two sessions may exist: the service was later than the grace
// period, or a replica stalled for longer than its lease and the grace period
// between its last look at the hold and the request.
func (b *bookingRun) mayDouble() string {
	b.service.mu.Lock()
	defer b.service.mu.Unlock()
	for i, o := range b.schedule.outcomes {
		if i < b.service.posts && outcomes[o].beyond() {
			return "service later than the grace period"
		}
	}
	for _, f := range b.schedule.faults {
		if f.kind == overrunsLong && f.step == beforeRequest {
			return "stall longer than lease and grace period, not seen"
		}
	}
	return ""
}

func (s *service) live() (live []*session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, made := range s.sessions {
		if !made.canceled {
			live = append(live, made)
		}
	}
	return live
}

func (s *service) sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts
}

// check checks, after the schedule was played, what the replicas promise. It
// returns the number of live sessions.
func (b *bookingRun) check() int {
	b.faults.off()
	b.service.outcomes = nil
	b.checkIntent()
	// The next calls come at once, and when all is over.
	b.callAfter(0)
	b.callAfter(12 * time.Minute)
	live := b.service.live()
	if b.mayDouble() == "" && len(live) != 1 {
		b.fail("%d live sessions", len(live))
	}
	for id := range b.results {
		if len(live) == 1 && live[0].id != id {
			b.fail("a call returned %s, but %s exists", id, live[0].id)
		}
	}
	b.checkLater(live)
	if b.service.faulty != "" {
		b.fail("%s", b.service.faulty)
	}
	return len(live)
}

// checkIntent checks that nothing is left to wait for if all requests had definite
// outcomes and were recorded.
func (b *bookingRun) checkIntent() {
	for _, f := range b.schedule.faults {
		if f.kind != noFault && (f.step != afterBegin || f.kind != fails) {
			return
		}
	}
	if !b.service.unknown && b.booking.state().unsettled() {
		b.fail("an intent is left, but nothing is unknown")
	}
}

func (b *bookingRun) callAfter(d time.Duration) {
	<-time.After(d)
	r, c := b.start()
	defer r.cancel()
	session, err := c.Sessions.CreateOnce(r.ctx, key, appointment())
	switch {
	case err == nil:
		b.results[session.SessionID]++
	case d > 0 && errors.Is(err, coviu.ErrDuplicate) && len(b.service.live()) > 1:
	case d > 0:
		b.fail("a booking is lost: %v", err)
	default:
		b.checkError(r, err)
	}
}

// checkLater checks the calls after all is settled: doubles are reported, other
// times are a conflict, a canceled key stays dead, and nothing of that changes the
// ledger.
func (b *bookingRun) checkLater(live []*session) {
	r, c := b.start()
	defer r.cancel()
	before, posts := b.booking.state(), b.service.sent()
	call := func(req *coviu.SessionCreationRequest) error {
		_, err := c.Sessions.CreateOnce(r.ctx, key, req)
		return err
	}
	if len(live) > 1 {
		if err := call(appointment()); !errors.Is(err, coviu.ErrDuplicate) {
			b.fail("%d sessions, but the next call says %v", len(live), err)
		}
	} else {
		other := appointment()
		other.EndTime = other.EndTime.Add(time.Hour)
		if err := call(other); !errors.Is(err, coviu.ErrKeyConflict) {
			b.fail("other times: %v", err)
		}
	}
	for _, made := range live {
		made.canceled = true
	}
	if err := call(appointment()); !errors.Is(err, coviu.ErrPreviouslyCanceled) {
		b.fail("a canceled key: %v", err)
	}
	if before.sessionID != "" {
		b.service.hidden = true
		if err := call(appointment()); !errors.Is(err, coviu.ErrPreviouslyCanceled) {
			b.fail("a canceled key that the service does not show: %v", err)
		}
	}
	if before != b.booking.state() {
		b.fail("a KeyError changed the ledger: %+v, then %+v", before, b.booking.state())
	}
	if b.service.sent() != posts {
		b.fail("a POST although the key is taken")
	}
}
