package retry_test

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/retry"
)

func TestTheDecisionForEveryOutcome(t *testing.T) {
	const (
		end     = retry.Fail
		again   = retry.Retry
		unknown = retry.Ambiguous
	)
	statuses := func(codes ...int) []retry.Outcome {
		var all []retry.Outcome
		for _, code := range codes {
			all = append(all, retry.Outcome{Status: code})
		}
		return all
	}
	others4xx := func() []retry.Outcome {
		var codes []int
		for code := 400; code < 500; code++ {
			if code != 408 && code != 429 {
				codes = append(codes, code)
			}
		}
		return statuses(codes...)
	}
	rows := []struct {
		name         string
		outcomes     []retry.Outcome
		repeat, post retry.Verdict
	}{
		{"sent to nobody, may pass", []retry.Outcome{{NotSent: true}}, again, again},
		{"sent to nobody, will last", []retry.Outcome{{NotSent: true, Permanent: true}}, end, end},
		{"429", statuses(429), again, again},
		{"transient", statuses(408, 500, 502, 503, 504), again, unknown},
		{"no reply", []retry.Outcome{{}}, again, unknown},
		{"no reply, will last", []retry.Outcome{{Permanent: true}}, end, unknown},
		{"a cut reply", []retry.Outcome{{Status: 200, Truncated: true}, {Status: 201, Truncated: true}}, again, unknown},
		{"a refusal", others4xx(), end, end},
		{"another 5xx", statuses(501, 505, 507, 511, 599), end, unknown},
		{"a redirect", statuses(300, 301, 302, 303, 304, 307, 308), end, unknown},
		{"unreadable", statuses(200, 201, 204, 206), end, unknown},
	}
	for _, row := range rows {
		for _, o := range row.outcomes {
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				o.Method = method
				require.Equal(t, row.repeat, retry.Decide(o), "%s: %+v", row.name, o)
			}
			o.Method = http.MethodPost
			require.Equal(t, row.post, retry.Decide(o), "%s: %+v", row.name, o)
		}
	}
}

func TestWhatMayHaveTakenEffect(t *testing.T) {
	for _, o := range []retry.Outcome{{}, {Permanent: true}, {Status: 200}, {Status: 200, Truncated: true}, {Status: 408}, {Status: 500}, {Status: 503}} {
		require.True(t, retry.MayHaveTakenEffect(o), "%+v", o)
	}
	for _, o := range []retry.Outcome{{NotSent: true}, {Status: 307}, {Status: 400}, {Status: 401}, {Status: 404}, {Status: 429}} {
		require.False(t, retry.MayHaveTakenEffect(o), "%+v", o)
	}
}

func TestAnOutcomeThatIsUnknownMayHaveTakenEffect(t *testing.T) {
	for status := range 600 {
		for _, o := range []retry.Outcome{{Status: status}, {Status: status, Truncated: true}, {Status: status, Permanent: true}} {
			o.Method = http.MethodPost
			if status/100 == 3 {
				continue // a redirect was answered, though by whom is not known
			}
			if retry.MayHaveTakenEffect(o) {
				require.Equal(t, retry.Ambiguous, retry.Decide(o), "%+v", o)
			}
		}
	}
}

func TestDelaysDoubleUpToTheirBound(t *testing.T) {
	policy := retry.Policy{BaseDelay: 100 * time.Millisecond, MaxDelay: 20 * time.Second}
	rows := []struct {
		n         int
		throttled bool
		ceiling   time.Duration
	}{
		{1, false, 100 * time.Millisecond},
		{2, false, 200 * time.Millisecond},
		{3, false, 400 * time.Millisecond},
		{8, false, 12800 * time.Millisecond},
		{9, false, 20 * time.Second},
		{1000, false, 20 * time.Second},
		{1, true, time.Second},
		{2, true, 2 * time.Second},
		{6, true, 20 * time.Second},
	}
	for _, row := range rows {
		var delays []time.Duration
		for range 200 {
			delays = append(delays, policy.Delay(row.n, row.throttled, 0))
		}
		require.GreaterOrEqual(t, slices.Min(delays), time.Duration(0))
		require.LessOrEqual(t, slices.Max(delays), row.ceiling)
		// All of the range is used: 200 draws miss a half of it in one of 2^199 runs.
		require.Less(t, slices.Min(delays), row.ceiling/2)
		require.Greater(t, slices.Max(delays), row.ceiling/2)
	}
}

