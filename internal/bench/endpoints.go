package main

import (
	"context"
	"fmt"
)

// endpointTables compares every endpoint with the floor.
func endpointTables(ctx context.Context, chosen settings) ([]*table, error) {
	server := newFixtureServer(serverConfig{})
	defer server.Close()
	ours, err := newOurs(server.baseURL())
	if err != nil {
		return nil, err
	}
	clients := []client{newFloor(floorName, server.baseURL(), peerClient()), ours}
	t := &table{
		title:  "Every endpoint: the client's time as a ratio to the floor, median (quartiles)",
		header: []string{"operation", "ratio", "floor", "fewer allocations than the floor"},
	}
	var workloads []workload
	for _, operation := range []string{
		opCreate, opPage, opGet, opUpdate, opDelete,
		opAddParticipant, opListParticipants, opGetParticipant, opUpdateParticipant, opDeleteParticipant,
	} {
		workloads = append(workloads, workload{operation, operation, 1})
	}
	if workloads, err = chosen.chooseCases(workloads); err != nil {
		return nil, err
	}
	for _, w := range workloads {
		results, err := measure(ctx, clients, w, chosen.rounds)
		if err != nil {
			return nil, err
		}
		floor, client := results[0], results[1]
		t.add(w.name, formatRatio(client, floor), formatTime(spreadOf(floor.nanoseconds).median),
			fmt.Sprintf("%.0f", spreadOf(floor.allocations).median-spreadOf(client.allocations).median))
	}
	return []*table{t}, nil
}
