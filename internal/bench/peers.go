package main

import (
	"context"
	"fmt"
	"strings"
)

var peerWorkloads = []workload{
	{"GET one session", opGet, 1},
	{"GET at 64 goroutines", opGet, maxGoroutines},
	{"POST /sessions", opCreate, 1},
	{"page of 200", opPage, 1},
}

// peerTables compares all clients on the calls that most programs make.
func peerTables(ctx context.Context, chosen settings) ([]*table, error) {
	server := newFixtureServer(serverConfig{})
	defer server.Close()
	clients, err := newClients(server.baseURL())
	if err != nil {
		return nil, err
	}
	times := &table{
		title:  fmt.Sprintf("Time as a ratio to the floor: median (quartiles) of %d paired rounds, lower is better", chosen.rounds),
		header: []string{"client"},
	}
	memory := &table{
		title:  "Allocations and bytes of a call, without the server's share",
		header: []string{"client"},
	}
	timeRows, memoryRows := map[string][]string{}, map[string][]string{}
	var scale []string
	clients = chosen.chooseClients(clients)
	workloads, err := chosen.chooseCases(peerWorkloads)
	if err != nil {
		return nil, err
	}
	for _, w := range workloads {
		results, err := measure(ctx, clients, w, chosen.rounds)
		if err != nil {
			return nil, err
		}
		floor := results[0]
		times.header = append(times.header, w.name)
		scale = append(scale, formatTime(spreadOf(floor.nanoseconds).median)+" for "+w.name)
		for _, r := range results {
			timeRows[r.client] = append(timeRows[r.client], formatRatio(r, floor))
		}
		if w.goroutines > 1 {
			continue
		}
		share, err := serverShare(ctx, server, w.operation)
		if err != nil {
			return nil, err
		}
		memory.header = append(memory.header, w.name)
		for _, r := range results {
			memoryRows[r.client] = append(memoryRows[r.client], formatMemory(r, share))
		}
	}
	for _, c := range clients {
		times.add(append([]string{c.name}, timeRows[c.name]...)...)
		memory.add(append([]string{c.name}, memoryRows[c.name]...)...)
	}
	times.notes = []string{
		"The floor takes " + strings.Join(scale, ", ") + ".",
		fmt.Sprintf("One session is %d bytes, a page %d.", len(server.session), len(server.page)),
	}
	return []*table{times, memory}, nil
}

func formatRatio(r, floor result) string {
	if r.client == floor.client {
		return "1.00"
	}
	s := spreadOf(ratios(r.nanoseconds, floor.nanoseconds))
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.lower, s.upper)
}

func formatMemory(r result, share cost) string {
	return fmt.Sprintf("%.0f, %.1f KB", spreadOf(r.allocations).median-share.allocations,
		(spreadOf(r.bytes).median-share.bytes)/1000)
}

func formatTime(nanoseconds float64) string {
	if nanoseconds >= 1e6 {
		return fmt.Sprintf("%.1f ms", nanoseconds/1e6)
	}
	return fmt.Sprintf("%.0f µs", nanoseconds/1e3)
}
