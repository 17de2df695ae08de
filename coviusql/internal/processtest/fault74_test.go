package processtest

import (
	"context"
	"database/sql"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const holdLost = "coviu: POST /sessions: the booking ledger gave the key to another process"

func TestFault74_ADatabaseOutageLongerThanTheLeaseStopsTheBooking(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		for _, o := range d.outages() {
			t.Run(o.name, func(t *testing.T) {
				t.Parallel()
				s, d, p := newService(t), newDatabase(t, d.kind()), (*proxy)(nil)
				if !d.isSQLite() {
					d, p = behindProxy(t, d)
				}
				r := s.role(d, timing{Lease: time.Second, Grace: time.Second})
				r.Ledger = true
				processes := startMany(t, 2, r)
				book := order{Do: "book", Key: "key", Timeout: time.Minute}

				looking := s.holdBack(t, processes[0].name, listRequest, false)
				done := processes[0].begin(book)
				<-looking.arrived
				end := o.begin(t, d, p)
				lost, err := processes[0].await(done)
				require.NoError(t, err)
				require.Contains(t, lost.Text, holdLost)
				close(looking.release)
				end()
				requireBookedOnce(t, s, processes, book)
			})
		}
	})
}

// requireBookedOnce lets whoever comes next settle the key. In all, one booking
// was sent.
func requireBookedOnce(t *testing.T, s *service, processes []*process, book order) {
	t.Helper()
	var session string
	for _, p := range []*process{processes[1], processes[0]} {
		got := p.do(t, book)
		require.Empty(t, got.Text)
		if session == "" {
			session = got.Session
		}
		require.Equal(t, session, got.Session)
	}
	require.Len(t, s.Sessions(), 1)
	require.Equal(t, 1, s.Count(bookingRequest))
}

func TestFault74_ConnectionsThatAreKilledDoubleNoBooking(t *testing.T) {
	onPostgreSQL(t, func(t *testing.T, d database) {
		t.Parallel()
		const keys = 50
		s := newService(t)
		r := s.role(d, timing{Lease: 2 * time.Second, Grace: time.Second})
		r.Ledger = true
		f := newFleet(t, 2, s, r)
		admin := newAdmin(t)
		var cuts atomic.Int64
		s.onRequest(func(*arrival) {
			if n, err := killConnections(context.WithoutCancel(t.Context()), admin, d); assert.NoError(t, err) {
				cuts.Add(n)
			}
		})
		f.bookAll(keys, time.Minute)
		f.requireOneSessionEach(keys)
		require.Equal(t, keys, s.Count(bookingRequest))
		require.Positive(t, cuts.Load())
		t.Logf("%d keys, %d connections killed, %d calls failed; 0 doubled, 0 lost", keys, cuts.Load(), f.failures)
	})
}

// onPostgreSQL runs test where there is one.
func onPostgreSQL(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	for _, kind := range kinds()[1:] {
		t.Run(kind, func(t *testing.T) { test(t, newDatabase(t, kind)) })
	}
}

func killConnections(ctx context.Context, admin *sql.DB, d database) (n int64, err error) {
	err = admin.QueryRowContext(ctx,
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1", d.Schema).Scan(&n)
	return n, err
}

// It does not run beside other tests: they need the server.
func TestFault74_ARestartUnderLoadDoublesNoBooking(t *testing.T) {
	restart := environment(postgresRestart)
	if restart == "" {
		return
	}
	onPostgreSQL(t, func(t *testing.T, d database) {
		const keys = 300
		s := newService(t)
		r := s.role(d, timing{Lease: 2 * time.Second, Grace: 2 * time.Second})
		r.Ledger, r.Connections = true, 4
		f := newFleet(t, 4, s, r)
		half := make(chan struct{})
		var bookings atomic.Int64
		s.onRequest(func(a *arrival) {
			if a.operation == bookingRequest && bookings.Add(1) == keys/2 {
				close(half)
			}
		})
		var working sync.WaitGroup
		working.Go(func() { f.bookAll(keys, 10*time.Second) })
		<-half
		began := time.Now()
		output, err := exec.CommandContext(t.Context(), restart).CombinedOutput()
		require.NoError(t, err, string(output))
		took := time.Since(began)
		working.Wait()
		f.requireOneSessionEach(keys)
		t.Logf("%d keys, %d bookings sent, restarted in %s, %d calls failed; 0 doubled, 0 lost",
			keys, s.Count(bookingRequest), took.Round(10*time.Millisecond), f.failures)
	})
}
