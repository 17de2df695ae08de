package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/tokencache"
)

// looksPerRound is the number of calls that tokenTables makes in each round.
const looksPerRound = 200_000

// tokenTables measures how long getting a valid token takes, compared with
// reading the clock in the same round. No cache can do without the latter.
func tokenTables(ctx context.Context, chosen settings) ([]*table, error) {
	server := newFixtureServer(serverConfig{})
	defer server.Close()
	c, err := newOursClient(server.baseURL())
	if err != nil {
		return nil, err
	}
	if _, err := c.Token(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	held := tokencache.New(tokencache.Config[string]{}, new(accessToken), time.Hour)
	looks := []func(){
		func() { _ = time.Since(start) },
		func() { _, _ = held.Get(ctx) },
		func() { _, _ = c.Token(ctx) },
	}
	t := &table{
		title:  "A valid token, as a ratio to time.Since: median (quartiles)",
		header: []string{"goroutines", "time.Since", "what each call does", "allocations", "Client.Token", "allocations"},
		notes:  []string{"Client.Token returns a copy, which a call does not make."},
	}
	for _, goroutines := range []int{1, maxGoroutines, 1024} {
		costs := timeLooks(looks, goroutines, chosen.rounds)
		clock, call, token := costs[0], costs[1], costs[2]
		t.add(fmt.Sprint(goroutines), fmt.Sprintf("%.1f ns", spreadOf(clock.nanoseconds).median),
			formatRatio(call, clock), formatAllocations(call),
			formatRatio(token, clock), formatAllocations(token))
	}
	return []*table{t}, nil
}

func formatAllocations(r result) string {
	return fmt.Sprintf("%.0f", spreadOf(r.allocations).median)
}

func timeLooks(looks []func(), goroutines, rounds int) []result {
	results := make([]result, len(looks))
	for i := range results {
		results[i].client = fmt.Sprint(i)
	}
	for range rounds {
		for _, i := range rand.Perm(len(looks)) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			repeat(looks[i], looksPerRound/goroutines, goroutines)
			elapsed := time.Since(start)
			runtime.ReadMemStats(&after)
			results[i].nanoseconds = append(results[i].nanoseconds, float64(elapsed.Nanoseconds())/looksPerRound)
			results[i].allocations = append(results[i].allocations, float64(after.Mallocs-before.Mallocs)/looksPerRound)
		}
	}
	return results
}

func repeat(look func(), times, goroutines int) {
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range times {
				look()
			}
		})
	}
	group.Wait()
}
