package processtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

const (
	shortLifetime = 2 * time.Second
	steadyTraffic = 3 * shortLifetime
	expiries      = 3
)

// fleets are the numbers of processes, and what the server does about a refresh
// token that is used twice.
func fleets(t *testing.T, test func(t *testing.T, processes int, opts ...coviutest.Option)) {
	t.Helper()
	for _, n := range []int{8, 16} {
		t.Run(fmt.Sprintf("%d processes", n), func(t *testing.T) { test(t, n, coviutest.WithTokenTTL(shortLifetime)) })
		t.Run(fmt.Sprintf("%d processes, reuse detection", n), func(t *testing.T) {
			test(t, n, coviutest.WithTokenTTL(shortLifetime), coviutest.WithReuseDetection())
		})
	}
}

func TestFault68_ProcessesRefreshOneTokenOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		fleets(t, func(t *testing.T, n int, opts ...coviutest.Option) {
			t.Parallel()
			d := newDatabase(t, d.kind())
			s := newService(t, opts...)
			require.NoError(t, d.ownStore(t, timing{}).SaveToken(t.Context(), "user", s.consent(t)))
			r := s.role(d, timing{})
			r.Stored = true
			processes := startMany(t, n, r)

			began := time.Now()
			calls := requireNoFailures(t, processes, order{Do: "list for a while", Timeout: steadyTraffic})
			lasted := time.Since(began)
			steady := s.refreshes().CarriedOut
			require.GreaterOrEqual(t, steady, int(lasted/shortLifetime)-1)
			require.LessOrEqual(t, steady, int(2*lasted/shortLifetime)+1, "a token is renewed in the second half of its lifetime")

			for range expiries {
				<-time.After(shortLifetime)
				before := s.refreshes().CarriedOut
				calls += requireNoFailures(t, processes, order{Do: "list", Timeout: time.Minute})
				require.Equal(t, before+1, s.refreshes().CarriedOut, "one refresh after all have waited for the token to expire")
			}
			require.Zero(t, s.refreshes().Refused)
			require.Equal(t, s.CountGrants("refresh_token"), s.refreshes().CarriedOut)
			t.Logf("%d calls, 0 failed; %d refreshes in %.0f s of traffic, %d after %d expiries; 0 refused",
				calls, steady, lasted.Seconds(), expiries, expiries)
		})
	})
}

// requireNoFailures gives all processes the order, and returns how many calls there were.
func requireNoFailures(t *testing.T, processes []*process, o order) (calls int) {
	t.Helper()
	results, err := doAll(processes, o)
	require.NoError(t, err)
	for _, r := range results {
		require.Empty(t, r.Text)
		require.Zero(t, r.Failed)
		calls += max(1, r.Calls)
	}
	return calls
}

func TestFault68_ProcessesWithTheirOwnCopiesAreLockedOut(t *testing.T) {
	t.Parallel()
	fleets(t, func(t *testing.T, n int, opts ...coviutest.Option) {
		t.Parallel()
		s := newService(t, opts...)
		r := s.role(newDatabase(t, "SQLite"), timing{})
		r.Token = s.consent(t)
		processes := startMany(t, n, r)
		var calls, failed, lockedOut int
		results, err := doAll(processes, order{Do: "list for a while", Timeout: steadyTraffic})
		require.NoError(t, err)
		for _, r := range results {
			calls, failed = calls+r.Calls, failed+r.Failed
			if slices.Contains(r.Errors, "reauthorize") {
				lockedOut++
			}
		}
		require.GreaterOrEqual(t, lockedOut, n-1)
		require.GreaterOrEqual(t, s.refreshes().Refused, n-1)
		require.Positive(t, failed)
		t.Logf("%d of %d processes locked out, %d of %d calls failed, %d refreshes refused",
			lockedOut, n, failed, calls, s.refreshes().Refused)
	})
}
