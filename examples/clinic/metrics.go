package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

// metrics are what one alerts on: calls of the service by their results, and
// appointments by their status. One that stays in doubt or needs a person counts.
type metrics struct {
	registry     *prometheus.Registry
	calls        *prometheus.HistogramVec
	inFlight     prometheus.Gauge
	appointments *prometheus.GaugeVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "coviu_call_duration_seconds",
			Help:    "Duration of calls, waits and retries included.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60},
		}, []string{"operation", "result"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "coviu_requests_in_flight",
			Help: "Requests on their way, those for tokens included.",
		}),
		appointments: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "clinic_appointments",
			Help: "Appointments that have not ended.",
		}, []string{"status"}),
	}
	m.registry.MustRegister(m.calls, m.inFlight, m.appointments)
	return m
}

// options count calls by the hook, and requests by middleware.
func (m *metrics) options() []coviu.Option {
	return []coviu.Option{
		coviu.WithResponseHook(func(_ context.Context, info coviu.ResponseInfo) {
			m.calls.WithLabelValues(info.Operation, result(info.Err)).Observe(info.Duration.Seconds())
		}),
		coviu.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return promhttp.InstrumentRoundTripperInFlight(m.inFlight, next)
		}),
	}
}

func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, coviu.ErrOutcomeUnknown):
		return "unknown"
	case errors.Is(err, context.Canceled):
		return "canceled" // pages that were asked for ahead, and jobs that were stopped
	case errors.Is(err, coviu.ErrServer), errors.Is(err, coviu.ErrRateLimited):
		return "unavailable"
	case errors.Is(err, coviu.ErrAuthentication):
		return "unauthenticated"
	}
	return "failed"
}

// handler counts the appointments each time that somebody asks for the metrics.
func (m *metrics) handler(replica *appointments.Replica) http.Handler {
	metrics := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counts, err := replica.Counts(r.Context())
		if err != nil {
			m.appointments.Reset() // Old numbers are worse than none.
		}
		for status, n := range counts {
			m.appointments.WithLabelValues(string(status)).Set(float64(n))
		}
		metrics.ServeHTTP(w, r)
	})
}
