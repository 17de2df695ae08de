package web

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
)

func TestClientsAreKeptAndBounded(t *testing.T) {
	data, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "onbehalf.db"), nil)
	require.NoError(t, err)
	defer data.Close()
	application, err := coviu.NewClient("key", "secret")
	require.NoError(t, err)
	u := &users{application: application, database: data, clients: map[string]*coviu.Client{}}
	first, err := u.client("first")
	require.NoError(t, err)
	again, err := u.client("first")
	require.NoError(t, err)
	assert.Same(t, first, again)
	for i := range maxClients + 10 {
		_, err := u.client(strconv.Itoa(i))
		require.NoError(t, err)
	}
	assert.Len(t, u.clients, maxClients)
}
