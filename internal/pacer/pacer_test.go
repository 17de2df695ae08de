package pacer_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/pacer"
)

var errDown = errors.New("down")

func TestRequestsPassFreelyUntilOneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer.Pacer
		began := time.Now()
		for range 100 {
			require.NoError(t, p.Wait(t.Context()))
		}
		delay, cause := p.Delay()
		require.Zero(t, delay)
		require.NoError(t, cause)
		require.Zero(t, time.Since(began))
	})
}

func TestAfterAFailureRequestsPassOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer.Pacer
		p.Failed(errDown, 0)
		last := time.Now()
		var waiting sync.WaitGroup
		var passed atomic.Int64
		for range 50 {
			waiting.Go(func() {
				if p.Wait(t.Context()) == nil {
					passed.Add(1)
				}
			})
		}
		for range 50 {
			before := passed.Load()
			for passed.Load() == before {
				<-time.After(time.Millisecond)
			}
			require.Equal(t, before+1, passed.Load())
			gap := time.Since(last)
			require.GreaterOrEqual(t, gap, 500*time.Millisecond)
			require.LessOrEqual(t, gap, 1010*time.Millisecond)
			last = time.Now()
		}
		waiting.Wait()
		require.EqualValues(t, 50, passed.Load())
		p.Succeeded()
		began := time.Now()
		for range 10 {
			require.NoError(t, p.Wait(t.Context()))
		}
		require.Zero(t, time.Since(began))
	})
}

func TestARetryAfterOfUpToAMinuteIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct{ retryAfter, least, most time.Duration }{
			{0, 500 * time.Millisecond, time.Second},
			{10 * time.Millisecond, 500 * time.Millisecond, time.Second},
			{7 * time.Second, 7 * time.Second, 7 * time.Second},
			{time.Minute, time.Minute, time.Minute},
			{time.Minute + 1, 500 * time.Millisecond, time.Second},
			{time.Hour, 500 * time.Millisecond, time.Second},
		} {
			var p pacer.Pacer
			p.Failed(errDown, row.retryAfter)
			delay, cause := p.Delay()
			require.ErrorIs(t, cause, errDown)
			began := time.Now()
			require.NoError(t, p.Wait(t.Context()))
			require.Equal(t, delay, time.Since(began))
			require.GreaterOrEqual(t, delay, row.least)
			require.LessOrEqual(t, delay, row.most)
		}
	})
}

func TestAnotherFailureDoesNotShortenARetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer.Pacer
		p.Failed(errDown, 30*time.Second)
		p.Failed(errors.New("another request failed"), 0)
		delay, cause := p.Delay()
		require.Equal(t, 30*time.Second, delay)
		require.ErrorIs(t, cause, errDown, "the failure that asked for the delay")
		p.Failed(errDown, time.Minute)
		delay, _ = p.Delay()
		require.Equal(t, time.Minute, delay)
	})
}

func TestAWaitThatTheContextCannotOutlastEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer.Pacer
		p.Failed(errDown, 10*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, p.Wait(ctx), errDown)
		require.Zero(t, time.Since(began))

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		require.ErrorIs(t, p.Wait(ctx), context.Canceled)
		require.Equal(t, time.Second, time.Since(began))
	})
}
