//go:build unix

package processtest

import (
	"context"
	"database/sql"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process is stopped for longer than its lease: before it records that it is
// about to book, while its booking is on the way, and after that was carried out.
func TestFault74_AStallLongerThanTheLeaseDoublesNoBooking(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		for _, at := range []struct {
			name       string
			operation  string
			carriedOut bool
		}{
			{"before the booking", listRequest, true},
			{"during the booking", bookingRequest, false},
			{"after the booking", bookingRequest, true},
		} {
			t.Run(at.name, func(t *testing.T) {
				t.Parallel()
				s, d := newService(t), newDatabase(t, d.kind())
				r := s.role(d, timing{Lease: time.Second, Grace: time.Minute})
				r.Ledger = true
				processes := startMany(t, 2, r)
				book := order{Do: "book", Key: "key", Timeout: time.Minute}

				held := s.holdBack(t, processes[0].name, at.operation, at.carriedOut)
				stalled := processes[0].begin(book)
				select {
				case <-held.arrived:
				case got := <-stalled:
					require.Fail(t, "the booking ended before it was held back", got.Text)
				}
				stop(t, processes[0], d)
				close(held.release)
				next := processes[1].do(t, book)
				require.Empty(t, next.Text, "it takes over after the lease")
				resume(t, processes[0])
				got, err := processes[0].await(stalled)
				require.NoError(t, err)
				// The reply to a booking that was sent, and the end of the lease, are
				// there at the same moment when the process wakes.
				if at.operation == bookingRequest && got.Session != "" {
					require.Equal(t, next.Session, got.Session)
				} else {
					require.Contains(t, got.Text, holdLost)
					require.Equal(t, at.operation == bookingRequest, slices.Contains(got.Errors, "outcome unknown"))
				}
				requireBookedOnce(t, s, processes, book)
			})
		}
	})
}

// stop returns when the process has stopped. It tries again if the process has
// stopped in the middle of a statement: SQLite is then locked for all.
func stop(t *testing.T, p *process, d database) {
	t.Helper()
	db, err := d.open(1)
	require.NoError(t, err)
	defer db.Close()
	for {
		require.NoError(t, p.command.Process.Signal(syscall.SIGSTOP))
		var status syscall.WaitStatus
		_, err := syscall.Wait4(p.command.Process.Pid, &status, syscall.WUNTRACED, nil)
		require.NoError(t, err)
		require.True(t, status.Stopped())
		if !d.isSQLite() || isWritable(t.Context(), db) {
			return
		}
		resume(t, p)
	}
}

func resume(t *testing.T, p *process) {
	t.Helper()
	require.NoError(t, p.command.Process.Signal(syscall.SIGCONT))
}

func isWritable(ctx context.Context, db *sql.DB) bool {
	if _, err := db.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false
	}
	_, err := db.ExecContext(ctx, "ROLLBACK")
	return err == nil
}
