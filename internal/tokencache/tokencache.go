// Package tokencache caches one token, or any other value that expires, for many
// concurrent callers.
//
// While the value is valid, Get costs an atomic load and a look at the clock.
// From a random point in the third quarter of its lifetime on, a call starts a
// refresh in the background and the value keeps serving. Without a valid value,
// callers share one refresh and wait for it, each no longer than its own context.
// The refresh runs in its own goroutine with its own limit, so no caller's
// cancellation affects the others. A failure is returned to those who waited and
// is then forgotten.
package tokencache

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// expiryMargin is how long before its end a value is no longer returned, so
	// that it does not expire on its way to the server. A short-lived value has a
	// margin of a tenth of its lifetime.
	expiryMargin = 30 * time.Second
	// retryPause is the time between two background refreshes when the first one
	// fails.
	retryPause = time.Second
	// grace is how long callers keep waiting after the limit, in case Fetch reacts
	// slowly to cancellation.
	grace = time.Second
	never = time.Duration(math.MaxInt64)
)

var (
	errStuck = errors.New("refresh does not end")
	errPanic = errors.New("panic during the refresh")
)

// Config says where values come from.
type Config[T any] struct {
	// Fetch gets a new value and its lifetime, zero for unlimited. last is the
	// value before, valid or not, or nil. Only one Fetch runs at a time.
	Fetch func(ctx context.Context, last *T) (*T, time.Duration, error)
	// Fatal is asked about a failure within expiryMargin of the old value's end. If
	// it reports true, the failure is returned, and else the old value. A nil Fatal
	// reports false.
	Fatal func(error) bool
	// Background refreshes the value in the background before it expires.
	Background bool
	// Limit bounds one Fetch.
	Limit time.Duration
	// Clock replaces the monotonic clock in tests.
	Clock func() time.Duration
}

// Cache holds the value. Make it with New.
type Cache[T any] struct {
	config  Config[T]
	start   time.Time
	current atomic.Pointer[entry[T]]

	mu      sync.Mutex
	refresh *refresh[T] // the one that is running, or nil
}

// entry is one value. A failed refresh moves refreshAt and validUntil.
type entry[T any] struct {
	value                 *T
	refreshAt, validUntil atomic.Int64
	expiry                time.Duration
	invalidated           atomic.Bool
}

// refresh is one Fetch and its result.
type refresh[T any] struct {
	done, overdue chan struct{}
	value         *T
	err           error
}

// New makes a Cache. It may start with a value and what is left of its lifetime:
// zero is unlimited. A negative one has expired, and is only passed to Fetch.
func New[T any](config Config[T], first *T, lifetime time.Duration) *Cache[T] {
	c := &Cache[T]{config: config, start: time.Now()}
	if first != nil {
		c.current.Store(c.newEntry(first, lifetime))
	}
	return c
}

// Get returns a valid value. It waits for a refresh if there is none.
func (c *Cache[T]) Get(ctx context.Context) (*T, error) {
	now := c.now()
	if e := c.current.Load(); e.valid(now) {
		if at := e.refreshAt.Load(); int64(now) >= at && e.refreshAt.CompareAndSwap(at, int64(now+retryPause)) {
			c.joinRefresh(e)
		}
		return e.value, nil
	}
	r := c.joinRefresh(nil)
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.overdue:
		return nil, errStuck
	}
}

// Valid reports whether Get would return without waiting.
func (c *Cache[T]) Valid() bool { return c.current.Load().valid(c.now()) }

// Invalidate stops Get from returning v, which it returned before. It does nothing
// if another value has replaced v.
func (c *Cache[T]) Invalidate(v *T) {
	if e := c.current.Load(); e.value == v {
		e.invalidated.Store(true)
	}
}

// Restore undoes Invalidate. It does nothing if another value has replaced v.
func (c *Cache[T]) Restore(v *T) {
	if e := c.current.Load(); e.value == v {
		e.invalidated.Store(false)
	}
}

// Replaced reports whether another value has replaced v.
func (c *Cache[T]) Replaced(v *T) bool { return c.current.Load().value != v }

func (c *Cache[T]) now() time.Duration {
	if c.config.Clock != nil {
		return c.config.Clock()
	}
	return time.Since(c.start)
}

func (e *entry[T]) valid(now time.Duration) bool {
	return e != nil && int64(now) < e.validUntil.Load() && !e.invalidated.Load()
}

func (c *Cache[T]) newEntry(v *T, lifetime time.Duration) *entry[T] {
	now := c.now()
	e := &entry[T]{value: v, expiry: never}
	e.validUntil.Store(int64(never))
	e.refreshAt.Store(int64(never))
	if lifetime != 0 {
		e.expiry = now + lifetime
		e.validUntil.Store(int64(e.expiry - min(expiryMargin, lifetime/10)))
		if c.config.Background && lifetime > 0 {
			// Random, so that processes that share a token don't refresh together.
			e.refreshAt.Store(int64(now + lifetime/2 + rand.N(lifetime/4+1)))
		}
	}
	return e
}

// joinRefresh returns the refresh that is running, or starts one to replace old.
// If old was replaced meanwhile, it returns a refresh that is done.
func (c *Cache[T]) joinRefresh(old *entry[T]) *refresh[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refresh != nil {
		return c.refresh
	}
	r := &refresh[T]{done: make(chan struct{}), overdue: make(chan struct{})}
	current := c.current.Load()
	if current != old && current.valid(c.now()) {
		r.value = current.value
		close(r.done)
		return r
	}
	c.refresh = r
	go c.run(r, current)
	return r
}

// run has a context of its own, without the values of any caller's context: a
// trace among them would report this request as the caller's.
func (c *Cache[T]) run(r *refresh[T], old *entry[T]) {
	ctx, cancel := context.WithTimeout(context.Background(), c.config.Limit)
	defer cancel()
	watchdog := time.AfterFunc(c.config.Limit+grace, func() { close(r.overdue) })
	defer watchdog.Stop()
	// Whatever ends this goroutine, the callers that wait must be told.
	var next *entry[T]
	err := errPanic
	defer func() { c.finish(r, next, err) }()
	next, err = c.fetch(ctx, old)
}

func (c *Cache[T]) fetch(ctx context.Context, old *entry[T]) (next *entry[T], err error) {
	defer func() {
		if recover() != nil {
			next, err = nil, errPanic
		}
	}()
	var last *T
	if old != nil {
		last = old.value
	}
	v, lifetime, err := c.config.Fetch(ctx, last)
	if err != nil {
		return nil, err
	}
	return c.newEntry(v, lifetime), nil
}

func (c *Cache[T]) finish(r *refresh[T], next *entry[T], err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.current.Store(next)
		r.value = next.value
	} else if old := c.current.Load(); c.mayServe(old, err) {
		// Within the margin, calls must not each wait for the next failure.
		old.refreshAt.Store(int64(c.now() + retryPause))
		old.validUntil.Store(max(old.validUntil.Load(), int64(min(c.now()+retryPause, old.expiry))))
		r.value = old.value
	} else {
		r.err = err
	}
	c.refresh = nil
	close(r.done)
}

// mayServe reports whether old can still be used after a failed refresh. That is
// what the margin before its end is for.
func (c *Cache[T]) mayServe(old *entry[T], err error) bool {
	return old != nil && !old.invalidated.Load() && c.now() < old.expiry &&
		(c.config.Fatal == nil || !c.config.Fatal(err))
}
