package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	coviu "github.com/coviu/coviu-go-sdk"
)

// walkedPages is the number of pages that memoryTables reads for each cell. It
// reads short lists repeatedly.
const walkedPages = 1000

// memoryTables shows how much memory reading a list needs, and how much a
// session keeps alive after its list was read.
func memoryTables(ctx context.Context, _ settings) ([]*table, error) {
	walked := &table{
		title: fmt.Sprintf("Peak of the live heap while %d sessions are read, with a garbage collection after each page",
			walkedPages*pageSize),
		header: []string{"Prefetch", "lists of 10 pages", "one of 1,000"},
		notes:  []string{"Each cell includes the same share of the server."},
	}
	for _, prefetch := range []int{0, 8} {
		cells := []string{fmt.Sprint(prefetch)}
		for _, pages := range []int{10, walkedPages} {
			peak, err := peakLiveHeap(ctx, pages, prefetch)
			if err != nil {
				return nil, err
			}
			cells = append(cells, fmt.Sprintf("%.2f MB", float64(peak)/1e6))
		}
		walked.add(cells...)
	}

	kept := &table{
		title:  "Heap kept alive by one session of each page of 200",
		header: []string{"kept", "bytes a session"},
		notes:  []string{fmt.Sprintf("Its JSON text is %d bytes.", sessionLength)},
	}
	for _, way := range []struct {
		name string
		keep func(context.Context, *coviu.Client, int) ([]*coviu.Session, error)
	}{{"a copy of an item of List", keepFromList}, {"the pointer that All yields", keepFromAll}} {
		pinned, err := pinnedBytes(ctx, way.keep)
		if err != nil {
			return nil, err
		}
		kept.add(way.name, fmt.Sprintf("%.0f", pinned))
	}
	return []*table{walked, kept}, nil
}

func liveHeap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func peakLiveHeap(ctx context.Context, pages, prefetch int) (uint64, error) {
	server := newFixtureServer(serverConfig{sessions: pages * pageSize})
	defer server.Close()
	c, err := newOursClient(server.baseURL())
	if err != nil {
		return 0, err
	}
	defer c.CloseIdleConnections()
	var peak uint64
	walked := 0
	for range walkedPages / pages {
		for _, err := range c.Sessions.All(ctx, &coviu.SessionListOptions{Prefetch: prefetch}) {
			if err != nil {
				return 0, err
			}
			walked++
			if walked%pageSize == pageSize/2 {
				peak = max(peak, liveHeap())
			}
		}
	}
	if walked != walkedPages*pageSize {
		return 0, fmt.Errorf("walked %d sessions of %d", walked, walkedPages*pageSize)
	}
	return peak, nil
}

// pinnedBytes keeps one session of every page and returns how much smaller the
// heap gets for each session when they are released.
func pinnedBytes(ctx context.Context, keep func(context.Context, *coviu.Client, int) ([]*coviu.Session, error)) (float64, error) {
	const pages = 200
	server := newFixtureServer(serverConfig{sessions: pages * pageSize})
	c, err := newOursClient(server.baseURL())
	if err != nil {
		server.Close()
		return 0, err
	}
	sessions, err := keep(ctx, c, pages)
	c.CloseIdleConnections()
	server.Close()
	if err != nil {
		return 0, err
	}
	// Connections and pools must not count. Pools are empty after two
	// collections.
	liveHeap()
	liveHeap()
	held := liveHeap()
	count := len(sessions)
	clear(sessions)
	dropped := liveHeap()
	runtime.KeepAlive(sessions)
	if count != pages {
		return 0, fmt.Errorf("kept %d sessions of %d", count, pages)
	}
	return (float64(held) - float64(dropped)) / float64(count), nil
}

func keepFromList(ctx context.Context, c *coviu.Client, pages int) ([]*coviu.Session, error) {
	var kept []*coviu.Session
	for page := range pages {
		list, err := c.Sessions.List(ctx, &coviu.SessionListOptions{Page: page, PageSize: pageSize})
		if err != nil {
			return nil, err
		}
		kept = append(kept, new(list.Content[pageSize/2]))
	}
	return kept, nil
}

func keepFromAll(ctx context.Context, c *coviu.Client, _ int) ([]*coviu.Session, error) {
	var kept []*coviu.Session
	walked := 0
	for session, err := range c.Sessions.All(ctx, nil) {
		if err != nil {
			return nil, err
		}
		if walked%pageSize == pageSize/2 {
			kept = append(kept, session)
		}
		walked++
	}
	return kept, nil
}

const (
	delayedPages = 50
	pageDelay    = 50 * time.Millisecond
)

// prefetchTables shows how much time prefetching saves when each page takes
// pageDelay.
func prefetchTables(ctx context.Context, _ settings) ([]*table, error) {
	server := newFixtureServer(serverConfig{sessions: delayedPages * pageSize, pageDelay: pageDelay})
	defer server.Close()
	t := &table{
		title:  fmt.Sprintf("%d pages of %d, %s for each page, consumer does nothing", delayedPages, pageSize, pageDelay),
		header: []string{"Prefetch", "time", "ratio"},
	}
	var first time.Duration
	for _, prefetch := range []int{0, 8} {
		elapsed, err := walkTime(ctx, server.baseURL(), prefetch)
		if err != nil {
			return nil, err
		}
		if first == 0 {
			first = elapsed
		}
		t.add(fmt.Sprint(prefetch), elapsed.Round(time.Millisecond).String(), fmt.Sprintf("%.2f", elapsed.Seconds()/first.Seconds()))
	}
	return []*table{t}, nil
}

func walkTime(ctx context.Context, baseURL string, prefetch int) (time.Duration, error) {
	c, err := newOursClient(baseURL)
	if err != nil {
		return 0, err
	}
	defer c.CloseIdleConnections()
	start := time.Now()
	walked := 0
	for _, err := range c.Sessions.All(ctx, &coviu.SessionListOptions{Prefetch: prefetch}) {
		if err != nil {
			return 0, err
		}
		walked++
	}
	if walked != delayedPages*pageSize {
		return 0, fmt.Errorf("walked %d sessions of %d", walked, delayedPages*pageSize)
	}
	return time.Since(start), nil
}
