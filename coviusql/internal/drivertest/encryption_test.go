package drivertest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviusql"
)

func requireNoCanary(t *testing.T, v any) {
	t.Helper()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		require.NotContains(t, fmt.Sprintf(format, v), "CANARY")
	}
}

func key(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }

// columns is everything that the database has of tokens.
func columns(t *testing.T, d database) string {
	t.Helper()
	var id, text string
	require.NoError(t, d.pool(t).QueryRowContext(t.Context(), "SELECT id, token FROM coviu_tokens").Scan(&id, &text))
	return id + text
}

func TestTokensAreEncryptedOnRequest(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		plain := d.store(t)
		require.NoError(t, plain.SaveToken(t.Context(), "user-id", token(1)))
		require.Contains(t, columns(t, d), `"access_token":"access 1"`)

		encrypted := d.store(t, coviusql.WithEncryptionKeys(key(1)))
		require.NoError(t, encrypted.SaveToken(t.Context(), "user-id", token(1)))
		require.Equal(t, token(1), stored(t, encrypted, "user-id"))
		first := columns(t, d)
		for _, secret := range []string{"access", "refresh", "scope", "Bearer", "user-id"} {
			require.NotContains(t, first, secret)
		}
		require.NoError(t, encrypted.SaveToken(t.Context(), "user-id", token(1)))
		require.NotEqual(t, first, columns(t, d), "each nonce is new")
	})
}

func TestKeysAreReplacedWithoutALostToken(t *testing.T) {
	d := newDatabase(t, "SQLite in WAL mode")
	save := func(s *coviusql.Store, n int) {
		_, err := s.Token("user").Update(t.Context(), replaceBy(token(n), func() {}))
		require.NoError(t, err)
	}
	begun := d.store(t, coviusql.WithEncryptionKeys(key(1)))
	announced := d.store(t, coviusql.WithEncryptionKeys(key(1), key(2)))
	replaced := d.store(t, coviusql.WithEncryptionKeys(key(2), key(1)))
	finished := d.store(t, coviusql.WithEncryptionKeys(key(2)))
	save(begun, 1)
	require.Equal(t, token(1), stored(t, announced, "user"))
	require.Equal(t, token(1), stored(t, replaced, "user"))
	requireUnreadable(t, finished, "no key decrypts the stored token")
	save(replaced, 2)
	require.Equal(t, token(2), stored(t, announced, "user"))
	require.Equal(t, token(2), stored(t, finished, "user"))
	requireUnreadable(t, begun, "no key decrypts the stored token")
}

func TestUnencryptedTokensAreReadOnRequest(t *testing.T) {
	d := newDatabase(t, "SQLite in WAL mode")
	require.NoError(t, d.store(t).SaveToken(t.Context(), "user", token(1)))
	strict := d.store(t, coviusql.WithEncryptionKeys(key(1)))
	requireUnreadable(t, strict, "the stored token is not encrypted")
	moving := d.store(t, coviusql.WithEncryptionKeys(key(1), nil))
	require.Equal(t, token(1), stored(t, moving, "user"))
	_, err := moving.Token("user").Update(t.Context(), replaceBy(token(2), func() {}))
	require.NoError(t, err)
	require.Equal(t, token(2), stored(t, strict, "user"))
	requireUnreadable(t, d.store(t), "no key decrypts the stored token")
}

func TestAnEncryptedTokenBelongsToItsUser(t *testing.T) {
	d := newDatabase(t, "SQLite in WAL mode")
	s := d.store(t, coviusql.WithEncryptionKeys(key(1)))
	require.NoError(t, s.SaveToken(t.Context(), "somebody", token(1)))
	require.NoError(t, s.SaveToken(t.Context(), "user", token(2)))
	_, err := d.pool(t).ExecContext(t.Context(), "UPDATE coviu_tokens SET token = (SELECT max(token) FROM coviu_tokens)")
	require.NoError(t, err)
	readable := 0
	for _, id := range []string{"somebody", "user"} {
		if _, err := s.Token(id).Update(t.Context(), replaceBy(token(3), func() {})); err == nil {
			readable++
		}
	}
	require.Equal(t, 1, readable)
}

func TestADamagedTokenIsAnErrorAndStays(t *testing.T) {
	d := newDatabase(t, "SQLite in WAL mode")
	s := d.store(t, coviusql.WithEncryptionKeys(key(1), nil))
	for damaged, want := range map[string]string{
		"":                       "the stored token is not readable",
		"CANARY":                 "the stored token is not readable",
		"aes256gcm:CANARY!":      "the stored token is not readable",
		"aes256gcm:":             "no key decrypts the stored token",
		"aes256gcm:Q0FOQVJZ":     "no key decrypts the stored token",
		`{"access_token":CANARY`: "the stored token is not readable",
	} {
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		_, err := d.pool(t).ExecContext(t.Context(), "UPDATE coviu_tokens SET token = ?", damaged)
		require.NoError(t, err)
		requireUnreadable(t, s, want)
		require.True(t, strings.HasSuffix(columns(t, d), damaged))
	}
	require.NoError(t, s.SaveToken(t.Context(), "user", token(1)), "a new consent replaces it")
	require.Equal(t, token(1), stored(t, s, "user"))
}

func requireUnreadable(t *testing.T, s *coviusql.Store, why string) {
	t.Helper()
	_, err := s.Token("user").Update(t.Context(), replaceBy(token(3), func() { t.Fatal("it asks for a token") }))
	require.EqualError(t, err, "coviusql: read token: "+why)
}

func TestAStorePrintsNothingOfWhatItHas(t *testing.T) {
	d := newDatabase(t, "SQLite in WAL mode")
	secret := []byte(strings.Repeat("CANARYk!", 4))
	s := d.store(t, coviusql.WithEncryptionKeys(secret))
	for _, v := range []any{s, *s, s.Token("CANARY"), s.Ledger(), coviusql.WithEncryptionKeys(secret)} {
		requireNoCanary(t, v)
	}
	require.Equal(t, "coviusql.Store{…}", fmt.Sprint(s))
}
