package appointments

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// Store reads and changes appointments. It never talks to the service.
type Store struct {
	pool  *pgxpool.Pool
	queue *river.Client[pgx.Tx]
}

// ErrUnknown is for an appointment that does not exist.
var ErrUnknown = errors.New("there is no such appointment")

const (
	errCanceled = InvalidError("the appointment was canceled, which is for good: make a new one")
	errPast     = InvalidError("the start has passed")
	errOutdated = InvalidError("somebody has changed it meanwhile")
)

// Put makes an appointment or changes it. The caller chooses the id, so that a
// request may be repeated. A wish that changes nothing does nothing. Unless seen is
// 0, it is the revision that the caller has seen, and no later one is overwritten.
func (s *Store) Put(ctx context.Context, id string, w Wish, seen int64) (*Appointment, error) {
	w.Start, w.End = w.Start.UTC().Truncate(time.Second), w.End.UTC().Truncate(time.Second)
	if err := w.check(id); err != nil {
		return nil, err
	}
	past := !w.Start.After(time.Now())
	return s.change(ctx, func(tx pgx.Tx) (*Appointment, error) {
		a, err := one(tx.Query(ctx, `INSERT INTO clinic_appointments (id, title, starts_at, ends_at, people, patient_code)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING `+columns, id, w.Title, w.Start, w.End, w.People, rand.Text()))
		switch {
		case err == nil && past:
			return nil, errPast
		case !errors.Is(err, ErrUnknown):
			return a, err
		}
		a, err = one(tx.Query(ctx, "SELECT "+columns+" FROM clinic_appointments WHERE id = $1 FOR UPDATE", id))
		switch {
		case err != nil:
			return nil, err
		case a.Canceled:
			return nil, errCanceled
		case a.equal(&w) && a.Problem == "":
			return a, nil
		case seen != 0 && seen != a.Revision:
			return nil, errOutdated
		case past && !w.Start.Equal(a.Start):
			return nil, errPast
		}
		code := a.PatientCode
		if a.patient() != w.patient() {
			code = rand.Text() // The page of another patient leads nowhere from now on.
		}
		return one(tx.Query(ctx, `UPDATE clinic_appointments
			SET title = $2, starts_at = $3, ends_at = $4, people = $5, patient_code = $6, revision = revision + 1, problem = ''
			WHERE id = $1 RETURNING `+columns, id, w.Title, w.Start, w.End, w.People, code))
	})
}

// Cancel cancels an appointment for good. It may be repeated.
func (s *Store) Cancel(ctx context.Context, id string) (*Appointment, error) {
	return s.change(ctx, func(tx pgx.Tx) (*Appointment, error) {
		return one(tx.Query(ctx, `UPDATE clinic_appointments
			SET canceled = true, problem = '', revision = revision + CASE WHEN canceled AND problem = '' THEN 0 ELSE 1 END
			WHERE id = $1 RETURNING `+columns, id))
	})
}

// CheckAgain lets jobs compare appointments with the service. It changes nothing that
// people see, unless the two differ.
func (s *Store) CheckAgain(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i].Args = syncArgs{AppointmentID: id}
	}
	_, err := s.queue.InsertMany(ctx, jobs)
	return err
}

// change stores a change and the job that carries it out, in one transaction:
// neither can exist without the other.
//
// There is one waiting or running job for each appointment, and it carries out
// what the appointment asks for when it runs, so a second job would have nothing to
// do. The change and the end of the job both lock the appointment first: either the
// job sees the change, or it has ended and a new job is inserted.
func (s *Store) change(ctx context.Context, f func(tx pgx.Tx) (*Appointment, error)) (a *Appointment, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if a, err = f(tx); err != nil || a.Synced == a.Revision {
			return err
		}
		inserted, err := s.queue.InsertTx(ctx, tx, syncArgs{AppointmentID: a.ID}, nil)
		if err == nil && inserted.UniqueSkippedAsDuplicate {
			// It may wait for a long time: this changes nothing if it runs.
			_, err = s.queue.JobRetryTx(ctx, tx, inserted.Job.ID)
		}
		return err
	})
	return a, err
}

// Get returns an appointment by its id.
func (s *Store) Get(ctx context.Context, id string) (*Appointment, error) {
	return one(s.pool.Query(ctx, "SELECT "+columns+" FROM clinic_appointments WHERE id = $1", id))
}

// ForPatient returns the appointment of a patient's page.
func (s *Store) ForPatient(ctx context.Context, code string) (*Appointment, error) {
	return one(s.pool.Query(ctx, "SELECT "+columns+" FROM clinic_appointments WHERE patient_code = $1", code))
}

// Between returns the appointments that start from one moment to before another.
func (s *Store) Between(ctx context.Context, from, to time.Time) ([]*Appointment, error) {
	return many(s.pool.Query(ctx, "SELECT "+columns+` FROM clinic_appointments
		WHERE starts_at >= $1 AND starts_at < $2 ORDER BY starts_at, id`, from, to))
}

// Counts returns how many appointments from now on have each status.
func (s *Store) Counts(ctx context.Context) (map[Status]int, error) {
	coming, err := many(s.pool.Query(ctx, "SELECT "+columns+" FROM clinic_appointments WHERE ends_at > now()"))
	if err != nil {
		return nil, err
	}
	counts := map[Status]int{Booking: 0, Booked: 0, Updating: 0, InDoubt: 0, NeedsPerson: 0, Canceling: 0, Canceled: 0}
	for _, a := range coming {
		counts[a.Status()]++
	}
	return counts, nil
}

// Finding is a session at the service that no appointment explains.
type Finding struct {
	SessionID string    `json:"session_id"`
	What      string    `json:"what"`
	Start     time.Time `json:"start"`
}

// Findings returns what the last reconciliation could not repair.
func (s *Store) Findings(ctx context.Context) (last []Finding, err error) {
	err = s.pool.QueryRow(ctx, `SELECT COALESCE(
		(SELECT findings FROM clinic_reconciliations ORDER BY ended_at DESC LIMIT 1), '[]')`).Scan(&last)
	return last, err
}

// columns are those of an Appointment. They are named because a newer replica may
// have added others.
const columns = `id, title, starts_at, ends_at, people, canceled, revision, synced, booking, session_id, participants,
	in_doubt, problem, patient_code`

// one reads the row of a query. If the query failed, its rows hold the error.
func one(rows pgx.Rows, _ error) (*Appointment, error) {
	a, err := pgx.CollectOneRow(rows, pgx.RowToAddrOfStructByName[Appointment])
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknown
	}
	return a, err
}

func many(rows pgx.Rows, _ error) ([]*Appointment, error) {
	return pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[Appointment])
}
