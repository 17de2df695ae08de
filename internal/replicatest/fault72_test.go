package replicatest_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

func TestFault72_SameInstant(t *testing.T) {
	for _, replicas := range []int{2, 4, 8} {
		synctest.Test(t, func(t *testing.T) {
			b := newBookingRun(t, &bookingSchedule{replicas: replicas}, &bookingRow{})
			b.play()
			require.Len(t, b.service.live(), 1)
			require.Equal(t, map[string]int{"s1": replicas}, b.results)
			require.Equal(t, 1, b.service.sent())
			b.check()
			require.Empty(t, b.wrong)
		})
	}
}

// The service carries a booking out, or lists it, later than the grace period.
func TestFault73_BeyondTheGracePeriod(t *testing.T) {
	for _, late := range []int{5, 9} {
		synctest.Test(t, func(t *testing.T) {
			b := newBookingRun(t, &bookingSchedule{
				replicas: 2, offset: 320 * time.Second, again: 6 * time.Minute, outcomes: [2]int{late, 0},
			}, &bookingRow{})
			b.play()
			require.Equal(t, 2, b.check(), "the next call reports both")
			require.Empty(t, b.wrong)
		})
	}
}

func TestFault73_ARefusalLeavesNothingBehind(t *testing.T) {
	for _, refused := range []int{10, 11} {
		synctest.Test(t, func(t *testing.T) {
			b := newBookingRun(t, &bookingSchedule{outcomes: [2]int{refused, 0}}, &bookingRow{})
			r, c := b.start()
			defer r.cancel()
			_, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
			require.Error(t, err)
			require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
			require.Zero(t, b.booking.state())
			began := time.Now()
			_, err = c.Sessions.CreateOnce(t.Context(), key, appointment())
			require.NoError(t, err)
			require.Less(t, time.Since(began), time.Second, "the next call books at once")
		})
	}
}

// While one process books, the others wait, each no longer than its context.
func TestFault72_AWaitingCallEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBookingRun(t, &bookingSchedule{outcomes: [2]int{2, 0}}, &bookingRow{})
		var first sync.WaitGroup
		first.Go(func() {
			r, c := b.start()
			defer r.cancel()
			_, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
			assert.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		})
		<-time.After(time.Second)
		r, c := b.start()
		defer r.cancel()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Sessions.CreateOnce(ctx, key, appointment())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown, "nothing was sent")
		require.Equal(t, 2*time.Second, time.Since(began))
		first.Wait()
	})
}
