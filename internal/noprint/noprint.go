// Package noprint keeps the fields of a struct from being printed or logged.
package noprint

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// Text is embedded in a struct, which then prints as this text.
type Text string

// Format prints the text, under every verb.
func (t Text) Format(f fmt.State, verb rune) {
	text := t.text()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}

// LogValue logs what Format prints.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.text()) }

func (t Text) text() string {
	if t == "" {
		return "{…}"
	}
	return string(t)
}
