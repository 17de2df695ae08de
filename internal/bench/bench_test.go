package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	coviu "github.com/coviu/coviu-go-sdk"
)

func BenchmarkClients(b *testing.B) {
	server := newFixtureServer(serverConfig{})
	defer server.Close()
	clients, err := newClients(server.baseURL())
	require.NoError(b, err)
	for _, w := range peerWorkloads {
		for _, c := range clients {
			b.Run(w.name+"/"+c.name, func(b *testing.B) { benchmarkCall(b, c.calls[w.operation], w.goroutines) })
		}
	}
}

func benchmarkCall(b *testing.B, do call, goroutines int) {
	b.Helper()
	b.ReportAllocs()
	if goroutines == 1 {
		for b.Loop() {
			if _, err := do(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	b.SetParallelism(goroutines)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := do(b.Context()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkAll(b *testing.B) {
	server := newFixtureServer(serverConfig{sessions: 10 * pageSize})
	defer server.Close()
	c, err := newOursClient(server.baseURL())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range c.Sessions.All(b.Context(), &coviu.SessionListOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestEveryClientReadsTheSame(t *testing.T) {
	server := newFixtureServer(serverConfig{})
	defer server.Close()
	clients, err := newClients(server.baseURL())
	require.NoError(t, err)

	const guest = "https://coviu.example/session/h3Wk6PsE1yBn5TgV0jXa-"
	want := map[string]proof{
		opGet:    {sessions: 1, entryURL: guest + "000000000001"},
		opCreate: {sessions: 1, entryURL: guest + "000000000001"},
		opPage:   {sessions: pageSize, entryURL: guest + "000000000199"},
	}
	for _, c := range clients {
		for operation, proof := range want {
			t.Run(c.name+", "+operation, func(t *testing.T) {
				got, err := c.calls[operation](t.Context())
				require.NoError(t, err)
				if c.name == limitName {
					proof.entryURL = ""
				}
				assert.Equal(t, proof, got)
			})
		}
	}
}

func TestOurClientReadsWhatTheFloorReads(t *testing.T) {
	server := newFixtureServer(serverConfig{})
	defer server.Close()
	ours, err := newOurs(server.baseURL())
	require.NoError(t, err)
	for operation, floorCall := range newFloor(floorName, server.baseURL(), peerClient()).calls {
		want, err := floorCall(t.Context())
		require.NoError(t, err, operation)
		got, err := ours.calls[operation](t.Context())
		require.NoError(t, err, operation)
		assert.Equal(t, want, got, operation)
	}
}

func TestAClientThatMeetsARefusalFails(t *testing.T) {
	server := newFixtureServer(serverConfig{style: withRefusal})
	defer server.Close()
	clients, err := newClients(server.baseURL())
	require.NoError(t, err)
	for _, c := range clients {
		if c.name == limitName {
			continue
		}
		_, err := c.calls[opGet](t.Context())
		assert.Error(t, err, c.name)
	}
}
