// Package pacer spaces requests apart while a server is failing.
package pacer

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// minGap and maxGap bound the random time between two requests.
	minGap = 500 * time.Millisecond
	maxGap = time.Second
	// maxRetryAfter is the longest Retry-After that is obeyed.
	maxRetryAfter = 60 * time.Second
)

// Pacer lets requests pass freely until one fails. From then on they pass one by
// one, half a second to a second apart, until one succeeds. The zero Pacer is
// ready to use.
type Pacer struct {
	mu    sync.Mutex
	cause error // of the last failure, nil while requests pass freely
	next  time.Time
}

// Wait returns when the next request may be sent. If ctx would end before that,
// it returns the cause of the last failure at once.
func (p *Pacer) Wait(ctx context.Context) error {
	for {
		delay, cause := p.take()
		if delay <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < delay {
			return cause
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// Delay returns how long the next request has to wait, and for what failure. It
// returns zero and nil while requests pass freely.
func (p *Pacer) Delay() (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.next)), p.cause
}

// Failed records that a request failed because the server is in trouble. A
// retryAfter of up to a minute delays the next request. A longer one is ignored.
// Another request that fails meanwhile does not shorten that delay.
func (p *Pacer) Failed(cause error, retryAfter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delay := gap()
	if retryAfter <= maxRetryAfter {
		delay = max(delay, retryAfter)
	}
	if next := time.Now().Add(delay); p.cause == nil || next.After(p.next) {
		p.cause, p.next = cause, next
	}
}

// Succeeded lets requests pass freely again.
func (p *Pacer) Succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cause, p.next = nil, time.Time{}
}

// take reserves the next request, or returns how long that one has to wait.
func (p *Pacer) take() (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil {
		return 0, nil
	}
	if delay := time.Until(p.next); delay > 0 {
		return delay, p.cause
	}
	p.next = time.Now().Add(gap())
	return 0, nil
}

func gap() time.Duration { return minGap + rand.N(maxGap-minGap) }
