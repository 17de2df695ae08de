package replicatest_test

import (
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
