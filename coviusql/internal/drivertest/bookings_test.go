package drivertest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
)

// look is what the ledger knows about key.
func look(t *testing.T, s *coviusql.Store, key string) (seen coviu.Booking) {
	t.Helper()
	require.NoError(t, s.Ledger().Hold(t.Context(), key, func(_ context.Context, b *coviu.Booking) error {
		seen = *b
		return nil
	}))
	return seen
}

// begin holds key, begins a request and leaves it unsettled.
func begin(t *testing.T, s *coviusql.Store, key string) {
	t.Helper()
	require.NoError(t, s.Ledger().Hold(t.Context(), key, func(ctx context.Context, b *coviu.Booking) error {
		return b.Begin(ctx)
	}))
}

// book holds key, begins a request and settles it.
func book(ctx context.Context, s *coviusql.Store, key, sessionID string) error {
	return s.Ledger().Hold(ctx, key, func(ctx context.Context, b *coviu.Booking) error {
		if err := b.Begin(ctx); err != nil {
			return err
		}
		return b.Settle(ctx, sessionID)
	})
}

func TestAKeyHasOneHolderAtATime(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		stores := []*coviusql.Store{d.store(t), d.store(t)}
		var holders, holds atomic.Int64
		var working sync.WaitGroup
		for i := range 12 {
			working.Go(func() {
				assert.NoError(t, stores[i%2].Ledger().Hold(t.Context(), "key", func(context.Context, *coviu.Booking) error {
					assert.EqualValues(t, 1, holders.Add(1))
					holds.Add(1)
					<-time.After(5 * time.Millisecond)
					holders.Add(-1)
					return nil
				}))
			})
		}
		working.Wait()
		require.EqualValues(t, 12, holds.Load())
	})
}

func TestOtherKeysDoNotWait(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		require.NoError(t, s.Ledger().Hold(t.Context(), "one", func(ctx context.Context, _ *coviu.Booking) error {
			return book(ctx, s, "other", "session")
		}))
	})
}

func TestASettledKeyKeepsItsSession(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		require.Equal(t, facts{}, known(look(t, d.store(t), "key")), "a new key")
		require.NoError(t, book(t.Context(), d.store(t), "key", "session-1"))
		require.Equal(t, facts{session: "session-1"}, known(look(t, d.store(t), "key")))
		require.NoError(t, book(t.Context(), d.store(t), "key", "session-2"))
		require.Equal(t, facts{session: "session-2"}, known(look(t, d.store(t), "key")))
		require.NoError(t, book(t.Context(), d.store(t), "key", ""))
		require.Equal(t, facts{}, known(look(t, d.store(t), "key")), "nothing was booked")
	})
}

// facts are what is known about a key, without the functions.
type facts struct {
	session            string
	unsettled, overdue bool
}

func known(b coviu.Booking) facts { return facts{b.SessionID, b.Unsettled > 0, b.Overdue} }

func TestARequestThatIsNotSettledStaysUnsettledForTheGracePeriod(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t, coviusql.WithGrace(time.Hour))
		begin(t, s, "key")
		for range 3 { // Looking does not start the period again.
			seen := look(t, s, "key")
			require.InDelta(t, time.Hour.Seconds(), seen.Unsettled.Seconds(), 30)
			require.False(t, seen.Overdue)
		}
		// The same intent, for a process that thinks it is old enough.
		impatient := d.store(t, coviusql.WithGrace(time.Nanosecond))
		require.Equal(t, facts{overdue: true}, known(look(t, impatient, "key")))
		require.True(t, look(t, s, "key").Overdue, "for ever")
		require.NoError(t, book(t.Context(), s, "key", "session"))
		require.Equal(t, facts{session: "session", overdue: true}, known(look(t, s, "key")), "for ever")
	})
}

func TestARequestThatIsSentWhileAnEarlierOneIsUnsettledMarksTheKey(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		begin(t, s, "key")
		require.NoError(t, book(t.Context(), s, "key", ""))
		require.Equal(t, facts{unsettled: true, overdue: true}, known(look(t, s, "key")),
			"that nothing was booked is known of the second request only")
		require.NoError(t, book(t.Context(), s, "key", "session"))
		require.Equal(t, facts{session: "session", overdue: true}, known(look(t, s, "key")))
	})
}

