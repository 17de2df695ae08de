package database_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
)

func open(t *testing.T, name string, key []byte) *database.Database {
	t.Helper()
	d, err := database.Open(t.Context(), name, key)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// stored returns the token that the database has for a visitor.
func stored(t *testing.T, d *database.Database, id string) *oauth2.Token {
	t.Helper()
	token, err := d.Store.Token(id).Update(t.Context(), func(_ context.Context, token *oauth2.Token) (*oauth2.Token, error) {
		return token, nil
	})
	require.NoError(t, err)
	return token
}

func TestTheFilesAreForTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	open(t, filepath.Join(dir, "with space?#%.db"), nil)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		assert.Contains(t, file.Name(), "with space?#%.db")
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file.Name())
	}
}

func TestAKeyEncryptsTokensAndReadsThoseOfBefore(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "onbehalf.db")
	plain, secret := &oauth2.Token{AccessToken: "a", RefreshToken: "canary-plain"}, &oauth2.Token{AccessToken: "a", RefreshToken: "canary-secret"}
	require.NoError(t, open(t, name, nil).Store.SaveToken(t.Context(), "before", plain))
	d := open(t, name, make([]byte, 32))
	require.NoError(t, d.Store.SaveToken(t.Context(), "after", secret))

	assert.Equal(t, "canary-plain", stored(t, d, "before").RefreshToken)
	assert.Equal(t, "canary-secret", stored(t, d, "after").RefreshToken)
	contents := ""
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		contents += string(text)
	}
	assert.Contains(t, contents, "canary-plain")
	assert.NotContains(t, contents, "canary-secret")
}

func TestAVisitorIsThereUntilRemoved(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "onbehalf.db"), nil)
	now := time.Now()
	require.NoError(t, d.AddVisitor(t.Context(), "v", now.Add(time.Hour)))
	require.NoError(t, d.NameAccount(t.Context(), "v", "Nwosu Practice"))
	account, connected, err := d.Account(t.Context(), "v", now)
	require.NoError(t, err)
	assert.True(t, connected)
	assert.Equal(t, "Nwosu Practice", account)
	_, connected, err = d.Account(t.Context(), "v", now.Add(time.Hour))
	require.NoError(t, err)
	assert.False(t, connected, "the time is up")
	for _, want := range []bool{true, false} {
		removed, err := d.RemoveVisitor(t.Context(), "v")
		require.NoError(t, err)
		assert.Equal(t, want, removed)
	}
	require.NoError(t, d.NameAccount(t.Context(), "v", "Nwosu Practice"))
	_, connected, err = d.Account(t.Context(), "v", now)
	require.NoError(t, err)
	assert.False(t, connected, "a late name brings nobody back")
}

func TestWhatCantBeOpenedIsNoPanic(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "absent", "x.db"), t.TempDir(), "postgres://u:canary@127.0.0.1:1/x"} {
		_, err := database.Open(t.Context(), name, nil)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "canary")
	}
	_, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), []byte("short"))
	assert.Error(t, err)
}
