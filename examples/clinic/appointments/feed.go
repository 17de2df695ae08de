package appointments

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Feed tells which appointments have changed, whichever replica changed them.
type Feed struct {
	mu          sync.Mutex
	subscribers map[chan string]struct{}
}

const (
	feedBuffer    = 256
	reconnectWait = time.Second
)

// Subscribe returns the ids of the appointments that change from now on. The
// channel is closed when changes may have been missed: load everything, and
// subscribe again.
func (f *Feed) Subscribe() (ids <-chan string, cancel func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	subscriber := make(chan string, feedBuffer)
	f.subscribers[subscriber] = struct{}{}
	return subscriber, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(subscriber)
	}
}

func (f *Feed) drop(subscriber chan string) {
	if _, ok := f.subscribers[subscriber]; ok {
		delete(f.subscribers, subscriber)
		close(subscriber)
	}
}

func (f *Feed) tell(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for subscriber := range f.subscribers {
		select {
		case subscriber <- id:
		default:
			f.drop(subscriber) // It is too slow.
		}
	}
}

func (f *Feed) dropAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for subscriber := range f.subscribers {
		f.drop(subscriber)
	}
}

// run listens until ctx ends, and again after a lost connection.
func (f *Feed) run(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) {
	defer f.dropAll()
	for ctx.Err() == nil {
		err := f.listen(ctx, pool)
		f.dropAll()
		if ctx.Err() != nil {
			return
		}
		logger.WarnContext(ctx, "not listening for changes, will try again", slog.Any("error", err))
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
		}
	}
}

func (f *Feed) listen(ctx context.Context, pool *pgxpool.Pool) error {
	pooled, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // A connection that listens does not go back.
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN clinic_appointments"); err != nil {
		return err
	}
	// Nobody knows what was missed before.
	f.dropAll()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		f.tell(n.Payload)
	}
}
