// Package prefetch gets values ahead of their consumer, several at the same time.
package prefetch

import (
	"context"
	"runtime"
)

// Queue gets values by key, and guesses which keys come next. It is used by one
// goroutine, the consumer's.
type Queue[K comparable, V any] struct {
	get  func(context.Context, K) (V, error)
	next func(K) K
	// pending are the gets under way, in the order of their keys.
	pending []pending[K, V]
}

type pending[K comparable, V any] struct {
	key    K
	cancel context.CancelFunc
	done   chan result[V]
}

type result[V any] struct {
	value    V
	err      error
	returned bool
	panicked any
}

// New makes a Queue of what get returns. After the value of key, the consumer is
// expected to ask for that of next(key).
func New[K comparable, V any](get func(context.Context, K) (V, error), next func(K) K) *Queue[K, V] {
	return &Queue[K, V]{get: get, next: next}
}

// Take returns get(ctx, key). Up to ahead further gets, for the keys expected
// next, are under way when it returns. If key is not the one that was expected,
// those under way are dropped and nothing is guessed this time.
//
// A panic in get, or its runtime.Goexit, continues on the consumer's goroutine.
func (q *Queue[K, V]) Take(ctx context.Context, key K, ahead int) (V, error) {
	if len(q.pending) > 0 && q.pending[0].key != key {
		q.Drop()
		ahead = 0
	}
	if len(q.pending) == 0 && ahead == 0 {
		return q.get(ctx, key)
	}
	if len(q.pending) == 0 {
		q.start(ctx, key)
	}
	for len(q.pending) <= ahead {
		q.start(ctx, q.next(q.pending[len(q.pending)-1].key))
	}
	first := q.pending[0]
	r := <-first.done
	q.pending = q.pending[1:]
	first.cancel()
	switch {
	case r.panicked != nil:
		panic(r.panicked) //nolint:forbidigo // a panic of get, on the goroutine that can recover it
	case !r.returned:
		runtime.Goexit()
	}
	return r.value, r.err
}

func (q *Queue[K, V]) start(ctx context.Context, key K) {
	ctx, cancel := context.WithCancel(ctx) //nolint:gosec // Take or Drop calls cancel
	done := make(chan result[V], 1)
	q.pending = append(q.pending, pending[K, V]{key, cancel, done})
	go func() {
		var r result[V]
		defer func() {
			r.panicked = recover()
			done <- r
		}()
		r.value, r.err = q.get(ctx, key)
		r.returned = true
	}()
}

// Drop cancels the gets under way and waits for them. Their values, errors and
// panics are lost: without a guess they would not have been made.
func (q *Queue[K, V]) Drop() {
	for _, p := range q.pending {
		p.cancel()
	}
	for _, p := range q.pending {
		<-p.done
	}
	q.pending = nil
}
