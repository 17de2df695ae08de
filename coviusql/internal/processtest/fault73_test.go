package processtest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

// fleet is some processes that book the same keys. One that was killed is
// replaced.
type fleet struct {
	t       *testing.T
	role    role
	service *service

	mu        sync.Mutex
	processes []*process
	booked    map[string][]string // what the calls with a key returned
	// kills and failures count; unexpected holds the errors that must not be.
	kills, failures int
	unexpected      []string
}

func newFleet(t *testing.T, n int, s *service, r role) *fleet {
	t.Helper()
	return &fleet{t: t, role: r, service: s, processes: startMany(t, n, r), booked: map[string][]string{}}
}

// bookAll lets each process book each key, some at a time, and again until it
// gets a session.
func (f *fleet) bookAll(keys int, timeout time.Duration) {
	var working sync.WaitGroup
	for place := range f.processes {
		left := make(chan string, keys)
		for i := range keys {
			left <- "key-" + strconv.Itoa(i)
		}
		close(left)
		for range 32 {
			working.Go(func() {
				for key := range left {
					for !f.book(place, key, timeout) {
					}
				}
			})
		}
	}
	working.Wait()
}

func (f *fleet) book(place int, key string, timeout time.Duration) (booked bool) {
	p := f.process(place)
	got, err := p.await(p.begin(order{Do: "book", Key: key, Timeout: timeout}))
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return false
	case got.Session != "":
		f.booked[key] = append(f.booked[key], got.Session)
		return true
	}
	f.failures++
	known := slices.Contains(got.Errors, "outcome unknown") || slices.Contains(got.Errors, "deadline") ||
		strings.Contains(got.Text, "nothing was booked") || strings.Contains(got.Text, "gave the key to another process")
	if !known {
		f.unexpected = append(f.unexpected, got.Text)
	}
	return len(f.unexpected) > 0
}

// process returns the one in the place. It starts another if that one was killed.
func (f *fleet) process(place int) *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.processes[place]
	if p.dying.Load() {
		next, err := launch(f.t, place, f.role)
		if err != nil {
			f.unexpected = append(f.unexpected, err.Error())
			return p
		}
		f.processes[place] = next
	}
	return f.processes[place]
}

// kill kills the process that has the name.
func (f *fleet) kill(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.processes {
		if p.name == name && !p.dying.Load() {
			f.kills++
			p.kill()
		}
	}
}

func (f *fleet) requireOneSessionEach(keys int) {
	f.t.Helper()
	require.Empty(f.t, f.unexpected)
	sessions := f.service.byKey()
	require.Len(f.t, sessions, keys, "none is lost")
	for key, held := range sessions {
		require.Len(f.t, held, 1, key)
		require.Len(f.t, f.booked[key], len(f.processes), key)
		for _, id := range f.booked[key] {
			require.Equal(f.t, held[0], id, "all calls return the one session")
		}
	}
}

// misbehave is a service that loses replies and is late, by no more than lateness,
// and processes that are killed at every point of CreateOnce.
func (f *fleet) misbehave(lateness time.Duration) func(*arrival) {
	late := func() time.Duration { return rand.N(lateness / 2) }
	return func(a *arrival) {
		dice := rand.IntN(100)
		switch {
		case a.operation == listRequest && dice < 2:
			f.service.Fail(listRequest, coviutest.LoseReply())
		case a.operation == listRequest && dice < 3:
			f.kill(a.process)
		case a.operation != bookingRequest || dice < 40:
		case dice < 45:
			f.service.Fail(bookingRequest, coviutest.Reset())
		case dice < 52:
			f.service.Fail(bookingRequest, coviutest.LoseReply())
		case dice < 59:
			f.service.Fail(bookingRequest, coviutest.CarryOutLate(late()))
		case dice < 66:
			f.service.Fail(bookingRequest, coviutest.LoseReply().ListedAfter(late()))
		case dice < 73:
			f.service.Fail(bookingRequest, coviutest.CarryOutLate(late()).ListedAfter(late()))
		case dice < 80:
			f.service.Fail(bookingRequest, coviutest.ListLate(late()))
		case dice < 82:
			f.kill(a.process)
		case dice < 84:
			a.carryOut()
			f.kill(a.process)
		case dice < 86:
			// The reply, what the ledger records and the kill race.
			time.AfterFunc(rand.N(20*time.Millisecond), func() { f.kill(a.process) })
		}
	}
}

func TestFault73_KilledProcessesAndLateRepliesBookOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		const grace = 3 * time.Second
		keys := 500
		if d.isSQLite() {
			keys = 150
		}
		s := newService(t)
		r := s.role(d, timing{Lease: 1500 * time.Millisecond, Grace: grace})
		r.Ledger, r.Connections = true, 4
		f := newFleet(t, 4, s, r)
		s.onRequest(f.misbehave(grace / 2))
		f.bookAll(keys, 4*time.Second)
		<-time.After(grace / 2) // for what the service still carries out
		f.requireOneSessionEach(keys)
		t.Logf("%d keys, %d bookings sent, %d kills, %d calls without an answer; 0 doubled, 0 lost",
			keys, s.Count(bookingRequest), f.kills, f.failures)
	})
}

// The hole that the documentation names: a service that is later than the grace
// period.
func TestFault73_BeyondTheGracePeriodTheNextCallReportsTheDuplicate(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newService(t)
		r := s.role(d, timing{Lease: time.Second, Grace: time.Second})
		r.Ledger = true
		processes := startMany(t, 3, r)
		book := order{Do: "book", Key: "key", Timeout: time.Minute}

		late := s.holdBack(t, processes[0].name, bookingRequest, false)
		processes[0].begin(book)
		<-late.arrived
		processes[0].kill()
		require.Empty(t, processes[1].do(t, book).Text, "nothing was found after the grace period")
		require.Len(t, s.Sessions(), 1)

		close(late.release)
		require.Eventually(t, func() bool { return len(s.Sessions()) == 2 }, time.Minute, time.Millisecond)
		for _, p := range processes[1:] {
			require.Contains(t, p.do(t, book).Errors, "duplicate")
		}
		require.Len(t, s.Sessions(), 2)
	})
}
