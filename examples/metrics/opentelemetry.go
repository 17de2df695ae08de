package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/coviu/coviu-go-sdk"
)

const scope = "github.com/coviu/coviu-go-sdk/examples/metrics"

// otelCalls are the durations of calls, and a span for each attempt below the
// span of the caller.
type otelCalls struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
	attempts metric.Int64Counter
}

func newOTelCalls(meters metric.MeterProvider, tracers trace.TracerProvider) (*otelCalls, error) {
	meter := meters.Meter(scope)
	duration, failedDuration := meter.Float64Histogram("coviu.client.call.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of calls, waits and retries included."))
	attempts, failedAttempts := meter.Int64Counter("coviu.client.call.attempts",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that calls took."))
	return &otelCalls{tracers.Tracer(scope), duration, attempts}, errors.Join(failedDuration, failedAttempts)
}

func (o *otelCalls) record(ctx context.Context, info coviu.ResponseInfo) {
	operation := attribute.String("coviu.operation", info.Operation)
	o.duration.Record(ctx, info.Duration.Seconds(), metric.WithAttributes(
		operation, attribute.String("coviu.status", status(info)), attribute.String("coviu.result", result(info.Err))))
	o.attempts.Add(ctx, int64(info.Attempts), metric.WithAttributes(operation))
}

// transport starts a span for each request. General instrumentation of net/http
// would put the URL on it, and with that the ids of sessions and participants,
// and the State in a query.
func (o *otelCalls) transport(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		ctx, span := o.tracer.Start(req.Context(), "coviu "+req.Method,
			trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(
				attribute.String("http.request.method", req.Method),
				attribute.String("server.address", req.URL.Hostname())))
		defer span.End()
		resp, err := next.RoundTrip(req.WithContext(ctx))
		if err != nil {
			span.SetStatus(codes.Error, "no reply")
			return nil, err
		}
		span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
		if resp.StatusCode >= 400 {
			span.SetStatus(codes.Error, "")
		}
		return resp, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// spanLog writes spans to a log, where a real program would send them to a
// collector.
type spanLog struct{ logger *slog.Logger }

func (l *spanLog) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, span := range spans {
		attributes := []slog.Attr{slog.String("name", span.Name()), slog.Duration("duration", span.EndTime().Sub(span.StartTime()))}
		for _, a := range span.Attributes() {
			attributes = append(attributes, slog.Any(string(a.Key), a.Value.AsInterface()))
		}
		l.logger.LogAttrs(ctx, slog.LevelInfo, "span", attributes...)
	}
	return nil
}

func (*spanLog) Shutdown(context.Context) error { return nil }
