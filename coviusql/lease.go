package coviusql

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

const (
	firstPoll   = 25 * time.Millisecond
	longestPoll = 500 * time.Millisecond
)

var errLost = errors.New("coviusql: the hold on the key was lost")

// lease is one holder's claim to a row. Other holders wait until it ends.
type lease struct {
	store *Store
	table string
	row   string
	// holder is unique: a statement of an earlier holder never matches the row.
	holder string
	// taken is a moment before the lease began, by the process's clock. Counted from
	// it, the lease ends for this process before it ends for the database.
	taken time.Time
}

func (s *Store) newLease(table, row string) *lease {
	return &lease{store: s, table: table, row: row, holder: rand.Text()}
}

// take runs statement until it takes the lease or ctx ends. The statement returns a
// row when it has taken the lease, and none while another holder has it.
func (l *lease) take(ctx context.Context, statement string, args []any, into ...any) error {
	for pause := firstPoll; ; {
		taken, began, err := l.store.queryRow(ctx, statement, args, into...)
		if err != nil {
			// The statement may have taken the lease all the same.
			l.release(ctx)
			return err
		}
		if taken {
			l.taken = began
			return nil
		}
		// The statement locks the row even if it changes nothing. So only read the
		// row until it is free.
		for free := false; !free; pause = min(2*pause, longestPoll) {
			if err := wait(ctx, pause); err != nil {
				return err
			}
			look := "SELECT lease_until <= {now} OR holder = '' FROM " + l.table + " WHERE id = $1"
			found, _, err := l.store.queryRow(ctx, look, []any{l.row}, &free)
			if err != nil {
				return err
			}
			free = free || !found
		}
	}
}

// keep renews the lease until stop is called. It calls lost when another holder has
// taken the row, and when the lease ended before it was renewed.
func (l *lease) keep(ctx context.Context, lost func()) (stop func()) {
	set := l.store.settings
	ctx, stop = context.WithCancel(context.WithoutCancel(ctx))
	end := time.AfterFunc(time.Until(l.taken.Add(set.Lease)), lost)
	go func() {
		defer end.Stop()
		ticker := time.NewTicker(set.Renew)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			began := time.Now()
			held, err := l.renew(ctx)
			switch {
			case held:
				end.Reset(time.Until(began.Add(set.Lease)))
			case err == nil:
				lost()
				return
			}
		}
	}()
	return stop
}

func (l *lease) renew(ctx context.Context) (held bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.store.settings.Renew)
	defer cancel()
	changed, err := l.store.exec(ctx, "UPDATE "+l.table+" SET lease_until = {now} + $1 WHERE id = $2 AND holder = $3",
		l.store.settings.Lease.Milliseconds(), l.row, l.holder)
	return changed > 0, err
}

// release lets others take the row. If ctx ends meanwhile, it returns and goes on in
// the background. If it fails, the lease ends by itself.
func (l *lease) release(ctx context.Context) {
	released := make(chan struct{})
	go func() {
		defer close(released)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.store.settings.Lease)
		defer cancel()
		_, _ = l.store.exec(ctx, "UPDATE "+l.table+" SET holder = '', lease_until = {now} WHERE id = $1 AND holder = $2", l.row, l.holder)
	}()
	select {
	case <-released:
	case <-ctx.Done():
	}
}
