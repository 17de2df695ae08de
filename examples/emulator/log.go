package main

import (
	"log"
	"net/http"
	"strings"
	"time"
)

// Both paths end in a participant's id.
const (
	entryPath       = "/session/"
	participantPath = "/v1/participants/"
)

// logged writes a line for each request: method, path, status, duration. The
// query stays out, and so does a participant's id: it is the secret of the entry
// link, which lets whoever reads it into a call.
func logged(l *log.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &statusWriter{ResponseWriter: w}
		defer func() {
			l.Printf("%s %s %d %s", r.Method, loggedPath(r.URL.EscapedPath()), seen.status, time.Since(began).Round(time.Microsecond))
		}()
		next.ServeHTTP(seen, r)
	})
}

func loggedPath(path string) string {
	for _, prefix := range []string{entryPath, participantPath} {
		if strings.HasPrefix(path, prefix) {
			return prefix + "…"
		}
	}
	return path
}

// statusWriter remembers the status, which is 0 for a request that was never
// answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
