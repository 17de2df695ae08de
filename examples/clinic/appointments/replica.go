package appointments

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/coviu/coviu-go-sdk"
)

// Config is what a replica needs.
type Config struct {
	Pool *pgxpool.Pool
	// Client books with a ledger in the same database.
	Client *coviu.Client
	// Book books a session at most once for each key. The default is CreateOnce of
	// the Client.
	Book    func(ctx context.Context, key string, req *coviu.SessionCreationRequest) (*coviu.Session, error)
	Workers int // jobs at the same time; the default is 20
	Timing  Timing
	Logger  *slog.Logger
}

// Timing says how long things take. Zero values have defaults. All replicas should
// have the same.
type Timing struct {
	BookFor      time.Duration // how long one job asks for a booking; 20 s
	JobTimeout   time.Duration // how long one job runs; 45 s
	RescueAfter  time.Duration // when a job is taken for dead; 60 s, must be longer than JobTimeout
	LongestPause time.Duration // between two attempts; 30 s
	Reconcile    time.Duration // the time between two reconciliations; 5 min
	Ahead        time.Duration // how far reconciliations look ahead; 14 days
}

func (t Timing) withDefaults() Timing {
	return Timing{
		BookFor:      cmp.Or(t.BookFor, 20*time.Second),
		JobTimeout:   cmp.Or(t.JobTimeout, 45*time.Second),
		RescueAfter:  cmp.Or(t.RescueAfter, time.Minute),
		LongestPause: cmp.Or(t.LongestPause, 30*time.Second),
		Reconcile:    cmp.Or(t.Reconcile, 5*time.Minute),
		Ahead:        cmp.Or(t.Ahead, 14*24*time.Hour),
	}
}

// Replica is one of any number of processes that share a database.
type Replica struct {
	*Store
	Feed    *Feed
	service *service
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Start starts to carry out jobs. The tables must be there: see [Migrate].
func Start(ctx context.Context, c Config) (*Replica, error) {
	timing := c.Timing.withDefaults()
	store := &Store{pool: c.Pool}
	s := &service{store: store, client: c.Client, timing: timing, book: c.Book}
	if s.book == nil {
		s.book = c.Client.Sessions.CreateOnce
	}
	workers := river.NewWorkers()
	err := errors.Join(
		river.AddWorkerSafely(workers, &syncWorker{store: store, service: s, logger: c.Logger, timing: timing}),
		river.AddWorkerSafely(workers, &reconcileWorker{store: store, service: s, logger: c.Logger, timing: timing}),
	)
	if err != nil {
		return nil, err
	}
	store.queue, err = river.NewClient(riverpgxv5.New(c.Pool), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: cmp.Or(c.Workers, 20)}},
		Workers:              workers,
		FetchCooldown:        20 * time.Millisecond, // Jobs are short: the next one shall not wait for 100 ms.
		JobTimeout:           timing.JobTimeout,
		RescueStuckJobsAfter: timing.RescueAfter,
		Logger:               c.Logger,
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(
			river.PeriodicInterval(timing.Reconcile),
			func() (river.JobArgs, *river.InsertOpts) { return reconcileArgs{}, nil },
			&river.PeriodicJobOpts{ID: "reconcile", RunOnStart: true},
		)},
	})
	if err != nil {
		return nil, err
	}
	// Stop ends the jobs, and not the end of ctx.
	if err := store.queue.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Replica{Store: store, Feed: &Feed{next: map[string]chan struct{}{}}, service: s, stop: stop}
	r.running.Go(func() { r.Feed.listen(listening, c.Pool.Config().ConnConfig, c.Logger) })
	return r, nil
}

// Stop lets running jobs end until ctx ends, and then interrupts them. Interrupted
// jobs go on in another replica, or after the next start.
func (r *Replica) Stop(ctx context.Context) error {
	r.stop()
	err := r.queue.Stop(ctx)
	if err != nil {
		interrupt, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = r.queue.StopAndCancel(interrupt)
	}
	r.running.Wait()
	return err
}

// Ready returns an error if this replica can't serve.
func (r *Replica) Ready(ctx context.Context) error { return r.pool.Ping(ctx) }

// Link returns the secret link of the doctor or of the patient: [coviu.RoleHost] for
// the doctor only, [coviu.RoleGuest] for the patient only.
func (r *Replica) Link(ctx context.Context, a *Appointment, role coviu.Role) (string, error) {
	for _, p := range a.People {
		if p.Role == role && (role == coviu.RoleHost || p.Ref == PatientRef) {
			return r.service.link(ctx, a, p)
		}
	}
	return "", ErrUnknown
}

// Hint says that something about a session may have changed at the service. It
// makes a reconciliation come sooner, and nothing depends on it.
func (r *Replica) Hint(ctx context.Context, sessionID string) error {
	a, err := one(ctx, r.pool, "SELECT "+columns+" FROM clinic_appointments WHERE session_id = $1 AND session_id <> ''", sessionID)
	switch {
	case errors.Is(err, ErrUnknown):
		_, err = r.queue.Insert(ctx, reconcileArgs{}, nil)
		return err
	case err != nil:
		return err
	}
	return r.CheckAgain(ctx, a.ID)
}
