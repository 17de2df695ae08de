package drivertest

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
)

// inVirtualTime runs test in a bubble, on a SQLite database whose clock is the
// bubble's.
func inVirtualTime(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Parallel()
	for _, kind := range kinds()[:2] {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase(t, kind)
				d.DSN = strings.Replace(d.DSN, "busy_timeout(100)", "busy_timeout(0)", 1)
				test(t, d)
			})
		})
	}
}

// virtual is a store with the leases that programs have.
func virtual(t *testing.T, d database) (*coviusql.Store, *recorder) {
	t.Helper()
	return recorded(t, d, withVirtualClock)
}

func TestAHoldLastsAsLongAsItsFunction(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		other, _ := virtual(t, d)
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			r.take()
			waiting, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			require.ErrorIs(t, book(waiting, other, "key", "theirs"), context.DeadlineExceeded)
			require.InDelta(t, 200, len(r.take()), 1, "one renewal each 3 s")
			require.NoError(t, ctx.Err())
			require.NoError(t, b.Begin(ctx))
			return b.Settle(ctx, "mine")
		}))
		require.Equal(t, facts{session: "mine"}, known(look(t, other, "key")))
	})
}

func TestWaitingForAKeyAsksAFewTimesASecond(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, _ := virtual(t, d)
		other, r := virtual(t, d)
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(context.Context, *coviu.Booking) error {
			r.take()
			waiting, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.Error(t, book(waiting, other, "key", "theirs"))
			statements := r.take()
			require.InDelta(t, 60/0.375, len(statements), 30)
			for _, statement := range statements[1:] {
				require.Regexp(t, "^SELECT ", statement, "whoever waits does not write")
			}
			return nil
		}))
	})
}

// A hold whose renewals fail is over when the lease is: the next holder may
// have it then.
func TestAHoldThatIsNotRenewedIsLost(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		other, _ := virtual(t, d)
		began := time.Now()
		require.ErrorContains(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			require.NoError(t, b.Begin(ctx))
			r.setDown(true)
			taken := make(chan time.Duration)
			go func() {
				_ = other.Ledger().Hold(t.Context(), "key", func(_ context.Context, b *coviu.Booking) error {
					taken <- time.Since(began)
					left := 10*time.Second + 5*time.Minute - time.Since(began)
					assert.InDelta(t, left, b.Unsettled, float64(time.Millisecond), "it counts from the end of the lease")
					taken <- 0
					return nil
				})
			}()
			<-time.After(9500 * time.Millisecond)
			early, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			require.ErrorIs(t, book(early, other, "key", "early"), context.DeadlineExceeded)
			<-ctx.Done()
			require.Equal(t, 10*time.Second, time.Since(began))
			require.EqualError(t, context.Cause(ctx), "coviusql: the hold on the key was lost")
			require.NoError(t, t.Context().Err())
			next := <-taken
			require.GreaterOrEqual(t, next, 10*time.Second, "never before the holder knows")
			require.Less(t, next, 11*time.Second)
			<-taken

			r.setDown(false)
			require.ErrorIs(t, b.Settle(ctx, "late"), context.Canceled)
			require.EqualError(t, b.Settle(t.Context(), "late"), "coviusql: the hold on the key was lost")
			return b.Begin(t.Context())
		}), "coviusql: the hold on the key was lost")
		require.Equal(t, facts{unsettled: true}, known(look(t, other, "key")))
	})
}

func TestAHolderNoticesAtItsNextRenewalThatAnotherHasTheKey(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, _ := virtual(t, d)
		db := d.pool(t)
		began := time.Now()
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, _ *coviu.Booking) error {
			_, err := db.ExecContext(t.Context(), "UPDATE coviu_bookings SET holder = 'another'")
			require.NoError(t, err)
			<-ctx.Done()
			require.Equal(t, 3*time.Second, time.Since(began))
			return nil
		}))
	})
}

