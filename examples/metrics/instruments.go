package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/coviu/coviu-go-sdk"
)

// instruments are all that watches the client. A real program would keep the
// half for the system that it has.
type instruments struct {
	prometheus *prometheusCalls
	otel       *otelCalls
}

func newInstruments(registry *prometheus.Registry, logger *slog.Logger) (*instruments, error) {
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return nil, err
	}
	meters := metric.NewMeterProvider(metric.WithReader(exporter))
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(&spanLog{logger}))
	calls, err := newOTelCalls(meters, tracers)
	if err != nil {
		return nil, err
	}
	return &instruments{newPrometheusCalls(registry), calls}, nil
}

// options has the hook for whole calls, and middleware for single attempts, those
// for tokens included.
func (i *instruments) options() []coviu.Option {
	return []coviu.Option{
		coviu.WithMiddleware(i.prometheus.transport),
		coviu.WithMiddleware(i.otel.transport),
		coviu.WithResponseHook(func(ctx context.Context, info coviu.ResponseInfo) {
			i.prometheus.record(info)
			i.otel.record(ctx, info)
		}),
	}
}

// status is the class of a call's last reply. Routes, classes and results are
// good labels: there are few of each, and none names anybody.
func status(info coviu.ResponseInfo) string {
	if info.StatusCode == 0 {
		return "none"
	}
	return strconv.Itoa(info.StatusCode/100) + "xx"
}

// result tells apart what has to be acted upon in different ways.
func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, coviu.ErrOutcomeUnknown):
		return "unknown"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, coviu.ErrAuthentication):
		return "unauthenticated"
	case errors.Is(err, coviu.ErrServer), errors.Is(err, coviu.ErrRateLimited):
		return "unavailable"
	}
	if _, ok := errors.AsType[*coviu.APIError](err); ok {
		return "refused"
	}
	return "failed"
}
