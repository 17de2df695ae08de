// Package ahead works ahead of a consumer, by a bounded number of items. When
// the consumer stops, what is under way is canceled and waited for: nothing is
// started afterwards, and no goroutine is left.
package ahead

import (
	"context"
	"iter"
	"sync"
)

type result[T any] struct {
	value T
	err   error
}

// SideBySide yields get(ctx, 0), get(ctx, 1) and so on, in that order. While
// the consumer has one, up to n further ones are under way at the same time.
// After an error it yields nothing more.
func SideBySide[T any](ctx context.Context, n int, get func(context.Context, int) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		var window []chan result[T]
		for next := 0; ; {
			for ; len(window) <= n; next++ {
				slot := make(chan result[T], 1)
				window = append(window, slot)
				i := next
				running.Go(func() {
					v, err := get(ctx, i)
					slot <- result[T]{v, err}
				})
			}
			r := <-window[0]
			window = window[1:]
			if !yield(r.value, r.err) || r.err != nil {
				return
			}
		}
	}
}

// InTurn yields what items(ctx) does, up to n items ahead of the consumer. If
// ctx ends before items does, its error is the last thing yielded.
func InTurn[T any](ctx context.Context, n int, items func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		// One item waits in the producer's hand.
		ready := make(chan result[T], n-1)
		complete := false
		running.Go(func() {
			defer close(ready)
			for v, err := range items(ctx) {
				select {
				case ready <- result[T]{v, err}:
				case <-ctx.Done():
					return
				}
			}
			complete = true
		})
		for r := range ready {
			if !yield(r.value, r.err) {
				return
			}
		}
		if !complete {
			var none T
			yield(none, ctx.Err())
		}
	}
}