func TestAHoldSurvivesFailuresShorterThanItsLease(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			for range 20 {
				r.setDown(true)
				<-time.After(5 * time.Second)
				r.setDown(false)
				<-time.After(5 * time.Second)
			}
			require.NoError(t, ctx.Err())
			return b.Begin(ctx)
		}))
	})
}

func TestWhatALostHolderBookedCanBeRecordedUntilTheKeyIsTaken(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			require.NoError(t, b.Begin(ctx))
			r.setDown(true)
			<-time.After(time.Minute)
			r.setDown(false)
			require.Error(t, b.Begin(t.Context()), "but nothing may be sent")
			return b.Settle(t.Context(), "session")
		}))
		require.Equal(t, facts{session: "session"}, known(look(t, s, "key")))
	})
}

func TestUnsettledEndsAndOverdueBeginsWithTheGracePeriod(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, _ := virtual(t, d)
		begin(t, s, "released")
		crashed, r := virtual(t, d)
		require.NoError(t, crashed.Ledger().Hold(t.Context(), "crashed", func(ctx context.Context, b *coviu.Booking) error {
			require.NoError(t, b.Begin(ctx))
			r.setDown(true)
			return nil
		}))
		<-time.After(5*time.Minute - time.Millisecond)
		for key, want := range map[string]time.Duration{"released": time.Millisecond, "crashed": 10*time.Second + time.Millisecond} {
			seen := look(t, s, key)
			require.Equal(t, want, seen.Unsettled, key)
			require.False(t, seen.Overdue)
		}
		<-time.After(time.Millisecond)
		require.Equal(t, facts{overdue: true}, known(look(t, s, "released")))
		require.Equal(t, facts{unsettled: true}, known(look(t, s, "crashed")))
		<-time.After(10 * time.Second)
		require.Equal(t, facts{overdue: true}, known(look(t, s, "crashed")))
	})
}

func TestALostLeaseDoesNotAbortARefresh(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		other, _ := virtual(t, d)
		refresh := func(ctx context.Context, next *oauth2.Token, meanwhile func()) *oauth2.Token {
			got, err := s.Token("user").Update(ctx, func(ctx context.Context, _ *oauth2.Token) (*oauth2.Token, error) {
				r.setDown(true)
				<-time.After(time.Minute)
				meanwhile()
				r.setDown(false)
				assert.NoError(t, ctx.Err())
				return next, nil
			})
			require.NoError(t, err)
			return got
		}
		require.Equal(t, token(1), refresh(t.Context(), token(1), func() {}), "nobody refreshed it meanwhile")
		require.Equal(t, token(2), refresh(t.Context(), token(2), func() {
			require.False(t, stored(t, other, "user").Expiry.IsZero(), "somebody had the row meanwhile, and was told to refresh")
		}))
		theirs := refresh(t.Context(), token(9), func() {
			_, err := other.Token("user").Update(t.Context(), replaceBy(token(3), func() {}))
			require.NoError(t, err)
		})
		require.Equal(t, token(3), theirs, "the first one to save wins")
		require.Equal(t, token(3), stored(t, other, "user"))
	})
}

// The one who has lost the lease saves first and leaves the new holder's alone.
func TestALateSaveDoesNotReleaseTheNextHolder(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		late, r := virtual(t, d)
		next, _ := virtual(t, d)
		var working sync.WaitGroup
		taken := make(chan struct{})
		got, err := late.Token("user").Update(t.Context(), replaceBy(token(1), func() {
			r.setDown(true)
			<-time.After(16 * time.Second)
			working.Go(func() {
				got, err := next.Token("user").Update(t.Context(), replaceBy(token(2), func() {
					close(taken)
					<-time.After(time.Second) // The late one saves meanwhile.
					waiting, cancel := context.WithTimeout(t.Context(), 4*time.Second)
					defer cancel()
					_, err := late.Token("user").Update(waiting, replaceBy(token(3), func() { assert.Fail(t, "two updates at once") }))
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				}))
				assert.Equal(t, token(1), got, err)
			})
			<-taken
			r.setDown(false)
		}))
		require.NoError(t, err)
		require.Equal(t, token(1), got)
		working.Wait()
		require.Equal(t, token(1), stored(t, next, "user"))
	})
}

