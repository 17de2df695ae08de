package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

// maxEvent is much more than an event has.
const maxEvent = 64 << 10

// event is what the service posts, as far as this program needs it. The payload
// has more: its participantId is the secret of an entry link. So nothing of an
// event but its type is logged.
type event struct {
	Type    string `json:"type"`
	Payload struct {
		SessionID string `json:"sessionId"`
	} `json:"payload"`
}

// isCancellation knows both names that the service uses.
func (e *event) isCancellation() bool {
	return e.Type == "session:delete" || e.Type == "session:cancel"
}

// credentials are what the service was told to send: a bearer token, or a user and
// a password.
type credentials struct{ token, user, password string }

// accept compares in constant time, so that the time it takes tells nothing about
// the secret.
func (c credentials) accept(r *http.Request) bool {
	if c.token != "" {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return strings.EqualFold(scheme, "Bearer") && equal(token, c.token)
	}
	user, password, ok := r.BasicAuth()
	sameUser, samePassword := equal(user, c.user), equal(password, c.password)
	return ok && sameUser && samePassword
}

// equal compares hashes: they have one length, whatever was sent.
func equal(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// hint says that something about a session may have changed.
type hint struct {
	sessionID string
	canceled  bool
}

// receiver turns events into hints. An event has no signature and no id, so
// nothing it says is taken for true: the session is fetched again.
type receiver struct {
	credentials credentials
	hints       chan<- hint
	logger      *slog.Logger
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !rc.credentials.accept(r) {
		w.Header().Set("WWW-Authenticate", "Bearer, Basic")
		http.Error(w, "unknown credentials", http.StatusUnauthorized)
		return
	}
	// The Content-Type is ignored: the service may call a JSON body a form.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, "body too large or cut short", http.StatusRequestEntityTooLarge)
		return
	}
	var e event
	if json.Unmarshal(body, &e) != nil || e.Type == "" {
		rc.logger.WarnContext(r.Context(), "a body that is no event", slog.Int("bytes", len(body)))
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	rc.logger.InfoContext(r.Context(), "event", slog.String("type", shortened(e.Type)))
	select {
	case rc.hints <- hint{e.Payload.SessionID, e.isCancellation()}:
	default:
		// Too many wait already. The next reconciliation finds what this one meant.
		rc.logger.WarnContext(r.Context(), "event dropped")
	}
	// Fetching takes longer than the service may want to wait for its answer.
	w.WriteHeader(http.StatusNoContent)
}

// shortened keeps the log readable, whatever a type holds.
func shortened(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
