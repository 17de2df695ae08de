package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlagsChooseCasesAndClientsByPartsOfTheirNames(t *testing.T) {
	clients := []client{{name: floorName}, {name: "resty v2"}, {name: "ogen"}}
	all := settings{}
	some := settings{cases: []string{"POST", "page"}, clients: []string{"resty"}}

	assert.Equal(t, clients, all.chooseClients(clients))
	assert.Equal(t, clients[:2], some.chooseClients(clients), "the floor is always measured")

	workloads, err := all.chooseCases(peerWorkloads)
	require.NoError(t, err)
	assert.Equal(t, peerWorkloads, workloads)
	workloads, err = some.chooseCases(peerWorkloads)
	require.NoError(t, err)
	assert.Equal(t, []workload{{"POST /sessions", opCreate, 1}, {"page of 200", opPage, 1}}, workloads)
}

func TestACaseThatDoesNotExistIsAnError(t *testing.T) {
	_, err := settings{cases: []string{"PATCH"}}.chooseCases(peerWorkloads)
	require.Error(t, err)
}
