package coviu

import (
	"context"
	"errors"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/safeerr"
)

// BookingLedger records which session each booking key stands for, for every
// process that books. Package coviusql has one for PostgreSQL and SQLite.
//
// To write one for another database, keep a row for each key: the session's id,
// the holder, the end of its lease, whether the holder has begun a request, the
// last moment at which an unsettled request could be sent, and the mark
// [Booking.Overdue]. That moment is the end of the holder's lease, or its release.
// Each statement of a holder must change the row only if the row still names that
// holder, and must be durable when it returns. No transaction, lock or connection
// may stay open while f runs.
//
// Compare times by the database's clock alone: the clocks of the processes may
// differ. Errors must not carry the key in their text.
type BookingLedger interface {
	// Hold calls f, at most once, while no other process holds key, and returns
	// f's error. It waits for another holder as long as ctx lasts. A hold ends by
	// itself some time after its process died.
	//
	// The context that f gets ends with ctx, and when the hold is lost as far as
	// this process can know: also when it could not be renewed in time.
	Hold(ctx context.Context, key string, f func(ctx context.Context, b *Booking) error) error
}

// Booking is what a [BookingLedger] knows about a key while the key is held.
type Booking struct {
	// SessionID is the session that was booked under the key, "" if none is
	// recorded.
	SessionID string
	// Unsettled is how long an earlier request may still take effect or show up
	// in a list. It is 0 if there is no such request, and if SessionID is set.
	// Whoever books after that time must search for its session first.
	Unsettled time.Duration
	// Overdue says that an earlier request was left unsettled beyond the grace
	// period. It stays true for ever: sessions may exist that are not recorded
	// here, so whoever books must search for them first.
	Overdue bool
	// Begin records durably that a request is about to be sent. If an earlier
	// request is unsettled, Begin also sets Overdue: the caller has waited for that
	// request in vain. Begin fails if the hold was lost; then nothing may be sent.
	Begin func(ctx context.Context) error
	// Settle records which session the key stands for. No request is outstanding
	// then. "" records that provably nothing was booked. Settle fails if another
	// process holds the key now.
	Settle func(ctx context.Context, sessionID string) error

	noPrint
}

// settleTimeout bounds recording the outcome of a booking.
const settleTimeout = 5 * time.Second

var errHoldLost = errors.New("the booking ledger gave the key to another process")

// bookWithLedger books while the ledger holds key for this process.
func (s *SessionService) bookWithLedger(ctx context.Context, key string, req *SessionCreationRequest) (session *Session, err error) {
	c := s.client
	var called bool
	var panicked any
	book := func(held context.Context, b *Booking) error {
		called = true
		// The ledger must release the key, so it does not see the panic.
		defer func() { panicked = recover() }()
		session, err = s.bookOnce(held, key, req, &heldKey{Booking: *b, read: time.Now(), observer: &c.config.observer})
		if err != nil && held.Err() != nil && !errors.Is(ctx.Err(), held.Err()) {
			err = &callError{operation: string(opCreateSession), err: errHoldLost, earlier: err}
		}
		return err
	}
	failed := c.config.observer.guard(ctx, "booking ledger", func() error { return c.config.ledger.Hold(ctx, key, book) })
	if panicked != nil {
		panic(panicked) //nolint:forbidigo // a panic of the caller's transport, which must reach the caller
	}
	if !called {
		return nil, notBooked(failed)
	}
	return session, err
}

// notBooked is the error of a booking that was not sent because of the ledger.
func notBooked(cause error) error {
	return &callError{
		operation: string(opCreateSession),
		err:       safeerr.New("booking ledger failed, nothing was booked", cause),
	}
}

// heldKey is a key that the ledger holds for this process. Without a ledger it has
// only what the client remembers.
type heldKey struct {
	Booking

	read     time.Time // when the Booking was read
	observer *observer
}

// unsettled returns for how long an earlier booking may still turn up.
func (h *heldKey) unsettled() time.Duration { return h.Unsettled - time.Since(h.read) }

// begin records that a booking is about to be sent.
func (h *heldKey) begin(ctx context.Context) error {
	if h.Begin == nil {
		return nil
	}
	if err := h.observer.guard(ctx, "booking ledger", func() error { return h.Begin(ctx) }); err != nil {
		return notBooked(err)
	}
	return nil
}

// settle records what became of a booking, even if ctx has ended. If it fails, the
// next call with the key searches for the session.
func (h *heldKey) settle(ctx context.Context, sessionID string) {
	if h.Settle == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	_ = h.observer.guard(ctx, "booking ledger", func() error { return h.Settle(ctx, sessionID) })
}
