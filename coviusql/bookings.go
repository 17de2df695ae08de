package coviusql

import (
	"context"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

const (
	// If the last holder began a request and did not settle it, intent_until becomes
	// the end of its lease: until then it could send. Once the grace period has
	// passed after that, the row is marked as overdue, for ever.
	holdBooking = `INSERT INTO coviu_bookings AS b (id, holder, lease_until) VALUES ($1, $2, {now} + $3)
ON CONFLICT (id) DO UPDATE SET
	holder = excluded.holder,
	lease_until = excluded.lease_until,
	sending = 0,
	intent_until = CASE b.sending WHEN 1 THEN b.lease_until ELSE b.intent_until END,
	overdue = CASE
		WHEN b.sending = 1 AND b.lease_until + $4 <= {now} THEN 1
		WHEN b.sending = 0 AND b.intent_until + $4 <= {now} THEN 1
		ELSE b.overdue END
WHERE b.lease_until <= {now} OR b.holder IN ('', $2)
RETURNING session_id, COALESCE(intent_until + $4 - {now}, 0), overdue`

	// If a request is sent while an earlier one is unsettled, nobody waits for the
	// earlier one any more. So the row is marked, and whoever comes next searches.
	beginBooking = `UPDATE coviu_bookings
SET sending = 1, overdue = CASE WHEN intent_until IS NULL THEN overdue ELSE 1 END
WHERE id = $1 AND holder = $2 AND lease_until > {now}`

	// Without a session id, only the holder's own request is settled: it booked
	// nothing. Requests of earlier holders stay unsettled.
	settleBooking = `UPDATE coviu_bookings
SET session_id = $1, sending = 0, intent_until = CASE WHEN $1 = '' THEN intent_until END
WHERE id = $2 AND holder = $3`

	nextBookings = `SELECT COALESCE(max(id), '') FROM
(SELECT id FROM coviu_bookings WHERE id > $1 ORDER BY id LIMIT 1000) AS batch`

	pruneBookings = `DELETE FROM coviu_bookings
WHERE id > $1 AND id <= $2 AND sending = 0 AND intent_until IS NULL AND overdue = 0
	AND lease_until < $3 AND lease_until + $4 <= {now}`
)

// ledger is a coviu.BookingLedger. A booking takes four statements: hold, begin,
// settle, release.
type ledger struct{ store *Store }

// Hold calls f while this process holds key, as coviu.BookingLedger says.
func (b *ledger) Hold(ctx context.Context, key string, f func(context.Context, *coviu.Booking) error) error {
	s := b.store
	l := s.newLease("coviu_bookings", rowID(key))
	var booking coviu.Booking
	var unsettled int64
	err := l.take(ctx, holdBooking, []any{l.row, l.holder, s.settings.Lease.Milliseconds(), s.settings.Grace.Milliseconds()},
		&booking.SessionID, &unsettled, &booking.Overdue)
	if err != nil {
		return failed("hold booking key", err)
	}
	defer l.release(ctx)
	held, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := l.keep(ctx, func() { cancel(errLost) })
	defer stop()

	booking.Unsettled = max(0, time.Duration(unsettled)*time.Millisecond)
	booking.Begin = func(ctx context.Context) error {
		if held.Err() != nil {
			return context.Cause(held)
		}
		changed, err := s.exec(ctx, beginBooking, l.row, l.holder)
		if err == nil && changed == 0 {
			cancel(errLost)
			return errLost
		}
		return failed("record request", err)
	}
	booking.Settle = func(ctx context.Context, sessionID string) error {
		changed, err := s.exec(ctx, settleBooking, sessionID, l.row, l.holder)
		if err == nil && changed == 0 {
			return errLost
		}
		return failed("record booking", err)
	}
	return f(held, &booking)
}

// Prune deletes bookings that were last used before the given time, and returns
// how many. Their keys are then unknown: prune only what can't be asked for
// again. A key stays if its last use is within the grace period, if a request is
// unsettled, or if one was ever left unsettled beyond that period.
func (s *Store) Prune(ctx context.Context, before time.Time) (int64, error) {
	var deleted int64
	for last := ""; ; {
		// Small statements, so that bookings don't wait long for this one.
		var end string
		if _, _, err := s.queryRow(ctx, nextBookings, []any{last}, &end); err != nil {
			return deleted, failed("prune bookings", err)
		}
		if end == "" {
			return deleted, nil
		}
		n, err := s.exec(ctx, pruneBookings, last, end, before.UnixMilli(), s.settings.Grace.Milliseconds())
		if err != nil {
			return deleted, failed("prune bookings", err)
		}
		deleted, last = deleted+n, end
	}
}
