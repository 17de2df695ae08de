package clinictest

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

const id = "appointment-0001"

// clinic is one replica in this process.
type clinic struct {
	t       *testing.T
	service *coviutest.Server
	role    role
	logs    *logs
	*appointments.Replica
	// onRequest, if set, sees each request before it is carried out.
	onRequest atomic.Pointer[func(r *http.Request)]
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	t.Parallel()
	c := &clinic{t: t, logs: &logs{}}
	c.service = coviutest.NewServer(coviutest.WithMiddleware(func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if f := c.onRequest.Load(); f != nil {
				(*f)(r)
			}
			api.ServeHTTP(w, r)
		})
	}))
	t.Cleanup(c.service.Close)
	c.role = role{
		Database: newDatabase(t), Service: c.service.URL, APIKey: c.service.APIKey, KeySecret: c.service.KeySecret,
		Booking: withLedger, Grace: 2 * time.Second, BookFor: time.Second, Reconcile: time.Second,
	}
	c.Replica = c.start()
	return c
}

func (c *clinic) start() *appointments.Replica {
	c.t.Helper()
	replica, err := c.role.start(c.t.Context(), slog.New(slog.NewTextHandler(c.logs, nil)))
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, replica.Stop(context.WithoutCancel(c.t.Context()))) })
	return replica
}

// put makes or changes the appointment.
func (c *clinic) put(edit ...func(w *appointments.Wish)) appointments.Wish {
	c.t.Helper()
	w := wish(0)
	for _, e := range edit {
		e(&w)
	}
	_, err := c.Put(c.t.Context(), id, w, 0)
	require.NoError(c.t, err)
	return w
}

func later(w *appointments.Wish) { w.Start, w.End = w.Start.Add(time.Hour), w.End.Add(time.Hour) }

func (c *clinic) cancel() {
	c.t.Helper()
	_, err := c.Cancel(c.t.Context(), id)
	require.NoError(c.t, err)
}

func (c *clinic) becomes(want appointments.Status) *appointments.Appointment {
	c.t.Helper()
	var a *appointments.Appointment
	require.Eventually(c.t, func() bool {
		var err error
		a, err = c.Get(c.t.Context(), id)
		return err == nil && a.Status() == want
	}, 20*time.Second, 10*time.Millisecond, "%s", c.logs)
	return a
}

// live returns the sessions that are not canceled.
func (c *clinic) live() (live []coviu.Session) {
	for _, s := range c.service.Sessions() {
		if s.CanceledTime == nil {
			live = append(live, s)
		}
	}
	return live
}

// holdFirst stops the first request of a method, and tells when it is there.
func (c *clinic) holdFirst(method string) (arrived, release chan struct{}) {
	arrived, release = make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	c.onRequest.Store(new(func(r *http.Request) {
		if r.Method == method && r.URL.Path != "/v1/auth/token" && !held.Swap(true) {
			close(arrived)
			<-release
		}
	}))
	return arrived, release
}

func TestReplicasMayMigrateAtTheSameTime(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	migrate := func() error {
		pool, err := pgxpool.New(t.Context(), database)
		if err != nil {
			return err
		}
		defer pool.Close()
		return appointments.Migrate(t.Context(), pool, slog.New(slog.DiscardHandler))
	}
	results := make(chan error)
	for range replicas {
		go func() { results <- migrate() }()
	}
	for range replicas {
		require.NoError(t, <-results)
	}
}

func TestAChangeDuringTheBookingIsNotLost(t *testing.T) {
	c := newClinic(t)
	arrived, release := c.holdFirst(http.MethodPost)
	c.put()
	<-arrived
	w := c.put(later)
	close(release)
	c.becomes(appointments.Booked)
	require.Len(t, c.service.Sessions(), 1)
	require.True(t, agrees(&c.service.Sessions()[0], id, &w))
}

func TestAnotherPatientGetsAnotherPage(t *testing.T) {
	c := newClinic(t)
	c.put()
	first := c.becomes(appointments.Booked)
	c.put(later)
	require.Equal(t, first.PatientCode, c.becomes(appointments.Booked).PatientCode)
	c.put(later, func(w *appointments.Wish) { w.People[1].Name = "Ruth Lindqvist" })
	second := c.becomes(appointments.Booked)
	_, err := c.ForPatient(t.Context(), first.PatientCode)
	require.ErrorIs(t, err, appointments.ErrUnknown)
	link, err := c.Link(t.Context(), second, coviu.RoleGuest)
	require.NoError(t, err)
	require.Equal(t, c.live()[0].WithRole(coviu.RoleGuest)[0].EntryURL, link)
	require.NotEqual(t, first.Participants["patient"], second.Participants["patient"])
}

