package expirymap_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/expirymap"
)

func TestAKeyIsKeptUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m expirymap.Map
		require.Zero(t, m.Left("a"))
		m.Set("a", time.Now().Add(30*time.Second))
		m.Set("b", time.Now().Add(time.Second))
		<-time.After(10 * time.Second)
		require.Equal(t, 20*time.Second, m.Left("a"))
		require.Zero(t, m.Left("b"))
		m.Set("a", time.Now().Add(time.Second))
		require.Equal(t, time.Second, m.Left("a"), "the last time counts")
	})
}

func TestExpiredKeysTakeNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m expirymap.Map
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range 50_000 {
			m.Set(fmt.Sprintf("key %d", i), time.Now().Add(time.Second))
			if i%100 == 0 {
				<-time.After(time.Second)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		require.Less(t, after.HeapAlloc, before.HeapAlloc+256<<10)
		require.NotZero(t, m.Left("key 49999"))
	})
}

func TestManyKeysAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m expirymap.Map
		for i := range 1000 {
			m.Set(fmt.Sprint(i), time.Now().Add(time.Minute))
		}
		for i := range 1000 {
			require.Equal(t, time.Minute, m.Left(fmt.Sprint(i)))
		}
	})
}
