package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ask(t *testing.T, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	handler := New(t.Context(), Config{
		Metrics: http.NotFoundHandler(), StaffPassword: "secret", WebhookToken: "token", Location: time.UTC, Logger: slog.New(slog.DiscardHandler),
	})
	request := httptest.NewRequestWithContext(t.Context(), method, "http://clinic.example"+path, strings.NewReader("no event"))
	for name, value := range header {
		request.Header.Set(name, value)
	}
	reply := httptest.NewRecorder()
	handler.ServeHTTP(reply, request)
	return reply
}

func TestTheFrontDeskNeedsThePassword(t *testing.T) {
	for _, path := range []string{"/", "/events", "/metrics", "/api/appointments/appointment-1"} {
		require.Equal(t, http.StatusUnauthorized, ask(t, http.MethodGet, path, nil).Code, path)
	}
	wrong := map[string]string{"Authorization": "Basic ZGVzazp3cm9uZw=="}
	require.Equal(t, http.StatusUnauthorized, ask(t, http.MethodGet, "/metrics", wrong).Code)
	right := map[string]string{"Authorization": "Basic ZGVzazpzZWNyZXQ="}
	require.Equal(t, http.StatusNotFound, ask(t, http.MethodGet, "/metrics", right).Code, "as these metrics answer")
}

func TestOtherSitesCanNotBook(t *testing.T) {
	header := map[string]string{"Authorization": "Basic ZGVzazpzZWNyZXQ=", "Sec-Fetch-Site": "cross-site"}
	require.Equal(t, http.StatusForbidden, ask(t, http.MethodPost, "/appointments/appointment-1", header).Code)
}

func TestEventsNeedTheToken(t *testing.T) {
	for want, authorization := range map[int]string{
		http.StatusUnauthorized: "Bearer wrong",
		http.StatusBadRequest:   "bearer token",
	} {
		require.Equal(t, want, ask(t, http.MethodPost, "/webhook", map[string]string{"Authorization": authorization}).Code)
	}
}

func TestPagesAreNotKept(t *testing.T) {
	reply := ask(t, http.MethodGet, "/assets/live.js", nil)
	require.Equal(t, http.StatusOK, reply.Code)
	require.Equal(t, "no-store", reply.Header().Get("Cache-Control"))
	require.Equal(t, "no-referrer", reply.Header().Get("Referrer-Policy"))
	require.Contains(t, reply.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.Equal(t, http.StatusOK, ask(t, http.MethodGet, "/healthz", nil).Code)
}