func TestACancellationDuringTheBookingCancelsIt(t *testing.T) {
	c := newClinic(t)
	arrived, release := c.holdFirst(http.MethodPost)
	c.put()
	<-arrived
	c.cancel()
	close(release)
	c.becomes(appointments.Canceled)
	require.Len(t, c.service.Sessions(), 1)
	require.Empty(t, c.live())
}

func TestADoubtIsShownAndSettled(t *testing.T) {
	for name, canceled := range map[string]bool{"booked": false, "canceled": true} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.service.Fail("POST /sessions", coviutest.CarryOutLate(900*time.Millisecond).ListedAfter(900*time.Millisecond))
			c.put()
			c.becomes(appointments.InDoubt)
			// The session is not listed yet, and has the times of the first request.
			w := c.put(later)
			if canceled {
				c.cancel()
				c.becomes(appointments.Canceled)
				require.Empty(t, c.live())
			} else {
				c.becomes(appointments.Booked)
				require.True(t, agrees(&c.service.Sessions()[0], id, &w))
			}
			require.Equal(t, 1, c.service.Count("POST /sessions"))
		})
	}
}

func TestABookingThatWasNeverCarriedOutIsSentAgainAfterTheGracePeriod(t *testing.T) {
	c := newClinic(t)
	c.service.Fail("POST /sessions", coviutest.Unavailable())
	c.put()
	c.becomes(appointments.InDoubt)
	c.becomes(appointments.Booked)
	require.Len(t, c.service.Sessions(), 1)
	require.Equal(t, 2, c.service.Count("POST /sessions"))
}

func TestAnAppointmentThatWasNeverSentNeedsNoService(t *testing.T) {
	c := newClinic(t)
	require.NoError(t, c.Stop(t.Context()))
	c.put()
	c.cancel()
	c.start()
	c.becomes(appointments.Canceled)
	require.Zero(t, c.service.Count("POST /sessions"))
}

func TestACancellationWaitsForTheService(t *testing.T) {
	c := newClinic(t)
	c.service.Fail("GET /sessions", coviutest.Unavailable().Always())
	c.put()
	c.becomes(appointments.Booking)
	c.cancel()
	c.service.ClearFaults()
	c.becomes(appointments.Canceled)
	require.Empty(t, c.live())
}

func TestAChangeDoesNotWaitForALongRetryAfter(t *testing.T) {
	c := newClinic(t)
	c.put()
	c.becomes(appointments.Booked)
	c.service.Fail("PUT /sessions/{session_id}", coviutest.RateLimit(time.Hour))
	c.put(later)
	require.Eventually(t, func() bool { return c.service.Count("PUT /sessions/{session_id}") == 1 }, 10*time.Second, 10*time.Millisecond)
	// The job sleeps for an hour now. A cancellation can't wait for that.
	require.Eventually(t, func() bool {
		c.cancel()
		a, err := c.Get(t.Context(), id)
		return err == nil && a.Status() == appointments.Canceled
	}, 10*time.Second, 100*time.Millisecond)
	require.Empty(t, c.live())
}

func TestAChangeDuringAJobDoesNotWaitForItsLongRetryAfter(t *testing.T) {
	c := newClinic(t)
	c.put()
	c.becomes(appointments.Booked)
	c.service.Fail("PUT /sessions/{session_id}", coviutest.RateLimit(time.Hour))
	arrived, release := c.holdFirst(http.MethodPut)
	c.put(later)
	<-arrived
	c.cancel() // once, while the job runs
	close(release)
	c.becomes(appointments.Canceled)
	require.Empty(t, c.live())
}

func TestABookingThatCameTooLateIsMadeAtTheNewTime(t *testing.T) {
	c := newClinic(t)
	c.service.Fail("GET /sessions", coviutest.Unavailable().Always())
	c.put()
	require.Eventually(t, func() bool { return c.service.Count("GET /sessions") > 0 }, 10*time.Second, 10*time.Millisecond)
	c.service.Advance(25 * time.Hour) // the start has passed at the service
	w := c.put(func(w *appointments.Wish) { w.Start, w.End = w.Start.Add(48*time.Hour), w.End.Add(48*time.Hour) })
	c.service.ClearFaults()
	c.becomes(appointments.Booked)
	require.Len(t, c.live(), 1)
	require.True(t, agrees(&c.live()[0], id, &w))
}

