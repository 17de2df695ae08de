package web

import (
	"encoding/json"
	"net/http"
	"strings"
)

// webhook receives an event. It has no signature and no id, so it is a hint to look
// and nothing more. Its payload is not logged: it holds the secret of a link.
func (s *server) webhook(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if s.WebhookToken == "" || !strings.EqualFold(scheme, "Bearer") || !sameSecret(token, s.WebhookToken) {
		http.Error(w, "unknown credentials", http.StatusUnauthorized)
		return
	}
	var event struct {
		Payload struct {
			SessionID string `json:"sessionId"`
		} `json:"payload"`
	}
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	if err := s.Replica.Hint(r.Context(), event.Payload.SessionID); err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
