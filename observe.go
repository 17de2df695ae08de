package coviu

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// ResponseInfo is what a response hook learns of one call.
type ResponseInfo struct {
	// Operation is the endpoint's route, such as "GET /sessions/{session_id}".
	Operation string
	// StatusCode is that of the last reply, zero if none came.
	StatusCode int
	// Attempts is the number of requests that were sent.
	Attempts int
	// Header is that of the last reply, nil if none came.
	Header http.Header
	// Duration is how long the call took, waits included.
	Duration time.Duration
	// Err is what the call returns.
	Err error
}

// log writes the line of one attempt.
func (x *exchange) log(ctx context.Context, began time.Time, size int) {
	logger := x.client.config.logger
	if logger == nil {
		return
	}
	defer func() { _ = recover() }()
	logger.LogAttrs(ctx, slog.LevelDebug, "coviu: attempt",
		slog.String("operation", string(x.operation)),
		slog.Int("attempt", x.attempts),
		slog.Int("status", x.reply.status),
		slog.Duration("duration", time.Since(began)),
		slog.Int("bytes", size))
}

// report tells the response hook how the call went.
func (x *exchange) report(ctx context.Context, err error) {
	hook := x.client.config.hook
	if hook == nil {
		return
	}
	defer func() {
		if recover() != nil {
			logPanic(ctx, x.client.config.logger, "response hook")
		}
	}()
	hook(ctx, ResponseInfo{
		Operation:  string(x.operation),
		StatusCode: x.reply.status,
		Attempts:   x.attempts,
		Header:     x.reply.header,
		Duration:   time.Since(x.started),
		Err:        err,
	})
}

// logPanic says that a caller's function panicked, not with what: that may be
// anything, a token included.
func logPanic(ctx context.Context, logger *slog.Logger, what string) {
	if logger == nil {
		return
	}
	defer func() { _ = recover() }()
	logger.LogAttrs(ctx, slog.LevelError, "coviu: panic in a function of the caller", slog.String("function", what))
}
