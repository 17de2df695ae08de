package processtest

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sameInstantKeys = 100

// bookTogether lets all processes book each key at the same instant, a few keys at
// a time.
func bookTogether(t *testing.T, processes []*process, check func([]result)) {
	t.Helper()
	keys := make(chan string)
	var working sync.WaitGroup
	for range 4 {
		working.Go(func() {
			for key := range keys {
				results, err := doAll(processes, order{Do: "book", Key: key, Timeout: time.Minute})
				if assert.NoError(t, err) {
					check(results)
				}
			}
		})
	}
	for i := range sameInstantKeys {
		keys <- "key-" + strconv.Itoa(i)
	}
	close(keys)
	working.Wait()
}

func TestFault72_ProcessesAtTheSameInstantBookOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newService(t)
		r := s.role(d, timing{})
		r.Ledger = true
		processes := startMany(t, 8, r)
		bookTogether(t, processes, func(results []result) {
			for _, got := range results {
				assert.Empty(t, got.Text)
				assert.Equal(t, results[0].Session, got.Session, "all callers get one session")
			}
		})
		require.Len(t, s.Sessions(), sameInstantKeys)
		require.Len(t, s.byKey(), sameInstantKeys)
		require.Equal(t, sameInstantKeys, s.Count(bookingRequest))
		t.Logf("%d keys, 8 processes: %d sessions, 0 doubled", sameInstantKeys, len(s.Sessions()))
	})
}

func TestFault72_WithoutALedgerProcessesBookTwice(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 4, 8} {
		t.Run(strconv.Itoa(n)+" processes", func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			processes := startMany(t, n, s.role(newDatabase(t, "SQLite"), timing{}))
			bookTogether(t, processes, func([]result) {})
			require.Positive(t, s.doubled())
			t.Logf("%d of %d keys doubled, %d sessions", s.doubled(), sameInstantKeys, len(s.Sessions()))
		})
	}
}
