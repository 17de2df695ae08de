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
	// Unsent says that the request provably reached nobody.
	Unsent bool
	// Lasting says that the same would happen again.
	Lasting bool
	// Cut says that the reply ended before it was complete.
	Cut bool
}

// Verdict is what to do about an Outcome.
type Verdict int

// The verdicts.
const (
	// End reports the failure: it is certain, or trying again can't help.
	End Verdict = iota
	// Again sends the request once more, if the policy still allows it.
	Again
	// Unknown reports that the request may have been carried out.
	Unknown
)

// Decide is the one place where that is decided:
//
//	                                         GET PUT DELETE   POST
//	sent to nobody, may pass                 Again            Again
//	sent to nobody, will last                End              End
//	429                                      Again            Again
//	408, 500, 502, 503, 504                  Again            Unknown
//	sent, and no reply or a cut one          Again            Unknown
//	another 4xx                              End              End
//	another 5xx, a redirect, unreadable 2xx  End              Unknown
//
// A POST has no key by which the service could tell a repetition, so one that
// may have been carried out is never sent again.
func Decide(o Outcome) Verdict {
	post := o.Method == http.MethodPost
	switch {
	case o.Unsent && o.Lasting:
		return End
	case o.Unsent, o.Status == http.StatusTooManyRequests:
		return Again
	case o.Status/100 == 4 && o.Status != http.StatusRequestTimeout:
		return End
	case post:
		return Unknown
	case o.Status == 0, transient(o.Status):
		return againUnless(o.Lasting)
	case o.Cut:
		return Again
	}
	return End
}

// MayHaveHappened says whether a request that ended so may have been carried
// out.
func MayHaveHappened(o Outcome) bool {
	return !o.Unsent && (o.Status == 0 || o.Status/100 == 2 || o.Status/100 == 5 || o.Status == http.StatusRequestTimeout)
}

func againUnless(lasting bool) Verdict {
	if lasting {
		return End
	}
	return Again
}

func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// MaxWait is the longest that a Retry-After is waited for.
const MaxWait = 60 * time.Second

// throttledFactor stretches the first delay after a 429: the service asked for
// less, not for another try at once.
const throttledFactor = 10

// Policy is how often and how fast.
type Policy struct {
	MaxAttempts         int
	BaseDelay, MaxDelay time.Duration
}

// Delay is how long to wait before retry number n, counted from one: anything
// up to a ceiling that doubles each time, so that clients that failed together
// do not come back together, and never less than floor.
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

const (
	budgetSize    = 500
	transientCost = 14
	throttledCost = 5
	freshRefund   = 1
)

// Budget keeps the retries of many calls together from multiplying an outage.
// The zero Budget is full.
type Budget struct {
	spent atomic.Int64
}

// Spend takes the cost of one retry and returns it, or reports that there is
// not enough left.
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

// Refund is for a call that succeeded: it gives back what its last retry cost,
// or a little if it needed none.
func (b *Budget) Refund(cost int64) {
	for {
		spent := b.spent.Load()
		if spent == 0 || b.spent.CompareAndSwap(spent, spent-min(spent, max(cost, freshRefund))) {
			return
		}
	}
}
