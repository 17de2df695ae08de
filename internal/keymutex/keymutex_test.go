package keymutex

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneAtATimeForEachKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locks Mutexes
		var holders [4]int
		began := time.Now()
		var working sync.WaitGroup
		for i := range 40 {
			working.Go(func() {
				key := i % len(holders)
				unlock, err := locks.Lock(t.Context(), strconv.Itoa(key))
				if err != nil {
					t.Error(err)
					return
				}
				// The race detector sees two holders of one key here.
				holders[key]++
				assert.Equal(t, 1, holders[key])
				<-time.After(time.Second)
				holders[key]--
				unlock()
			})
		}
		working.Wait()
		require.Equal(t, 10*time.Second, time.Since(began), "keys do not wait for each other")
		require.Empty(t, locks.inUse, "a key that nobody uses costs nothing")
	})
}

func TestWhoeverWaitsMayGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locks Mutexes
		unlock, err := locks.Lock(t.Context(), "key")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		none, err := locks.Lock(ctx, "key")
		require.Nil(t, none)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))

		unlock()
		again, err := locks.Lock(t.Context(), "key")
		require.NoError(t, err)
		again()
		require.Empty(t, locks.inUse)
	})
}

func BenchmarkLock(b *testing.B) {
	var locks Mutexes
	b.ReportAllocs()
	for b.Loop() {
		unlock, _ := locks.Lock(b.Context(), "key")
		unlock()
	}
}
