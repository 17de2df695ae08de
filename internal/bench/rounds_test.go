package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShareOutMakesEachCallOnce(t *testing.T) {
	var made atomic.Int64
	do := func(context.Context) (proof, error) {
		made.Add(1)
		return proof{}, nil
	}
	require.NoError(t, shareOut(t.Context(), do, 1000, 7))
	assert.Equal(t, int64(1000), made.Load())
}

func TestShareOutStopsAtTheFirstFailure(t *testing.T) {
	broken := errors.New("broken")
	made := 0
	do := func(context.Context) (proof, error) {
		made++
		return proof{}, broken
	}
	require.ErrorIs(t, shareOut(t.Context(), do, 1000, 1), broken)
	assert.Equal(t, 1, made)
}

func TestMeasureGivesEveryClientEveryRound(t *testing.T) {
	clients := []client{{name: floorName}, {name: "other"}}
	for i := range clients {
		clients[i].calls = map[string]call{opGet: func(context.Context) (proof, error) { return proof{}, nil }}
	}
	results, err := measure(t.Context(), clients, workload{"GET", opGet, 2}, 3)
	require.NoError(t, err)
	require.Len(t, results, 2)
	for i, r := range results {
		assert.Equal(t, clients[i].name, r.client)
		assert.Len(t, r.nanoseconds, 3)
		assert.Len(t, r.allocations, 3)
		assert.Len(t, r.bytes, 3)
	}
}

func TestTheServersShareIsMeasuredForEachWorkload(t *testing.T) {
	server := newFixtureServer(serverConfig{})
	defer server.Close()
	for _, w := range peerWorkloads {
		share, err := serverShare(t.Context(), server, w.operation)
		require.NoError(t, err, w.name)
		assert.Positive(t, share.allocations, w.name)
	}
}