func TestARowThatIsDeletedIsFree(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, _ := virtual(t, d)
		other, _ := virtual(t, d)
		var working sync.WaitGroup
		_, err := s.Token("user").Update(t.Context(), func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			working.Go(func() {
				waiting, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := other.Token("user").Update(waiting, replaceBy(token(1), func() {}))
				assert.NoError(t, err)
			})
			<-time.After(5 * time.Second)
			return nil, errDown // There was no token, and there is none.
		})
		require.ErrorIs(t, err, errDown)
		working.Wait()
		require.Equal(t, token(1), stored(t, s, "user"))
	})
}

func TestANewTokenIsSavedWhenTheDatabaseComesBack(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		downFor := func(outage time.Duration) func() {
			return func() {
				r.setDown(true)
				time.AfterFunc(outage, func() { r.setDown(false) })
			}
		}
		got, err := s.Token("user").Update(t.Context(), replaceBy(token(2), downFor(9*time.Second)))
		require.NoError(t, err)
		require.Equal(t, token(2), got)
		require.Equal(t, token(2), stored(t, s, "user"))

		began := time.Now()
		_, err = s.Token("user").Update(t.Context(), replaceBy(token(3), downFor(time.Minute)))
		require.EqualError(t, err, "coviusql: save token: database error")
		require.Equal(t, 10*time.Second, time.Since(began), "then the caller has to keep it")
		<-time.After(time.Minute)
		require.False(t, stored(t, s, "user").Expiry.IsZero(), "the row was not released")
		require.Equal(t, token(2), stored(t, s, "user"))
	})
}

func TestALostReplyToASaveIsNoLostToken(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		got, err := s.Token("user").Update(t.Context(), replaceBy(token(2), func() { r.loseReplyTo("UPDATE coviu_tokens SET version", errReply) }))
		require.NoError(t, err)
		require.Equal(t, token(2), got)
		require.Equal(t, token(2), stored(t, s, "user"))
	})
}

func TestALostReplyToAHoldLocksNobodyOut(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		r.loseReplyTo("INSERT INTO coviu_bookings", errReply)
		require.ErrorIs(t, book(t.Context(), s, "key", "session"), errReply)
		began := time.Now()
		require.Equal(t, facts{}, known(look(t, s, "key")))
		require.Less(t, time.Since(began), time.Second)
	})
}

func TestALostReplyHidesNoCrash(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		_, err := d.pool(t).ExecContext(t.Context(), "UPDATE coviu_tokens SET holder = 'crashed'")
		require.NoError(t, err)
		r.loseReplyTo("INSERT INTO coviu_tokens AS", closedError{})
		found := stored(t, s, "user")
		require.True(t, !found.Expiry.IsZero() && !time.Now().Before(found.Expiry))
	})
}

func TestAStatementWhoseConnectionWasClosedIsRepeated(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, r := virtual(t, d)
		began := time.Now()
		for i, statement := range []string{
			"INSERT INTO coviu_bookings", // hold
			"UPDATE coviu_bookings\nSET sending",
			"UPDATE coviu_bookings\nSET session_id",
			"UPDATE coviu_bookings SET holder", // release
		} {
			r.loseReplyTo(statement, closedError{})
			require.NoError(t, book(t.Context(), s, "key", strconv.Itoa(i)), statement)
			require.Len(t, slices.DeleteFunc(r.take(), func(s string) bool { return !strings.HasPrefix(s, statement) }), 2)
			require.Equal(t, facts{session: strconv.Itoa(i)}, known(look(t, s, "key")))
			r.take()
		}
		for i, statement := range []string{"INSERT INTO coviu_tokens AS", "UPDATE coviu_tokens SET version"} {
			r.loseReplyTo(statement, closedError{})
			got, err := s.Token("user").Update(t.Context(), replaceBy(token(i), func() {}))
			require.NoError(t, err)
			require.Equal(t, token(i), got)
		}
		require.Less(t, time.Since(began), time.Second, "no lease was waited for")
	})
}

