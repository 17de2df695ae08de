package appointments

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgxlisten"
)

// Feed tells when appointments change, whichever replica changes them.
type Feed struct {
	mu sync.Mutex
	// next are closed by the next change of an appointment, and of any at "".
	next map[string]chan struct{}
}

// Next returns a channel that is closed when the appointment changes next, or when
// any does if id is "". It is also closed when a change may have been missed.
// Call it before you load the appointment, and nothing is missed in between.
func (f *Feed) Next(id string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next[id] == nil {
		f.next[id] = make(chan struct{})
	}
	return f.next[id]
}

// HandleNotification is called for each change.
func (f *Feed) HandleNotification(_ context.Context, n *pgconn.Notification, _ *pgx.Conn) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range []string{n.Payload, ""} {
		if changed, ok := f.next[id]; ok {
			close(changed)
			delete(f.next, id)
		}
	}
	return nil
}

// HandleBacklog is called for each new connection. Nobody knows what was missed
// before.
func (f *Feed) HandleBacklog(context.Context, string, *pgx.Conn) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, changed := range f.next {
		close(changed)
	}
	clear(f.next)
	return nil
}

// listen follows the changes until ctx ends.
func (f *Feed) listen(ctx context.Context, config *pgx.ConnConfig, logger *slog.Logger) {
	listener := pgxlisten.Listener{
		Connect:        func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, config) },
		ReconnectDelay: time.Second,
		LogError: func(ctx context.Context, err error) {
			if ctx.Err() == nil {
				logger.WarnContext(ctx, "not listening for changes, will try again", slog.Any("error", err))
			}
		},
	}
	listener.Handle("clinic_appointments", f)
	_ = listener.Listen(ctx) // It returns no other error than that of ctx.
}
