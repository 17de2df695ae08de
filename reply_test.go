package coviu

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
			code, message := parseErrorBody(body)
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
		code, message := parseErrorBody([]byte(body))
		require.Equal(t, want.code, code, "%.80s", body)
		require.Equal(t, want.message, message, "%.80s", body)
	}
}