func TestHoldReturnsTheErrorOfItsFunction(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		mine := errors.New("mine")
		require.Same(t, mine, s.Ledger().Hold(t.Context(), "key", func(context.Context, *coviu.Booking) error { return mine }))
		require.PanicsWithValue(t, "mine", func() {
			_ = s.Ledger().Hold(t.Context(), "key", func(context.Context, *coviu.Booking) error { panic("mine") })
		})
		look(t, s, "key") // It was released both times.
	})
}

func TestABookingIsOfNoUseAfterItsHold(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		stale := look(t, s, "key")
		require.Error(t, stale.Begin(t.Context()))
		require.Error(t, stale.Settle(t.Context(), "session"))
		require.Equal(t, facts{}, known(look(t, s, "key")))
	})
}

// The holder has noticed nothing yet: only the database knows.
func TestAHolderThatLostItsKeyCanRecordNothing(t *testing.T) {
	const lost = "coviusql: the hold on the key was lost"
	onEach(t, func(t *testing.T, d database) {
		s, db := d.store(t), d.pool(t)
		change := func(statement string) {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			change("UPDATE coviu_bookings SET lease_until = 0")
			require.EqualError(t, b.Begin(ctx), lost, "the lease is over")
			require.EqualError(t, context.Cause(ctx), lost)
			return nil
		}))
		require.Equal(t, facts{}, known(look(t, s, "key")))

		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			change("UPDATE coviu_bookings SET holder = 'another'")
			require.EqualError(t, b.Begin(ctx), lost, "another has the key")
			require.EqualError(t, b.Settle(t.Context(), "session"), lost)
			return nil
		}))
		var holder, session string
		var sending int
		row := db.QueryRowContext(t.Context(), "SELECT holder, session_id, sending FROM coviu_bookings")
		require.NoError(t, row.Scan(&holder, &session, &sending))
		require.Equal(t, "another", holder, "nor release it")
		require.Empty(t, session)
		require.Zero(t, sending)
	})
}

func TestWhoeverWaitsForAKeyMayGiveUp(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(context.Context, *coviu.Booking) error {
			waiting, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			err := s.Ledger().Hold(waiting, "key", func(context.Context, *coviu.Booking) error {
				assert.Fail(t, "the key was held twice")
				return nil
			})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			return nil
		}))
		began := time.Now()
		look(t, s, "key")
		require.Less(t, time.Since(began), 5*time.Second, "the one who gave up left nothing behind")
	})
}

func TestTheContextOfAHoldEndsWithTheCallers(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Ledger().Hold(ctx, "key", func(held context.Context, b *coviu.Booking) error {
			require.NoError(t, b.Begin(held))
			cancel()
			<-held.Done()
			require.ErrorIs(t, b.Begin(t.Context()), context.Canceled)
			require.NoError(t, b.Settle(t.Context(), "session"), "what happened can still be recorded")
			return held.Err()
		})
		require.ErrorIs(t, err, context.Canceled)
		began := time.Now()
		require.Equal(t, facts{session: "session"}, known(look(t, s, "key")))
		require.Less(t, time.Since(began), 5*time.Second, "the key was released")
	})
}

func TestAReleasedRowIsFreeAfterTheDatabasesClockWasSetBack(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		require.NoError(t, book(t.Context(), s, "key", "session"))
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		for _, table := range []string{"coviu_bookings", "coviu_tokens"} {
			_, err := d.pool(t).ExecContext(t.Context(), "UPDATE "+table+" SET lease_until = lease_until + 7000000000000")
			require.NoError(t, err)
		}
		began := time.Now()
		require.Equal(t, facts{session: "session"}, known(look(t, s, "key")))
		require.Equal(t, token(1), stored(t, s, "user"))
		require.Less(t, time.Since(began), 5*time.Second)
	})
}

