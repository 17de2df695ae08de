package replicatest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

func TestFault74_LeaseLost(t *testing.T) {
	t.Run("before the request", func(t *testing.T) {
		for _, moment := range []step{afterTake, beforeBegin, afterBegin, beforeRequest} {
			synctest.Test(t, func(t *testing.T) {
				b := newBookingRun(t, &bookingSchedule{replicas: 1, faults: [2]fault{{moment, 1, stalls}}}, &bookingRow{})
				r, c := b.start()
				defer r.cancel()
				_, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
				require.Error(t, err)
				require.Zero(t, b.service.sent(), "%v", moment)
				b.check()
				require.Empty(t, b.wrong)
			})
		}
	})
	t.Run("while the outcome is unknown", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			lost := fault{duringRenewal, 1, fails}
			b := newBookingRun(t, &bookingSchedule{outcomes: [2]int{3, 0}, faults: [2]fault{lost}}, &bookingRow{})
			r, c := b.start()
			defer r.cancel()
			began := time.Now()
			_, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
			require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
			require.ErrorContains(t, err, "gave the key to another process")
			require.Equal(t, leaseTime, time.Since(began).Round(time.Second))
			b.check()
			require.Empty(t, b.wrong, "whoever comes next settles it")
			require.Equal(t, 1, b.service.sent())
		})
	})
}

// lostBefore is a ledger that loses its hold before the caller's deadline. The
// process sees both at once.
type lostBefore struct{}

func (lostBefore) Hold(ctx context.Context, _ string, f func(context.Context, *coviu.Booking) error) error {
	held, lose := context.WithCancel(ctx)
	lose()
	<-ctx.Done()
	return f(held, &coviu.Booking{})
}

func TestFault74_LeaseLostJustBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bookingClient(t, lostBefore{}, transportFunc(func(r *http.Request) (*http.Response, error) {
			return nil, r.Context().Err()
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Sessions.CreateOnce(ctx, key, appointment())
		require.ErrorContains(t, err, "gave the key to another process", "nobody has canceled the call")
	})
}
