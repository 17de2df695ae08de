package apitest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// LogTo returns an option that logs to lines, as JSON and at debug level.
func LogTo(lines *bytes.Buffer) coviu.Option {
	return coviu.WithLogger(slog.New(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// LogRecords parses the lines that a JSON handler wrote.
func LogRecords(t *testing.T, lines *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(lines.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		all = append(all, record)
	}
	return all
}
