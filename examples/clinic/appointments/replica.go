package appointments

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/coviu/coviu-go-sdk"
)

// Config is what a replica needs. All replicas should have the same times.
type Config struct {
	Pool *pgxpool.Pool
	// Client books with a ledger in the same database.
	Client *coviu.Client
	// Book books a session at most once for each key. The default is CreateOnce of
	// the Client.
	Book    func(ctx context.Context, key string, req *coviu.SessionCreationRequest) (*coviu.Session, error)
	Workers int // jobs at the same time; the default is 20
	// BookFor is how long one job asks for a booking. The default is 20 s. The other
	// times of jobs follow from it.
	BookFor   time.Duration
	Reconcile time.Duration // the time between two reconciliations; the default is 5 min
	Logger    *slog.Logger
}

// jobTimeout leaves a job time to compare and change what it has booked.
func (c *Config) jobTimeout() time.Duration { return 2*c.BookFor + 5*time.Second }

// longestPause is the longest wait between two attempts that nobody asked for.
func (c *Config) longestPause() time.Duration { return c.BookFor * 3 / 2 }

// Replica is one of any number of processes that share a database.
type Replica struct {
	*service
	Feed *Feed
}

// Start starts to carry out jobs until Stop, and to follow changes until ctx ends.
// The tables must be there: see [Migrate].
func Start(ctx context.Context, c Config) (*Replica, error) {
	if c.Book == nil {
		c.Book = c.Client.Sessions.CreateOnce
	}
	c.BookFor = cmp.Or(c.BookFor, 20*time.Second)
	s := &service{&Store{pool: c.Pool}, c}
	workers := river.NewWorkers()
	river.AddWorker(workers, &syncWorker{service: s})
	river.AddWorker(workers, river.WorkFunc(s.reconcile))
	queue, err := river.NewClient(riverpgxv5.New(c.Pool), &river.Config{
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: cmp.Or(c.Workers, 20)}},
		Workers:       workers,
		FetchCooldown: 20 * time.Millisecond, // Jobs are short: the next one shall not wait for 100 ms.
		JobTimeout:    c.jobTimeout(),
		// A job that is only slow shall not run twice.
		RescueStuckJobsAfter: c.jobTimeout() * 4 / 3,
		Logger:               c.Logger,
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(
			river.PeriodicInterval(cmp.Or(c.Reconcile, 5*time.Minute)),
			func() (river.JobArgs, *river.InsertOpts) { return reconcileArgs{}, nil },
			&river.PeriodicJobOpts{ID: "reconcile", RunOnStart: true},
		)},
	})
	if err != nil {
		return nil, err
	}
	s.queue = queue
	// Stop ends the jobs, and not the end of ctx.
	if err := queue.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	feed := &Feed{next: map[string]chan struct{}{}}
	go feed.listen(ctx, c.Pool.Config().ConnConfig, c.Logger)
	return &Replica{s, feed}, nil
}

// Stop lets running jobs end until ctx ends, and then interrupts them. Interrupted
// jobs go on in another replica, or after the next start.
func (r *Replica) Stop(ctx context.Context) error {
	if err := r.queue.Stop(ctx); err == nil {
		return nil
	}
	interrupt, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return r.queue.StopAndCancel(interrupt)
}

// Ready returns an error if this replica can't serve.
func (r *Replica) Ready(ctx context.Context) error { return r.pool.Ping(ctx) }

// Link returns the secret link of the doctor or of the patient: [coviu.RoleHost] for
// the doctor only, [coviu.RoleGuest] for the patient only. It is fetched when somebody
// asks for it, and kept nowhere.
func (r *Replica) Link(ctx context.Context, a *Appointment, role coviu.Role) (string, error) {
	i := slices.IndexFunc(a.People, func(p Person) bool {
		return p.Role == role && (role == coviu.RoleHost || p.Ref == PatientRef)
	})
	if i < 0 || a.Status() != Booked {
		return "", ErrUnknown
	}
	session, err := r.Client.Sessions.Get(ctx, a.SessionID, nil)
	if err != nil {
		return "", err
	}
	for _, p := range session.WithRole(role) {
		if p.ParticipantID == a.Participants[a.People[i].Ref] {
			return p.EntryURL, nil
		}
	}
	return "", ErrUnknown
}

// Hint says that something about a session may have changed at the service. It
// makes a reconciliation come sooner, and nothing depends on it.
func (r *Replica) Hint(ctx context.Context, sessionID string) error {
	a, err := one(r.pool.Query(ctx, "SELECT "+columns+" FROM clinic_appointments WHERE session_id = NULLIF($1, '')", sessionID))
	if errors.Is(err, ErrUnknown) {
		_, err = r.queue.Insert(ctx, reconcileArgs{}, nil)
		return err
	}
	if err != nil {
		return err
	}
	return r.CheckAgain(ctx, a.ID)
}