// Every delay from zero to the ceiling happens, and none beyond.
func TestDelaysReachTheirBounds(t *testing.T) {
	policy := retry.Policy{BaseDelay: 3, MaxDelay: time.Second}
	for throttled, ceiling := range map[bool]int{false: 3, true: 30} {
		seen := map[time.Duration]bool{}
		for range 10_000 {
			seen[policy.Delay(1, throttled, 0)] = true
		}
		require.Len(t, seen, ceiling+1)
		require.True(t, seen[0] && seen[time.Duration(ceiling)])
	}
}

func TestADelayIsNeverBelowItsFloor(t *testing.T) {
	policy := retry.Policy{BaseDelay: time.Second, MaxDelay: time.Second}
	for range 100 {
		require.Equal(t, time.Minute, policy.Delay(1, false, time.Minute))
		require.GreaterOrEqual(t, policy.Delay(1, false, 500*time.Millisecond), 500*time.Millisecond)
	}
}

func TestTheBaseDelayIsBoundedToo(t *testing.T) {
	policy := retry.Policy{BaseDelay: time.Hour, MaxDelay: time.Second}
	for range 100 {
		require.LessOrEqual(t, policy.Delay(1, true, 0), time.Second)
	}
}

func spendAll(b *retry.Budget, throttled bool) (n int) {
	for ; ; n++ {
		if _, ok := b.Spend(throttled); !ok {
			return n
		}
	}
}

func TestABudgetRunsOut(t *testing.T) {
	require.Equal(t, 35, spendAll(new(retry.Budget), false))
	require.Equal(t, 100, spendAll(new(retry.Budget), true))
}

func TestACallThatSucceedsGivesBackWhatItsRetryCost(t *testing.T) {
	var b retry.Budget
	spendAll(&b, false)
	cost, ok := b.Spend(true)
	require.True(t, ok)
	b.Refund(cost)
	b.Refund(14)
	cost, ok = b.Spend(false)
	require.True(t, ok)
	require.EqualValues(t, 14, cost)
	_, ok = b.Spend(false)
	require.False(t, ok)
}

func TestCallsWithoutRetriesFillTheBudgetSlowly(t *testing.T) {
	var b retry.Budget
	for range 100 {
		_, ok := b.Spend(true)
		require.True(t, ok)
	}
	for range 4 {
		b.Refund(0)
		_, ok := b.Spend(true)
		require.False(t, ok)
	}
	b.Refund(0)
	_, ok := b.Spend(true)
	require.True(t, ok)
}

func TestABudgetNeverHoldsMoreThanItStartedWith(t *testing.T) {
	var b retry.Budget
	for range 1000 {
		b.Refund(14)
	}
	require.Equal(t, 35, spendAll(&b, false))
	b.Refund(1 << 40)
	require.Equal(t, 35, spendAll(&b, false))
}

func TestABudgetIsNotOverspentByManyAtOnce(t *testing.T) {
	var b retry.Budget
	var granted atomic.Int64
	var spending sync.WaitGroup
	for range 50 {
		spending.Go(func() {
			for range 100 {
				if _, ok := b.Spend(false); ok {
					granted.Add(1)
				}
			}
		})
	}
	spending.Wait()
	require.LessOrEqual(t, granted.Load(), int64(35))
	require.Positive(t, granted.Load())
}

func BenchmarkSpendAndRefund(b *testing.B) {
	var budget retry.Budget
	b.ReportAllocs()
	for b.Loop() {
		cost, _ := budget.Spend(false)
		budget.Refund(cost)
	}
}
