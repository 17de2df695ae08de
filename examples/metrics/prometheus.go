package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/coviu/coviu-go-sdk"
)

// prometheusCalls are the rates, errors and durations of calls, and beneath them
// the requests on their way.
type prometheusCalls struct {
	duration *prometheus.HistogramVec
	attempts *prometheus.CounterVec
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
}

func newPrometheusCalls(registry prometheus.Registerer) *prometheusCalls {
	p := &prometheusCalls{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "coviu_call_duration_seconds",
			Help:    "Duration of calls, waits and retries included.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60},
		}, []string{"operation", "status", "result"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coviu_call_attempts_total",
			Help: "Requests that calls took; more than calls means retries.",
		}, []string{"operation"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "coviu_requests_in_flight",
			Help: "Requests on their way, those for tokens included.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coviu_requests_total",
			Help: "Requests that were answered, those for tokens included.",
		}, []string{"method", "code"}),
	}
	registry.MustRegister(p.duration, p.attempts, p.inFlight, p.requests)
	return p
}

func (p *prometheusCalls) record(info coviu.ResponseInfo) {
	p.duration.WithLabelValues(info.Operation, status(info), result(info.Err)).Observe(info.Duration.Seconds())
	p.attempts.WithLabelValues(info.Operation).Add(float64(info.Attempts))
}

func (p *prometheusCalls) transport(next http.RoundTripper) http.RoundTripper {
	return promhttp.InstrumentRoundTripperInFlight(p.inFlight, promhttp.InstrumentRoundTripperCounter(p.requests, next))
}
