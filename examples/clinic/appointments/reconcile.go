package appointments

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/coviu/coviu-go-sdk"
)

// reconcileArgs asks for a comparison of all coming appointments with the service.
type reconcileArgs struct{}

func (reconcileArgs) Kind() string { return "reconcile" }

func (reconcileArgs) InsertOpts() river.InsertOpts {
	// The next one comes soon: a failed one is not repeated.
	return river.InsertOpts{UniqueOpts: syncArgs{}.InsertOpts().UniqueOpts, MaxAttempts: 1}
}

const (
	// ahead is how far reconciliations look ahead.
	ahead = 14 * 24 * time.Hour
	// longestPast is how long the record of reconciliations is kept.
	longestPast = 24 * time.Hour
)

// reconciliation is one comparison.
type reconciliation struct {
	*service
	from time.Time
	// live are the sessions that are not canceled, by their ids.
	live     map[string]*coviu.Session
	compared int
	repaired int
	differ   []string // the appointments that jobs repair
	findings []Finding
}

// reconcile compares the coming days. It repairs nothing by itself but what nobody
// can miss: for the rest it lets the appointment be carried out again.
func (s *service) reconcile(ctx context.Context, _ *river.Job[reconcileArgs]) error {
	if err := s.requeue(ctx); err != nil {
		return err
	}
	r := &reconciliation{service: s, from: time.Now(), live: map[string]*coviu.Session{}, findings: []Finding{}}
	appointments, err := s.Between(ctx, r.from, r.from.Add(ahead))
	if err != nil {
		return err
	}
	// The end has a margin because the documents of the service disagree on what it
	// means.
	days := &coviu.SessionListOptions{StartTime: r.from, EndTime: r.from.Add(ahead + longestSession), Prefetch: 2}
	for session, err := range s.Client.Sessions.All(ctx, days) {
		if err != nil {
			return err
		}
		if session.CanceledTime == nil && session.StartTime.Before(r.from.Add(ahead)) {
			r.live[session.SessionID] = session
		}
	}
	for _, a := range appointments {
		r.check(a)
	}
	// What is left belongs to none of these appointments.
	for _, session := range r.live {
		if err := r.explain(ctx, session); err != nil {
			return err
		}
	}
	return r.end(ctx)
}

// requeue inserts jobs for appointments that are behind, in case a job gave up.
// For most the job is still there, and nothing is inserted.
func (s *service) requeue(ctx context.Context) error {
	rows, _ := s.pool.Query(ctx, "SELECT id FROM clinic_appointments WHERE synced < revision AND problem = '' LIMIT 5000")
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	return s.CheckAgain(ctx, ids...)
}

// check compares one appointment. Those that are being changed are not compared:
// their jobs do that.
func (r *reconciliation) check(a *Appointment) {
	session := r.live[a.SessionID]
	delete(r.live, a.SessionID)
	if a.Synced != a.Revision || a.Problem != "" {
		return
	}
	r.compared++
	agrees := a.Canceled && session == nil
	if !a.Canceled && session != nil {
		changes, ids := r.compare(a, session)
		agrees = len(changes) == 0 && maps.Equal(ids, a.Participants)
	}
	if !agrees {
		r.differ = append(r.differ, a.ID)
	}
}

// explain finds out why there is a session that no appointment of these days has.
func (r *reconciliation) explain(ctx context.Context, session *coviu.Session) error {
	a, err := r.Get(ctx, appointmentID(session))
	switch {
	case errors.Is(err, ErrUnknown):
		r.report(session, "This call belongs to no appointment of the clinic.")
		return nil
	case err != nil:
		return err
	case a.Synced != a.Revision:
		return nil // Its job has not ended.
	case a.SessionID == session.SessionID:
		r.differ = append(r.differ, a.ID) // It has times of other days.
		return nil
	}
	// It was booked later than the ledger's grace period. The appointment has
	// another session, or was canceled, so nobody was given a link of this one.
	if err := r.cancel(ctx, session.SessionID); err != nil {
		r.report(session, "This second call of an appointment could not be canceled.")
		return nil //nolint:nilerr // the next reconciliation tries again
	}
	r.repaired++
	r.Logger.WarnContext(ctx, "surplus session canceled", slog.String("appointment", a.ID))
	return nil
}

func (r *reconciliation) report(s *coviu.Session, what string) {
	r.findings = append(r.findings, Finding{s.SessionID, what, s.StartTime})
}

// appointmentID reads the key that a session was booked with.
func appointmentID(session *coviu.Session) string {
	for _, p := range session.Participants {
		if id, ok := strings.CutPrefix(p.State, keyPrefix); ok {
			id, _, _ = strings.Cut(id, ".")
			return id
		}
	}
	return ""
}

// end lets jobs repair what differs, and records the result.
func (r *reconciliation) end(ctx context.Context) error {
	if err := r.CheckAgain(ctx, r.differ...); err != nil {
		return err
	}
	if len(r.differ) > 0 {
		r.Logger.WarnContext(ctx, "appointments and sessions differ", slog.Any("appointments", r.differ))
	}
	r.repaired += len(r.differ)
	r.Logger.InfoContext(ctx, "reconciled", slog.Int("compared", r.compared),
		slog.Int("repaired", r.repaired), slog.Int("reported", len(r.findings)))
	_, err := r.pool.Exec(ctx, `WITH old AS (DELETE FROM clinic_reconciliations WHERE ended_at < $4)
		INSERT INTO clinic_reconciliations (ended_at, compared, repaired, findings) VALUES (clock_timestamp(), $1, $2, $3)`,
		r.compared, r.repaired, r.findings, r.from.Add(-longestPast))
	return err
}
