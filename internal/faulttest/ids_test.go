package faulttest

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

// FuzzID checks that no ID leads to another route. An ID is either refused or sent
// unchanged as one path segment.
func FuzzID(f *testing.F) {
	for _, id := range []string{
		"5f0f6c1e-0b1d-4e52-9c2a-000000000001", apitest.ID, "", ".", "..", "...", "../x", "%2e%2e", "a/b", "a?x", "a#f", "a;b", "a\\b",
		"\x00", "a\r\nHost: x", "é", "\xff", "a b", ":80", "//x", "@x", strings.Repeat("a", 128), strings.Repeat("a", 129),
	} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var line string
		c, err := coviu.NewClient("key", "secret",
			coviu.WithBaseURL("https://example.com"+apitest.BasePath), coviu.WithToken(&oauth2.Token{AccessToken: "a"}),
			coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}),
			coviu.WithHTTPClient(&http.Client{Transport: apitest.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
				var wire bytes.Buffer
				if err := r.Write(&wire); err != nil {
					return nil, err
				}
				line, _, _ = strings.Cut(wire.String(), "\r\n")
				return nil, errors.New("never answered")
			})}))
		require.NoError(t, err)
		for _, e := range apitest.Endpoints() {
			if e.IDField == "" {
				continue
			}
			line = ""
			_, err := e.Call(t.Context(), c, id)
			if errors.Is(err, coviu.ErrInvalidRequest) {
				apitest.RequireInvalid(t, err, e.IDField)
				require.Empty(t, line)
				require.True(t, len(id) > 128 || strings.Trim(id, ".") == "" && len(id) < 3 || strings.Trim(id, idBytes) != "" || strings.ContainsFunc(id, foreign), "%q was refused", id)
				continue
			}
			path := strings.NewReplacer("{session_id}", id, "{participant_id}", id).Replace(strings.TrimPrefix(e.Operation, e.Method()+" "))
			require.Equal(t, e.Method()+" "+apitest.BasePath+path+" HTTP/1.1", line)
			require.Equal(t, strings.Count(e.Operation+apitest.BasePath, "/")+1, strings.Count(line, "/"), "one segment")
			require.False(t, strings.ContainsAny(id, "/?#%\\ ") || id == "." || id == "..")
		}
	})
}

const idBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~$&+=:@"

func foreign(r rune) bool { return !strings.ContainsRune(idBytes, r) }

func TestFault02_NothingIsSentForAForeignID(t *testing.T) {
	c := apitest.UnusedClient(t)
	for _, id := range []string{".", "..", "../x", "%2e%2e", "a/b", "a?x", "a#f", "\x00", "\r", "\n", strings.Repeat("a", 129), "é"} {
		for _, e := range apitest.Endpoints() {
			if e.IDField != "" {
				got, err := e.Call(t.Context(), c, id)
				require.Nil(t, got)
				apitest.RequireInvalid(t, err, e.IDField)
			}
		}
	}
}
