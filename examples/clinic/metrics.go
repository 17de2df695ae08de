package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

// metrics are what one alerts on: calls of the service by their results, and
// appointments by their status. One that stays in doubt or needs a person counts.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.HistogramVec
	inFlight prometheus.Gauge
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
	}
	m.registry.MustRegister(m.calls, m.inFlight)
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

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// watch counts the appointments each time that somebody asks for the metrics.
func (m *metrics) watch(replica *appointments.Replica) { m.registry.MustRegister(&statuses{replica}) }

type statuses struct{ replica *appointments.Replica }

func (*statuses) description() *prometheus.Desc {
	return prometheus.NewDesc("clinic_appointments", "Appointments that have not ended, by status.", []string{"status"}, nil)
}

// Describe names the metric.
func (s *statuses) Describe(all chan<- *prometheus.Desc) { all <- s.description() }

// Collect reads the metric from the database.
func (s *statuses) Collect(all chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, err := s.replica.Counts(ctx)
	if err != nil {
		all <- prometheus.NewInvalidMetric(s.description(), err)
		return
	}
	for _, status := range appointments.Statuses() {
		all <- prometheus.MustNewConstMetric(s.description(), prometheus.GaugeValue, float64(counts[status]), string(status))
	}
}
