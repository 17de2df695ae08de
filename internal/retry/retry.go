// Package retry decides whether a request is sent again, and when.
package retry

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// Outcome is what is known after one attempt that did not succeed.
type Outcome struct {
	Method string
	// Status is that of the reply, zero if none came.
	Status int
	// NotSent says that the request was provably not carried out.
	NotSent bool
	// Permanent says that the same request would fail again.
	Permanent bool
	// Truncated says that the reply ended before it was complete.
	Truncated bool
}

// Verdict is what to do about an Outcome.
type Verdict int

// The verdicts.
const (
	// Fail reports the failure: it is definite, or another attempt can't help.
	Fail Verdict = iota
	// Retry sends the request once more, if the policy still allows it.
	Retry
	// Ambiguous reports that the request may have been carried out.
	Ambiguous
)

// Decide returns what to do after an attempt that ended with o. Two cases are handled
// before it is asked: a 401, and a request that the server refused unread, which is
// repeated at once.
//
//	                                         GET PUT DELETE   POST
//	not sent, temporary                      Retry            Retry
//	not sent, permanent                      Fail             Fail
//	429                                      Retry            Retry
//	408, 500, 502, 503, 504                  Retry            Ambiguous
//	sent, and no reply or a truncated one    Retry            Ambiguous
//	another 4xx                              Fail             Fail
//	another 5xx, a redirect, unreadable 2xx  Fail             Ambiguous
//
// The service cannot recognize a repeated POST. So one that may have been
// carried out is never sent again.
func Decide(o Outcome) Verdict {
	post := o.Method == http.MethodPost
	switch {
	case o.NotSent && o.Permanent:
		return Fail
	case o.NotSent, o.Status == http.StatusTooManyRequests:
		return Retry
	case o.Status/100 == 4 && o.Status != http.StatusRequestTimeout:
		return Fail
	case post:
		return Ambiguous
	case o.Status == 0, transient(o.Status):
		return retryUnless(o.Permanent)
	case o.Truncated:
		return Retry
	}
	return Fail
}

// MayHaveTakenEffect reports whether a request that ended so may have been
// carried out.
func MayHaveTakenEffect(o Outcome) bool {
	return !o.NotSent && (o.Status == 0 || o.Status/100 == 2 || o.Status/100 == 5 || o.Status == http.StatusRequestTimeout)
}

func retryUnless(permanent bool) Verdict {
	if permanent {
		return Fail
	}
	return Retry
}

func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// MaxWait is the longest Retry-After that a call waits for.
const MaxWait = 60 * time.Second

// MaxRepeats is how often a request that the server provably did not process is
// sent again, besides the retries of the policy.
const MaxRepeats = 5

// throttledFactor lengthens the delays after a 429, with which the service asks
// for fewer requests.
const throttledFactor = 10

// Policy says how often and how fast a request is sent again.
type Policy struct {
	MaxAttempts         int
	BaseDelay, MaxDelay time.Duration
}

// Delay returns how long to wait before retry number n, counted from one: a random
// time below a ceiling that doubles with each retry, and at least floor. The
// randomness keeps clients that failed together from returning together.
func (p Policy) Delay(n int, throttled bool, floor time.Duration) time.Duration {
	ceiling := p.BaseDelay
	if throttled {
		ceiling *= throttledFactor
	}
	for ; n > 1 && ceiling < p.MaxDelay; n-- {
		ceiling *= 2
	}
	ceiling = min(ceiling, p.MaxDelay)
	return max(floor, rand.N(ceiling+1))
}

// In points of a Budget. freshRefund is for a call that needed no retry.
const (
	budgetSize    = 500
	transientCost = 14
	throttledCost = 5
	freshRefund   = 1
)

// Budget limits the retries of all calls together, so that they don't multiply
// the load during an outage. The zero Budget is full.
type Budget struct {
	spent atomic.Int64
}

// Spend takes the cost of one retry and returns it. It reports false if too
// little is left.
func (b *Budget) Spend(throttled bool) (cost int64, ok bool) {
	cost = transientCost
	if throttled {
		cost = throttledCost
	}
	if b.spent.Add(cost) > budgetSize {
		b.spent.Add(-cost)
		return 0, false
	}
	return cost, true
}

// Refund returns the cost of a call's last retry after the call succeeded, or a
// small amount if it needed no retry.
func (b *Budget) Refund(cost int64) {
	for {
		spent := b.spent.Load()
		if spent == 0 || b.spent.CompareAndSwap(spent, spent-min(spent, max(cost, freshRefund))) {
			return
		}
	}
}
