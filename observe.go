package coviu

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// ResponseInfo is what a response hook learns about a finished call.
type ResponseInfo struct {
	// Operation is the endpoint's route, such as "GET /sessions/{session_id}".
	Operation string
	// StatusCode is the status of the last reply, or zero if none came.
	StatusCode int
	// Attempts is the number of requests that were sent.
	Attempts int
	// Header is the header of the last reply, or nil if none came.
	Header http.Header
	// Duration is how long the call took, waits included.
	Duration time.Duration
	// Err is what the call returns.
	Err error
}

// observer holds the caller's logger and response hook. Each may be nil. A panic
// in one of them is recovered and changes no result.
type observer struct {
	logger *slog.Logger
	hook   func(context.Context, ResponseInfo)
}

// logAttempt writes the log line of one request.
func (o *observer) logAttempt(ctx context.Context, op operation, attempt, status, size int, began time.Time) {
	if o.logger == nil {
		return
	}
	defer func() { _ = recover() }()
	o.logger.LogAttrs(ctx, slog.LevelDebug, "coviu: attempt",
		slog.String("operation", string(op)),
		slog.Int("attempt", attempt),
		slog.Int("status", status),
		slog.Duration("duration", time.Since(began)),
		slog.Int("bytes", size))
}

// report calls the response hook.
func (o *observer) report(ctx context.Context, info ResponseInfo) {
	if o.hook != nil {
		_ = o.guard(ctx, "response hook", func() error {
			o.hook(ctx, info)
			return nil
		})
	}
}

// guard runs f, which calls one of the caller's functions, and turns a panic into
// an error and a log line. The value of the panic is left out: it may hold a secret.
func (o *observer) guard(ctx context.Context, function string, f func() error) (err error) {
	defer func() {
		if recover() == nil {
			return
		}
		err = errors.New(function + " panicked")
		if o.logger != nil {
			defer func() { _ = recover() }()
			o.logger.LogAttrs(ctx, slog.LevelError, "coviu: panic in a function of the caller", slog.String("function", function))
		}
	}()
	return f()
}
