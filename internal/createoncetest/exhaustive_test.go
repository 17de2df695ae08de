//go:build exhaustive

package createoncetest_test

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestCreateOnce_AllSchedules(t *testing.T) {
	t.Parallel()
	total := newOnceTable()
	var mu sync.Mutex
	parts := runtime.GOMAXPROCS(0)
	t.Run("parts", func(t *testing.T) {
		for part := range parts {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					table, i := newOnceTable(), 0
					for s := range onceSchedules() {
						if i++; i%parts == part {
							table.add(t, s)
						}
					}
					mu.Lock()
					defer mu.Unlock()
					total.merge(table)
				})
			})
		}
	})
	t.Logf("%v", total)
	require.GreaterOrEqual(t, total.total(), 100_000)
	require.Zero(t, total.doubles["CreateOnce"][nothingLate])
	require.Zero(t, total.doubles["CreateOnce"][nothingLateForTwo])
	require.Positive(t, total.doubles["blind retry"][nothingLate])
	require.Positive(t, total.doubles["look, then post"][nothingLateForTwo])
	require.Greater(t, total.totalOf("look, then post"), total.totalOf("CreateOnce"))
}