func TestARefusedBookingNeedsAPersonAndCanBeMended(t *testing.T) {
	c := newClinic(t)
	c.service.Advance(25 * time.Hour)
	c.put()
	require.Contains(t, c.becomes(appointments.NeedsPerson).Problem, "refuses")
	c.put(func(w *appointments.Wish) { w.Start, w.End = w.Start.Add(48*time.Hour), w.End.Add(48*time.Hour) })
	c.becomes(appointments.Booked)
	c.cancel()
	c.becomes(appointments.Canceled)
}

// seed puts a session with the appointment's key into the service.
func (c *clinic) seed(patient string, start time.Time) {
	c.t.Helper()
	_, err := c.service.Seed(coviu.Session{
		SessionName: "Consultation", StartTime: start, EndTime: start.Add(30 * time.Minute),
		Participants: []coviu.Participant{
			{State: "clinic-" + id, DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{State: "clinic-" + id + ".patient", DisplayName: patient, Role: coviu.RoleGuest},
		},
	})
	require.NoError(c.t, err)
}

func TestAKeyOfOtherPeopleNeedsAPerson(t *testing.T) {
	c := newClinic(t)
	c.seed("Somebody else", wish(0).Start)
	c.put()
	require.Contains(t, c.becomes(appointments.NeedsPerson).Problem, "other people")
	require.Equal(t, "Somebody else", c.live()[0].WithRole(coviu.RoleGuest)[0].DisplayName)
}

func TestASessionOfOtherTimesIsMoved(t *testing.T) {
	c := newClinic(t)
	c.seed("Ben Okafor", wish(0).Start.Add(time.Hour))
	w := c.put()
	c.becomes(appointments.Booked)
	require.Len(t, c.service.Sessions(), 1)
	require.True(t, agrees(&c.service.Sessions()[0], id, &w))
}

func TestOfTwoSessionsOneStays(t *testing.T) {
	c := newClinic(t)
	c.seed("Ben Okafor", wish(0).Start)
	c.seed("Ben Okafor", wish(0).Start)
	c.put()
	a := c.becomes(appointments.Booked)
	require.Len(t, c.live(), 1)
	require.Equal(t, c.live()[0].SessionID, a.SessionID)
}

func TestReconciliationRepairsWhatWasChangedElsewhere(t *testing.T) {
	c := newClinic(t)
	w := c.put()
	a := c.becomes(appointments.Booked)
	client := c.service.Client(t)
	agree := func() bool {
		s, _ := c.service.Session(a.SessionID)
		return agrees(&s, id, &w)
	}
	_, err := client.Sessions.Update(t.Context(), a.SessionID, &coviu.SessionUpdateRequest{EndTime: new(w.End.Add(time.Hour))})
	require.NoError(t, err)
	require.Eventually(t, agree, 10*time.Second, 10*time.Millisecond)
	_, err = client.Participants.Delete(t.Context(), a.Participants["patient"])
	require.NoError(t, err)
	require.Eventually(t, agree, 10*time.Second, 10*time.Millisecond)
	// A booking that comes too late for the ledger.
	c.seed("Ben Okafor", w.Start)
	require.Eventually(t, func() bool { return len(c.live()) == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, a.SessionID, c.live()[0].SessionID)

	_, err = client.Sessions.Delete(t.Context(), a.SessionID)
	require.NoError(t, err)
	require.Contains(t, c.becomes(appointments.NeedsPerson).Problem, "canceled in Coviu")
	c.cancel()
	c.becomes(appointments.Canceled)
}

func TestReconciliationReportsWhatItDoesNotKnow(t *testing.T) {
	c := newClinic(t)
	start := wish(0).Start
	c.seed("Ben Okafor", start) // an appointment that is not in the database
	_, err := c.service.Seed(coviu.Session{StartTime: start, EndTime: start.Add(time.Hour)})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		found, err := c.Findings(t.Context())
		return err == nil && len(found) == 2
	}, 10*time.Second, 10*time.Millisecond)
	require.Len(t, c.live(), 2, "they are not touched")
}

func TestAnInterruptedJobGoesOnInAnotherReplica(t *testing.T) {
	c := newClinic(t)
	arrived, release := c.holdFirst(http.MethodPost)
	c.put()
	<-arrived
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, c.Stop(stopped))
	close(release)
	other := c.start()
	require.Eventually(t, func() bool {
		a, err := other.Get(t.Context(), id)
		return err == nil && a.Status() == appointments.Booked
	}, 20*time.Second, 10*time.Millisecond)
	require.Len(t, c.service.Sessions(), 1)
	require.NotContains(t, c.logs.String(), c.live()[0].Participants[0].EntryURL)
}
