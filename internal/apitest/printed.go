package apitest

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Formats returns all verbs for which fmt calls methods. The verbs that print whole
// values have all combinations of flags, the others a few.
func Formats() []string { return formats() }

var formats = sync.OnceValue(func() (all []string) {
	var flags []string
	for set := range 32 {
		var flag []byte
		for i, f := range []byte("+-# 0") {
			if set>>i&1 == 1 {
				flag = append(flag, f)
			}
		}
		flags = append(flags, string(flag))
	}
	few := []string{"", "+#", "-20.3"}
	for _, verb := range "abcdefghijklmnoqrstuvxyzABCDEFGHIJKLMNOPQRSUVWXYZ" {
		for _, flag := range few {
			all = append(all, "%"+flag+string(verb))
		}
		if strings.ContainsRune("vsqxXd", verb) {
			for _, flag := range flags {
				all = append(all, "%"+flag+string(verb))
			}
		}
	}
	return all
})

// Logged returns what both handlers of log/slog write for v.
func Logged(v any) []string {
	options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	var text, asJSON bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, options), slog.NewJSONHandler(&asJSON, options)} {
		l := slog.New(handler)
		l.Info("m", slog.Any("v", v), slog.Group("g", slog.Any("v", v)))
		l.With(slog.Any("v", v)).WithGroup("g").Info("m")
	}
	return []string{text.String(), asJSON.String()}
}

// Printed returns every text that a program may make of an error and of the errors
// that it wraps.
func Printed(err error) []string { return PrintedAs(err, Formats()) }

// PrintedAs is like Printed with a choice of formats.
func PrintedAs(err error, formats []string) []string {
	texts := []string{err.Error(), fmt.Errorf("wrapped: %w", err).Error(), fmt.Sprint(err), fmt.Sprintln([]error{err})}
	// Errors of other packages have no say in how their fields print.
	if _, ok := err.(fmt.Formatter); ok {
		for _, format := range formats {
			texts = append(texts, fmt.Sprintf(format, err), fmt.Sprintf(format, struct{ Err error }{err}))
		}
	}
	texts = append(texts, Logged(err)...)
	for _, inner := range wrapped(err) {
		texts = append(texts, PrintedAs(inner, formats)...)
	}
	return texts
}

func wrapped(err any) []error {
	switch wrapping := err.(type) {
	case interface{ Unwrap() error }:
		if inner := wrapping.Unwrap(); inner != nil {
			return []error{inner}
		}
	case interface{ Unwrap() []error }:
		return wrapping.Unwrap()
	}
	return nil
}

// canaryForms holds "canary" as text and as %x, % x and %d write it.
var canaryForms = []string{"canary", "43414e415259", "43 41 4e 41 52 59", "67 65 78 65 82 89"}

// RequireNoCanary checks that no text holds the word "canary" in any form.
func RequireNoCanary(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		lower := strings.ToLower(text)
		for _, form := range canaryForms {
			if strings.Contains(lower, form) {
				require.Fail(t, "a canary was seen", text)
			}
		}
	}
}
