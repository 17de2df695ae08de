package jsonwriter

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "Dr. Ng", "a\"b\\c/d", "\x00\x1f\x7f\n\r\t\b", "žluť 😀 \u2028", "bad \xff\xc3( utf-8", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := AppendString(nil, s)
		var back string
		require.NoError(t, json.Unmarshal(text, &back))
		// Ranging over a string replaces what is not UTF-8, byte by byte.
		assert.Equal(t, string([]rune(s)), back, "%q", text)
	})
}

func TestFieldsAndItemsAreSeparated(t *testing.T) {
	b := AppendString(AppendName([]byte("{"), "a"), "1")
	b = append(AppendName(b, "b"), '[')
	b = AppendString(AppendName(b, ""), "x")
	b = AppendString(AppendName(b, ""), "y")
	assert.JSONEq(t, `{"a":"1","b":["x","y"]}`, string(append(b, "]}"...)))
}