func TestEveryStringIsAKeyOfItsOwn(t *testing.T) {
	keys := []string{
		"", " ", "  ", "a", "A", "a ", "ä", "a\u0308", "\x00", "a\x00", "a\x00b", "\xff", "\xff\xfe", "'", `\`, "%", "_", "$1", "?1",
		strings.Repeat("long", 1<<20), strings.Repeat("long", 1<<20) + "er",
	}
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		for i, key := range keys {
			require.NoError(t, book(t.Context(), s, key, strconv.Itoa(i)))
			require.NoError(t, s.SaveToken(t.Context(), key, token(i)))
		}
		for i, key := range keys {
			require.Equal(t, facts{session: strconv.Itoa(i)}, known(look(t, s, key)))
			require.Equal(t, token(i), stored(t, s, key))
		}
	})
}

func TestManyHoldsNeedFewConnections(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		db := d.pool(t) // of 4 connections
		s, err := coviusql.Open(t.Context(), db, d.dialect())
		require.NoError(t, err)
		const holds = 64
		var inside sync.WaitGroup
		inside.Add(holds)
		var working sync.WaitGroup
		for i := range holds {
			working.Go(func() {
				assert.NoError(t, s.Ledger().Hold(t.Context(), strconv.Itoa(i), func(ctx context.Context, b *coviu.Booking) error {
					inside.Done()
					inside.Wait() // All hold their keys now, on four connections.
					assert.NoError(t, b.Begin(ctx))
					return b.Settle(ctx, "session")
				}))
			})
		}
		working.Wait()
		require.LessOrEqual(t, db.Stats().OpenConnections, 4)
	})
}

func TestNoConnectionIsHeldMeanwhile(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		db := d.pool(t)
		s, err := coviusql.Open(t.Context(), db, d.dialect())
		require.NoError(t, err)
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			require.Zero(t, db.Stats().InUse)
			require.NoError(t, b.Begin(ctx))
			require.Zero(t, db.Stats().InUse)
			return nil
		}))
		_, err = s.Token("user").Update(t.Context(), replaceBy(token(1), func() { require.Zero(t, db.Stats().InUse) }))
		require.NoError(t, err)
	})
}

func TestPruneDeletesWhatIsSettled(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t, coviusql.WithGrace(100*time.Millisecond))
		// More rows than one statement looks at.
		_, err := d.pool(t).ExecContext(t.Context(), `INSERT INTO coviu_bookings (id, session_id, lease_until)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT 'old ' || i, 'session', 0 FROM n`)
		require.NoError(t, err)
		require.NoError(t, book(t.Context(), s, "settled", "session"))
		require.NoError(t, book(t.Context(), s, "refused", ""))
		patient := d.store(t, coviusql.WithGrace(time.Hour))
		begin(t, s, "unsettled")
		begin(t, s, "looked at")
		look(t, patient, "looked at")
		begin(t, s, "overdue")
		<-time.After(200 * time.Millisecond)
		require.NoError(t, book(t.Context(), s, "overdue", "session"))
		<-time.After(200 * time.Millisecond)
		later := time.Now().Add(time.Hour)
		for _, prune := range []struct {
			why    string
			store  *coviusql.Store
			before time.Time
			want   int64
		}{
			{"old", s, time.Now().Add(-time.Hour), 2500},
			{"within the grace period", patient, later, 0},
			{"settled", s, later, 2},
			{"gone", s, later, 0},
		} {
			n, err := prune.store.Prune(t.Context(), prune.before)
			require.NoError(t, err)
			require.Equal(t, prune.want, n, prune.why)
		}
		require.Equal(t, facts{}, known(look(t, s, "settled")))
		require.Equal(t, facts{overdue: true}, known(look(t, s, "unsettled")))
		require.Equal(t, facts{overdue: true}, known(look(t, s, "looked at")))
		require.Equal(t, facts{session: "session", overdue: true}, known(look(t, s, "overdue")))
	})
}

func TestPruneLeavesAHeldKey(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t, coviusql.WithGrace(time.Millisecond))
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			n, err := s.Prune(ctx, time.Now().Add(time.Hour))
			require.NoError(t, err)
			require.Zero(t, n)
			return b.Begin(ctx)
		}))
	})
}
