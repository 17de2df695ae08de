// Package lease holds one value that expires, for many callers at once.
//
// The contract: while the value is good, Get costs an atomic load and a look at
// the clock. From half of its lifetime on, one refresh runs in the background
// and the value goes on serving. Without a good value, callers wait for one
// refresh that all of them share, each no longer than its own context. The
// refresh runs in a goroutine with a limit of its own, so no caller's
// cancellation reaches the others. A failure is told to those who waited for it
// and then forgotten.
package lease

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stopMargin is how long before its end a value is no longer handed out, so
	// that it does not expire on its way; a short-lived one gives up a tenth.
	stopMargin = 30 * time.Second
	// pause keeps a failing background refresh from being repeated by every
	// call that comes by.
	pause = 10 * time.Second
	// grace is what a refresh may overrun its limit by, for a Fetch or Accept
	// that is slow to notice its context, before those who wait are let go.
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
	// newest value that there ever was, used or not, or nil.
	Fetch func(ctx context.Context, last *T) (*T, time.Duration, error)
	// Accept, unless nil, sees each fetched value before its first use. A value
	// that it refused is kept and offered to it again.
	Accept func(ctx context.Context, v *T) error
	// Fatal tells the failures that the old value does not cover for: after one,
	// it is not handed out in the margin before its end. Nil means none.
	Fatal func(error) bool
	// Early refreshes in the background from half of the lifetime on.
	Early bool
	// Limit bounds one refresh, Fetch and Accept together.
	Limit time.Duration
	// Clock replaces the monotonic clock.
	Clock func() time.Duration
}

// Holder holds the value. It must be made by New.
type Holder[T any] struct {
	config  Config[T]
	start   time.Time
	current atomic.Pointer[held[T]]

	mu     sync.Mutex
	flight *flight[T]
	newest *held[T]
}

type held[T any] struct {
	value *T
	// refreshAt and stop are put off when a refresh fails.
	refreshAt, stop atomic.Int64
	end             time.Duration
	revoked         atomic.Bool
	unaccepted      bool
}

type flight[T any] struct {
	done, overdue chan struct{}
	value         *T
	err           error
}

// New makes a Holder. A first value may be given with what is left of its
// lifetime: zero is unlimited, a negative one has expired and only serves Fetch
// as its last.
func New[T any](config Config[T], first *T, lifetime time.Duration) *Holder[T] {
	h := &Holder[T]{config: config, start: time.Now()}
	if first != nil {
		h.newest = h.hold(first, lifetime)
		h.current.Store(h.newest)
	}
	return h
}

// Get returns a good value, waiting for one if need be.
func (h *Holder[T]) Get(ctx context.Context) (*T, error) {
	now := h.now()
	if c := h.current.Load(); c.good(now) {
		if at := c.refreshAt.Load(); int64(now) >= at && c.refreshAt.CompareAndSwap(at, int64(now+pause)) {
			h.join(c)
		}
		return c.value, nil
	}
	f := h.join(nil)
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.overdue:
		return nil, errStuck
	}
}

// Current returns the value last in use, good or not, or nil.
func (h *Holder[T]) Current() *T {
	if c := h.current.Load(); c != nil {
		return c.value
	}
	return nil
}

// Revoke takes v out of use. It does nothing if another value took its place.
func (h *Holder[T]) Revoke(v *T) {
	if c := h.current.Load(); c != nil && c.value == v {
		c.revoked.Store(true)
	}
}

// Restore takes a revocation of v back. It does nothing if another value took
// its place.
func (h *Holder[T]) Restore(v *T) {
	if c := h.current.Load(); c != nil && c.value == v {
		c.revoked.Store(false)
	}
}

// Now is the time on the holder's clock.
func (h *Holder[T]) Now() time.Duration { return h.now() }

func (h *Holder[T]) now() time.Duration {
	if h.config.Clock != nil {
		return h.config.Clock()
	}
	return time.Since(h.start)
}

func (c *held[T]) good(now time.Duration) bool {
	return c != nil && int64(now) < c.stop.Load() && !c.revoked.Load()
}

func (h *Holder[T]) hold(v *T, lifetime time.Duration) *held[T] {
	now := h.now()
	c := &held[T]{value: v, end: never}
	c.stop.Store(int64(never))
	c.refreshAt.Store(int64(never))
	if lifetime != 0 {
		c.end = now + lifetime
		c.stop.Store(int64(c.end - min(stopMargin, lifetime/10)))
		if h.config.Early {
			c.refreshAt.Store(int64(now + lifetime/2))
		}
	}
	return c
}

// join returns the refresh in flight, or starts one in place of replaces. Where
// another value has already taken that place, its flight is over.
func (h *Holder[T]) join(replaces *held[T]) *flight[T] {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flight != nil {
		return h.flight
	}
	f := &flight[T]{done: make(chan struct{}), overdue: make(chan struct{})}
	if c := h.current.Load(); c != replaces && c.good(h.now()) {
		f.value = c.value
		close(f.done)
		return f
	}
	h.flight = f
	go h.refresh(f)
	return f
}

// refresh has a context of its own. Not even the values of a caller's may come
// along: a trace in them would take this request for the caller's.
func (h *Holder[T]) refresh(f *flight[T]) {
	ctx, cancel := context.WithTimeout(context.Background(), h.config.Limit)
	defer cancel()
	watchdog := time.AfterFunc(h.config.Limit+grace, func() { close(f.overdue) })
	defer watchdog.Stop()

	// Whatever ends this goroutine, those who wait are told.
	var next *held[T]
	err := errPanic
	defer func() { h.land(f, next, err) }()
	next, err = h.obtain(ctx)
}

func (h *Holder[T]) land(f *flight[T], next *held[T], err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.current.Store(next)
		f.value = next.value
	} else if old := h.current.Load(); h.mayServeOn(old, err) {
		// Not every call in the margin is to wait for the next failure.
		old.refreshAt.Store(int64(h.now() + pause))
		old.stop.Store(max(old.stop.Load(), int64(min(h.now()+pause, old.end))))
		f.value = old.value
	} else {
		f.err = err
	}
	h.flight = nil
	close(f.done)
}

// mayServeOn says whether old can cover for a failed refresh: the margin before
// its end is there to be used when nothing better can be had.
func (h *Holder[T]) mayServeOn(old *held[T], err error) bool {
	return old != nil && !old.revoked.Load() && h.now() < old.end &&
		(h.config.Fatal == nil || !h.config.Fatal(err))
}

// obtain runs in one goroutine at a time, which makes newest its own.
func (h *Holder[T]) obtain(ctx context.Context) (next *held[T], err error) {
	defer func() {
		if recover() != nil {
			next, err = nil, errPanic
		}
	}()
	if h.newest == nil || !h.newest.unaccepted || !h.newest.good(h.now()) {
		var last *T
		if h.newest != nil {
			last = h.newest.value
		}
		v, lifetime, err := h.config.Fetch(ctx, last)
		if err != nil {
			return nil, err
		}
		h.newest = h.hold(v, lifetime)
		h.newest.unaccepted = h.config.Accept != nil
	}
	if h.newest.unaccepted {
		if err := h.config.Accept(ctx, h.newest.value); err != nil {
			return nil, err
		}
		h.newest.unaccepted = false
	}
	return h.newest, nil
}
