package coviu

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/errorbody"
)

func TestFault30_ErrorBodies(t *testing.T) {
	for file, want := range map[string]struct{ code, message string }{
		"error_object.json":    {"404", "session not found"},
		"error_oauth.json":     {"invalid_request", "start_time lies in the past"},
		"error_flat.json":      {"conflict", "somebody was faster"},
		"error_code_only.json": {"40001", ""},
		"error_null.json":      {"", "something went wrong"},
		"error_array.json":     {},
		"error_text.txt":       {},
		"error_page.html":      {},
		"error_empty.txt":      {},
	} {
		t.Run(file, func(t *testing.T) {
			body, err := os.ReadFile("testdata/" + file)
			require.NoError(t, err)
			code, message := errorbody.Parse(body)
			require.Equal(t, want.code, code)
			require.Equal(t, want.message, message)

			text := (&APIError{Operation: "GET /sessions", StatusCode: 400, Code: code, Message: message}).Error()
			if want.message == "" {
				require.Equal(t, "coviu: GET /sessions: 400 Bad Request", text)
			} else {
				require.Equal(t, `coviu: GET /sessions: 400 Bad Request: "`+want.message+`"`, text)
			}
		})
	}
	for body, want := range map[string]struct{ code, message string }{
		`{"error":{"code":1e3,"message":"m"}}`:                     {"1000", "m"},
		`{"error":{"code":1.5}}`:                                   {"1.5", ""},
		`{"error":{"code":-7}}`:                                    {"-7", ""},
		`{"error":{"code":null,"message":null},"code":1}`:          {"1", ""},
		`{"error":{"code":{},"message":["m"]},"message":"outer"}`:  {"", "outer"},
		`{"error":{},"code":"c","message":"m"}`:                    {"c", "m"},
		`{"error":"c","message":"m"}`:                              {"c", "m"},
		`{"error":"c","error_description":"d","message":"m"}`:      {"c", "d"},
		`{"error":[1],"code":"c","message":"m"}`:                   {"c", "m"},
		`{"error":true,"code":"c"}`:                                {"c", ""},
		`{"error":404}`:                                            {"404", ""},
		`{"error":{"message":"m"},"error_description":"d"}`:        {"", "m"},
		` {"error" : { "code" : "c" , "message" : "é\u00e9" } } `:  {"c", "éé"},
		`{"error":{"code":"c","message":"m"}} trailing`:            {},
		`{"error":{"code":"c","message":"m"}`:                      {},
		`null`:                                                     {},
		`"error"`:                                                  {},
		`12`:                                                       {},
		strings.Repeat(`{"error":`, 9999) + strings.Repeat(`}`, 9): {},
	} {
		code, message := errorbody.Parse([]byte(body))
		require.Equal(t, want.code, code, "%.80s", body)
		require.Equal(t, want.message, message, "%.80s", body)
	}
}

// FuzzErrorBody checks that code and message are strings or numbers from the body,
// and that the error text is one short line.
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
		code, message := errorbody.Parse(body)
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

// holds reports whether text is one of the strings and numbers in v.
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
