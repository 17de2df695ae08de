package replicatest_test

import (
	"context"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// bookingRow is the row of the one key that the tests use, in a model of a
// booking ledger.
type bookingRow struct {
	row
	known bookingState
	// forgetful leaves out the mark Overdue when a request begins after the grace
	// period. The contract asks for it.
	forgetful bool
}

// bookingState is what the row says about the key.
type bookingState struct {
	sessionID string
	sending   bool
	// intent is the last moment at which an unsettled request could be sent.
	intent  time.Time
	overdue bool
}

// unsettled reports whether a request is outstanding.
func (s bookingState) unsettled() bool { return s.sending || !s.intent.IsZero() }

func (b *bookingRow) state() bookingState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.known
}

// ledger is the ledger as one replica sees it.
type ledger struct {
	replica *replica
	booking *bookingRow
}

func (l *ledger) Hold(ctx context.Context, _ string, f func(context.Context, *coviu.Booking) error) error {
	held, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	claim := &lease{replica: l.replica, row: &l.booking.row, lost: func() { lost(errLost) }}
	var b coviu.Booking
	if err := claim.take(ctx, func() { b = l.booking.take() }); err != nil {
		return err
	}
	defer claim.release()
	b.Begin = func(context.Context) error {
		return claim.do(beforeBegin, afterBegin, func() error {
			if held.Err() != nil || l.booking.holder != claim || !time.Now().Before(l.booking.until) {
				lost(errLost)
				return errLost
			}
			l.booking.begin()
			return nil
		})
	}
	b.Settle = func(_ context.Context, sessionID string) error {
		return claim.do(beforeSave, afterSave, func() error {
			if l.booking.holder != claim {
				return errLost
			}
			l.booking.settle(sessionID)
			return nil
		})
	}
	return f(held, &b)
}

// take returns what the next holder gets to know. An unsettled request of the
// last holder dates from the end of its lease.
func (b *bookingRow) take() coviu.Booking {
	k, now := &b.known, time.Now()
	if k.sending {
		k.sending, k.intent = false, b.until
	}
	booking := coviu.Booking{SessionID: k.sessionID}
	if !k.intent.IsZero() {
		booking.Unsettled = max(0, k.intent.Add(grace).Sub(now))
		k.overdue = k.overdue || booking.Unsettled == 0
	}
	booking.Overdue = k.overdue
	return booking
}

func (b *bookingRow) begin() {
	k := &b.known
	k.overdue = k.overdue || !k.intent.IsZero() && !b.forgetful
	k.sending = true
}

func (b *bookingRow) settle(sessionID string) {
	k := &b.known
	k.sessionID, k.sending = sessionID, false
	if sessionID != "" {
		k.intent = time.Time{}
	}
}
