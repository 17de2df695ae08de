package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// watched is a client with all instruments, on a server with two sessions.
func watched(t *testing.T, logger *slog.Logger) (*coviu.Client, *coviutest.Server, *prometheus.Registry, *instruments) {
	t.Helper()
	server := coviutest.NewServer()
	t.Cleanup(server.Close)
	_, err := server.Seed(
		coviu.Session{SessionID: "session-1", SessionName: "A name", Participants: []coviu.Participant{{ParticipantID: "participant-1"}}},
		coviu.Session{SessionID: "session-2"})
	require.NoError(t, err)
	registry := prometheus.NewRegistry()
	i, err := newInstruments(registry, logger)
	require.NoError(t, err)
	opts := append(i.options(), coviu.WithBaseURL(server.URL), coviu.WithRetry(coviu.RetryPolicy{BaseDelay: time.Millisecond}))
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, opts...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client, server, registry, i
}

func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	return recorder.Body.String()
}

func TestCallsAreCountedByRouteStatusAndResult(t *testing.T) {
	client, server, registry, i := watched(t, slog.New(slog.DiscardHandler))
	server.Fail("GET /sessions", coviutest.Unavailable().Times(2))
	_, err := client.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	_, err = client.Sessions.Get(t.Context(), "session-1", nil)
	require.NoError(t, err)
	_, err = client.Sessions.Get(t.Context(), "session-9", nil)
	require.Error(t, err)
	server.Fail("DELETE /participants/{participant_id}", coviutest.Unavailable().CarriedOut())
	_, err = client.Participants.Delete(t.Context(), "participant-1")
	require.NoError(t, err)

	p := i.prometheus
	assert.InDelta(t, 3, testutil.ToFloat64(p.attempts.WithLabelValues("GET /sessions")), 0)
	assert.InDelta(t, 2, testutil.ToFloat64(p.attempts.WithLabelValues("GET /sessions/{session_id}")), 0)
	assert.InDelta(t, 1, testutil.ToFloat64(p.requests.WithLabelValues("post", "200")), 0)
	assert.InDelta(t, 3, testutil.ToFloat64(p.requests.WithLabelValues("get", "503"))+testutil.ToFloat64(p.requests.WithLabelValues("delete", "503")), 0)
	assert.Zero(t, testutil.ToFloat64(p.inFlight))
	text := scrape(t, registry)
	for _, line := range []string{
		`coviu_call_duration_seconds_count{operation="GET /sessions",result="ok",status="2xx"} 1`,
		`coviu_call_duration_seconds_count{operation="GET /sessions/{session_id}",result="ok",status="2xx"} 1`,
		`coviu_call_duration_seconds_count{operation="GET /sessions/{session_id}",result="refused",status="4xx"} 1`,
	} {
		assert.Contains(t, text, line)
	}
	assert.Regexp(t, `coviu_client_call_duration_seconds_count\{.*coviu_operation="GET /sessions".*\} 1`, text)
	assert.Regexp(t, `coviu_client_call_attempts[a-z_]*\{.*coviu_operation="GET /sessions".*\} 3`, text)
}

func TestNoMetricOrSpanNamesASessionOrAPerson(t *testing.T) {
	var log bytes.Buffer
	client, server, registry, _ := watched(t, slog.New(slog.NewTextHandler(&log, nil)))
	session, err := client.Sessions.Get(t.Context(), "session-1", nil)
	require.NoError(t, err)
	_, err = client.Sessions.List(t.Context(), &coviu.SessionListOptions{State: "state-1"})
	require.NoError(t, err)
	_, err = client.Participants.Get(t.Context(), "participant-1")
	require.NoError(t, err)

	require.Contains(t, log.String(), `name="coviu GET"`)
	for _, secret := range []string{
		"session-1", "participant-1", "state-1", "A name", session.Participants[0].EntryURL, server.KeySecret,
	} {
		assert.NotContains(t, log.String(), secret)
		assert.NotContains(t, scrape(t, registry), secret)
	}
}

func TestEachAttemptIsASpanBelowTheCallers(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	calls, err := newOTelCalls(sdkmetric.NewMeterProvider(), tracers)
	require.NoError(t, err)
	server := coviutest.NewServer()
	t.Cleanup(server.Close)
	client := server.Client(t,
		coviu.WithMiddleware(calls.transport),
		coviu.WithRetry(coviu.RetryPolicy{BaseDelay: time.Millisecond}))
	_, err = client.Token(t.Context())
	require.NoError(t, err)
	server.Fail("GET /sessions", coviutest.Unavailable(), coviutest.Refuse())

	ctx, parent := tracers.Tracer("test").Start(t.Context(), "a job")
	_, err = client.Sessions.List(ctx, nil)
	parent.End()

	require.NoError(t, err)
	var got []string
	for _, span := range spans.Ended() {
		if span.Parent().SpanID() == parent.SpanContext().SpanID() {
			got = append(got, fmt.Sprint(span.Name(), " ", span.Status().Code, " ", span.Status().Description))
		}
	}
	assert.Equal(t, []string{"coviu GET Error ", "coviu GET Error no reply", "coviu GET Unset "}, got)
}

func TestResultsTellWhatToActUpon(t *testing.T) {
	for want, err := range map[string]error{
		"ok":              nil,
		"unknown":         &coviu.OutcomeUnknownError{Err: &coviu.APIError{StatusCode: 503}},
		"canceled":        fmt.Errorf("stopped: %w", context.Canceled),
		"unauthenticated": &coviu.TokenError{StatusCode: 401},
		"unavailable":     &coviu.APIError{StatusCode: 429},
		"refused":         &coviu.APIError{StatusCode: 404},
		"failed":          errors.New("anything else"),
	} {
		assert.Equal(t, want, result(err))
	}
	assert.Equal(t, "none", status(coviu.ResponseInfo{}))
}

func TestTheProgramServesItsMetricsUntilItIsEnded(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	said, stderr := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-every", "10ms"}, stderr, func(string) string { return "" })
	}()
	address, text := "", make([]byte, 0, 4096)
	for address == "" {
		chunk := make([]byte, 4096)
		n, err := said.Read(chunk)
		require.NoError(t, err)
		text = append(text, chunk[:n]...)
		address = regexp.MustCompile(`http://\S+/metrics`).FindString(string(text))
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		resp, err := http.Get(address)
		if !assert.NoError(c, err) {
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		assert.NoError(c, err)
		assert.Contains(c, string(body), "coviu_call_duration_seconds")
	}, 20*time.Second, 10*time.Millisecond)
	end()
	assert.NoError(t, <-done)
}

func TestWrongSettingsAreExplained(t *testing.T) {
	for want, c := range map[string]struct {
		args []string
		env  map[string]string
	}{
		"-every must be":                  {args: []string{"-every", "0s"}},
		`"now" is not understood`:         {args: []string{"now"}},
		"not defined: -x; -h shows":       {args: []string{"-x"}},
		"COVIU_API_KEY_SECRET is not set": {env: map[string]string{"COVIU_API_KEY": "key"}},
		"COVIU_API_KEY is not set":        {env: map[string]string{"COVIU_API_ENDPOINT": "https://coviu.example/v1"}},
	} {
		t.Run(want, func(t *testing.T) {
			args := append([]string{"-addr", "127.0.0.1:0"}, c.args...)
			err := run(t.Context(), args, io.Discard, func(name string) string { return c.env[name] })
			require.ErrorContains(t, err, want)
		})
	}
	var help strings.Builder
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, &help, nil), flag.ErrHelp)
	assert.Contains(t, help.String(), "-addr")
	assert.Contains(t, help.String(), "COVIU_API_KEY")
}
