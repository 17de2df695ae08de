package appointments

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/coviu/coviu-go-sdk"
)

// syncArgs asks for one appointment to be carried out as it is when the job runs.
type syncArgs struct {
	AppointmentID string `json:"appointment_id"`
}

func (syncArgs) Kind() string { return "sync_appointment" }

// InsertOpts make the job unique as long as it waits or runs.
func (syncArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}

// syncWorker carries out sync jobs.
type syncWorker struct {
	river.WorkerDefaults[syncArgs]
	*service
}

// NextRetry is for jobs whose process was killed, and for unexpected errors.
func (w *syncWorker) NextRetry(*river.Job[syncArgs]) time.Time {
	return time.Now().Add(w.longestPause() / 4)
}

// Work carries out what the appointment asks for now.
func (w *syncWorker) Work(ctx context.Context, job *river.Job[syncArgs]) error {
	a, err := w.Get(ctx, job.Args.AppointmentID)
	if err != nil {
		return err
	}
	people, err := w.carryOut(ctx, a)
	problem, needsPerson := errors.AsType[problemError](err)
	switch {
	case errors.Is(err, errChanged):
		return river.JobSnooze(0)
	case err != nil && !needsPerson:
		return w.later(ctx, job, a, err)
	}
	return w.finish(ctx, job, a, people, string(problem))
}

// finish records what became of a revision and ends the job, in one transaction. If
// the appointment has changed meanwhile, the job runs again.
func (w *syncWorker) finish(
	ctx context.Context, job *river.Job[syncArgs], a *Appointment, people map[string]string, problem string,
) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE clinic_appointments
			SET synced = CASE WHEN $4 = '' THEN revision ELSE synced END, participants = COALESCE($3, participants),
				in_doubt = false, problem = $4
			WHERE id = $1 AND revision = $2`, a.ID, a.Revision, people, problem)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return river.JobSnooze(0)
		}
		_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		if errors.Is(err, rivertype.ErrNotFound) {
			return nil // The job was taken for dead, and another one has done the same.
		}
		return err
	})
}

// later lets the job wait. A waiting job does not use up attempts.
func (w *syncWorker) later(ctx context.Context, job *river.Job[syncArgs], a *Appointment, cause error) error {
	pause := w.pause(job, cause)
	w.Logger.WarnContext(ctx, "appointment not carried out, will try again", slog.String("appointment", a.ID),
		slog.Duration("pause", pause), slog.Any("error", cause))
	if errors.Is(cause, coviu.ErrOutcomeUnknown) && !a.InDoubt {
		// Even if the job's time is up.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.longestPause())
		defer cancel()
		_, err := w.pool.Exec(ctx, "UPDATE clinic_appointments SET in_doubt = true WHERE id = $1 AND synced < revision", a.ID)
		if err != nil {
			return errors.Join(cause, err)
		}
	}
	if errors.Is(cause, context.Canceled) {
		return cause // The process stops: River hands the job to another one.
	}
	if now, err := w.Get(ctx, a.ID); err == nil && now.Revision != a.Revision {
		return river.JobSnooze(0) // The appointment was changed while the job ran. The change must not wait.
	}
	return river.JobSnooze(pause)
}

// pause is what the service asked for, or else grows with the age of the job.
func (w *syncWorker) pause(job *river.Job[syncArgs], cause error) time.Duration {
	pause := min(w.longestPause(), max(time.Second, time.Since(job.CreatedAt)))
	pause = pause/2 + rand.N(pause/2)
	if e, ok := errors.AsType[*coviu.APIError](cause); ok {
		pause = max(pause, e.RetryAfter)
	}
	if e, ok := errors.AsType[*coviu.TokenError](cause); ok {
		pause = max(pause, e.RetryAfter)
	}
	return pause
}
