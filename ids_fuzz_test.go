package coviu_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// FuzzID is for the promise that no id leads to another route: it is refused,
// or stands in the request line as one path segment, byte for byte.
func FuzzID(f *testing.F) {
	for _, id := range []string{
		"5f0f6c1e-0b1d-4e52-9c2a-000000000001", anyID, "", ".", "..", "...", "../x", "%2e%2e", "a/b", "a?x", "a#f", "a;b", "a\\b",
		"\x00", "a\r\nHost: x", "é", "\xff", "a b", ":80", "//x", "@x", strings.Repeat("a", 128), strings.Repeat("a", 129),
	} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var line string
		c, err := coviu.NewClient("key", "secret",
			coviu.WithBaseURL("https://example.com"+mountedAt), coviu.WithToken(&oauth2.Token{AccessToken: "a"}),
			coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}),
			coviu.WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				var wire bytes.Buffer
				if err := r.Write(&wire); err != nil {
					return nil, err
				}
				line, _, _ = strings.Cut(wire.String(), "\r\n")
				return nil, errors.New("never answered")
			})}))
		require.NoError(t, err)
		for _, e := range tenEndpoints() {
			if e.field == "" {
				continue
			}
			line = ""
			_, err := e.call(t.Context(), c, id)
			if errors.Is(err, coviu.ErrInvalidRequest) {
				requireInvalid(t, err, e.field)
				require.Empty(t, line)
				require.True(t, len(id) > 128 || strings.Trim(id, ".") == "" && len(id) < 3 || strings.Trim(id, idBytes) != "" || strings.ContainsFunc(id, foreign), "%q was refused", id)
				continue
			}
			path := strings.NewReplacer("{session_id}", id, "{participant_id}", id).Replace(strings.TrimPrefix(e.operation, e.method()+" "))
			require.Equal(t, e.method()+" "+mountedAt+path+" HTTP/1.1", line)
			require.Equal(t, strings.Count(e.operation+mountedAt, "/")+1, strings.Count(line, "/"), "one segment")
			require.False(t, strings.ContainsAny(id, "/?#%\\ ") || id == "." || id == "..")
		}
	})
}

const idBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~$&+=:@"

func foreign(r rune) bool { return !strings.ContainsRune(idBytes, r) }

func TestFault02_NothingIsSentForAForeignID(t *testing.T) {
	c := unsendingClient(t)
	for _, id := range []string{".", "..", "../x", "%2e%2e", "a/b", "a?x", "a#f", "\x00", "\r", "\n", strings.Repeat("a", 129), "é"} {
		for _, e := range tenEndpoints() {
			if e.field != "" {
				got, err := e.call(t.Context(), c, id)
				requireNothing(t, got)
				requireInvalid(t, err, e.field)
			}
		}
	}
}
