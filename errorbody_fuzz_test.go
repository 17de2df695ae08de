package coviu

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzErrorBody: whatever comes as the body of a refusal, code and message are
// strings or numbers that stand in it, and the error is one short line.
func FuzzErrorBody(f *testing.F) {
	shapes, err := filepath.Glob("testdata/error_*")
	require.NoError(f, err)
	require.Len(f, shapes, 9)
	for _, shape := range shapes {
		body, err := os.ReadFile(shape)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Add([]byte(`{"error":{"code":1e400,"message":"\ud800"}}`))
	f.Add([]byte("{\"message\":\"\xff\\n\\u0000\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		code, message := parseErrorBody(body)
		if !json.Valid(body) {
			require.Empty(t, code+message)
		}
		var said any
		_ = json.Unmarshal(body, &said)
		require.True(t, message == "" || holds(said, message), "message %q", message)
		require.True(t, code == "" || holds(said, code), "code %q", code)

		text := (&APIError{Operation: "GET /sessions", StatusCode: 400, Code: code, Message: message}).Error()
		require.True(t, strings.HasPrefix(text, "coviu: GET /sessions: 400 Bad Request"), text)
		require.True(t, utf8.ValidString(text))
		require.NotContains(t, text, "\n")
		require.LessOrEqual(t, len(text), 100+10*maxQuoted)
	})
}

// holds finds text among the strings and numbers in v.
func holds(v any, text string) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			if holds(inner, text) {
				return true
			}
		}
		return false
	case string:
		return v == text
	case float64:
		return json.Unmarshal([]byte(text), new(float64)) == nil && equalNumber(v, text)
	}
	return false
}

func equalNumber(v float64, text string) bool {
	var n float64
	return json.Unmarshal([]byte(text), &n) == nil && n == v
}
