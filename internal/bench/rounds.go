package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// workload is an operation and how many goroutines share it.
type workload struct {
	name       string
	operation  string
	goroutines int
}

// batchTime is about how long the floor runs in each round. It is long compared
// with a garbage collection, and short compared with changes of the machine's
// load.
const batchTime = 30 * time.Millisecond

// minCalls keeps the cost of refilling pools small for each call of a batch.
const minCalls = 24

// cost is what one call took.
type cost struct {
	nanoseconds, allocations, bytes float64
}

// result holds one client's costs, one value for each round.
type result struct {
	client                          string
	nanoseconds, allocations, bytes []float64
}

// measure runs rounds. In each round every client makes the same number of
// calls; the order of the clients is random. The first client is the floor.
func measure(ctx context.Context, clients []client, w workload, rounds int) ([]result, error) {
	calls, err := calibrate(ctx, clients, w)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(clients))
	for i, c := range clients {
		results[i].client = c.name
	}
	for range rounds {
		for _, i := range rand.Perm(len(clients)) {
			spent, err := runBatch(ctx, clients[i].calls[w.operation], calls, w.goroutines)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", clients[i].name, w.name, err)
			}
			results[i].nanoseconds = append(results[i].nanoseconds, spent.nanoseconds)
			results[i].allocations = append(results[i].allocations, spent.allocations)
			results[i].bytes = append(results[i].bytes, spent.bytes)
		}
	}
	return results, nil
}

// calibrate fills every client's connections and pools. It returns how many
// calls the floor makes in batchTime.
func calibrate(ctx context.Context, clients []client, w workload) (int, error) {
	const trial = 4 * maxGoroutines
	calls := trial
	for i, c := range clients {
		spent, err := runBatch(ctx, c.calls[w.operation], trial, w.goroutines)
		if err != nil {
			return 0, fmt.Errorf("%s, %s: %w", c.name, w.name, err)
		}
		if i == 0 {
			calls = int(float64(batchTime.Nanoseconds()) / spent.nanoseconds)
		}
	}
	return max(calls, minCalls, 2*w.goroutines), nil
}

// runBatch makes calls and returns the cost of one. Allocations are those of
// the whole process.
func runBatch(ctx context.Context, do call, calls, goroutines int) (cost, error) {
	// Collect the garbage of the client before. That collection also empties
	// this client's pools, one for each processor, so fill them again.
	runtime.GC()
	processors := runtime.GOMAXPROCS(0)
	if err := shareOut(ctx, do, 2*processors, processors); err != nil {
		return cost{}, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := shareOut(ctx, do, calls, goroutines)
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	n := float64(calls)
	return cost{
		nanoseconds: float64(elapsed.Nanoseconds()) / n,
		allocations: float64(after.Mallocs-before.Mallocs) / n,
		bytes:       float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, err
}

// shareOut makes calls from several goroutines until all are made or one failed.
func shareOut(ctx context.Context, do call, calls, goroutines int) error {
	var (
		left    atomic.Int64
		group   sync.WaitGroup
		failure atomic.Pointer[error]
	)
	left.Store(int64(calls))
	for range goroutines {
		group.Go(func() {
			for left.Add(-1) >= 0 && failure.Load() == nil {
				if _, err := do(ctx); err != nil {
					failure.Store(&err)
				}
			}
		})
	}
	group.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return nil
}