func TestALockedDatabaseIsWaitedFor(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, _ := virtual(t, d)
		locker := d.pool(t)
		lockFor := func(d time.Duration) {
			conn, err := locker.Conn(t.Context())
			require.NoError(t, err)
			_, err = conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
			require.NoError(t, err)
			time.AfterFunc(d, func() { unlock(t, conn) })
		}
		lockFor(15 * time.Second)
		began := time.Now()
		require.NoError(t, book(t.Context(), s, "key", "session"), "the lease counts from when it was taken")
		require.GreaterOrEqual(t, time.Since(began), 15*time.Second)
		require.Less(t, time.Since(began), 16*time.Second)

		lockFor(time.Minute)
		began = time.Now()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := book(impatient, s, "other key", "session")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "coviusql: hold booking key")
		require.Equal(t, time.Second, time.Since(began))
		<-time.After(time.Minute)
	})
}

func unlock(t *testing.T, conn *sql.Conn) {
	_, err := conn.ExecContext(context.WithoutCancel(t.Context()), "COMMIT")
	assert.NoError(t, err)
	assert.NoError(t, conn.Close())
}

func TestAHoldReturnsWhenItsContextHasEndedWhateverTheDatabaseDoes(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, _ := virtual(t, d)
		locker := d.pool(t)
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		require.NoError(t, s.Ledger().Hold(ctx, "key", func(context.Context, *coviu.Booking) error {
			conn, err := locker.Conn(t.Context())
			require.NoError(t, err)
			_, err = conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
			require.NoError(t, err)
			time.AfterFunc(5*time.Second, func() { unlock(t, conn) })
			cancel()
			return nil
		}))
		require.Zero(t, time.Since(began))
		look(t, s, "key")
		require.Less(t, time.Since(began), 7*time.Second, "it was released in the background")
	})
}

func TestATokenExpiresByTheDatabasesClock(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, d database) {
		s, _ := virtual(t, d)
		expiring := token(1)
		expiring.Expiry = time.Now().Add(time.Hour)
		require.NoError(t, s.SaveToken(t.Context(), "user", expiring))
		for range 3 {
			found := stored(t, s, "user")
			require.WithinDuration(t, expiring.Expiry, found.Expiry, time.Millisecond)
			<-time.After(time.Hour)
		}
		require.NoError(t, s.SaveToken(t.Context(), "user", token(2)))
		require.True(t, stored(t, s, "user").Expiry.IsZero())
	})
}

// The bubble's clock stands in the year 2000, the database's does not.
func TestAWrongClockOfTheProcessChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		right := d.store(t, coviusql.WithGrace(time.Hour))
		expiring := token(1)
		expiring.Expiry = time.Now().Add(time.Hour)
		require.NoError(t, right.SaveToken(t.Context(), "saved by the right", expiring))
		begin(t, right, "begun by the right")
		synctest.Test(t, func(t *testing.T) {
			require.Equal(t, 2000, time.Now().Year())
			wrong := d.store(t, coviusql.WithGrace(time.Hour))
			left := time.Until(stored(t, wrong, "saved by the right").Expiry)
			require.InDelta(t, time.Hour.Seconds(), left.Seconds(), 30)
			require.InDelta(t, time.Hour.Seconds(), look(t, wrong, "begun by the right").Unsettled.Seconds(), 30)
			expiring.Expiry = time.Now().Add(time.Hour)
			require.NoError(t, wrong.SaveToken(t.Context(), "saved by the wrong", expiring))
			begin(t, wrong, "begun by the wrong")
		})
		left := time.Until(stored(t, right, "saved by the wrong").Expiry)
		require.InDelta(t, time.Hour.Seconds(), left.Seconds(), 30)
		require.InDelta(t, time.Hour.Seconds(), look(t, right, "begun by the wrong").Unsettled.Seconds(), 30)
	})
}
