package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

// appointmentJSON is an appointment as the API shows it. Links are not in it.
type appointmentJSON struct {
	ID string `json:"id"`
	appointments.Wish
	Status  appointments.Status `json:"status"`
	Problem string              `json:"problem,omitempty"`
}

// putJSON makes an appointment or changes it. The caller chooses the id and may
// repeat the request.
func (s *server) putJSON(w http.ResponseWriter, r *http.Request) {
	var wish appointments.Wish
	if err := json.NewDecoder(r.Body).Decode(&wish); err != nil {
		http.Error(w, "the body is no appointment", http.StatusBadRequest)
		return
	}
	a, err := s.Replica.Put(r.Context(), r.PathValue("id"), wish, 0)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.reply(w, r, a)
}

func (s *server) reply(w http.ResponseWriter, _ *http.Request, a *appointments.Appointment) {
	a.Start, a.End = a.Start.UTC(), a.End.UTC()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(appointmentJSON{a.ID, a.Wish, a.Status(), a.Problem}) // The client is gone if this fails.
}

// fail answers what the caller can mend with its cause.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	text, status := s.explain(r, err)
	http.Error(w, text, status)
}

func (s *server) explain(r *http.Request, err error) (text string, status int) {
	if _, invalid := errors.AsType[appointments.InvalidError](err); invalid {
		return err.Error(), http.StatusUnprocessableEntity
	}
	if errors.Is(err, appointments.ErrUnknown) {
		return err.Error(), http.StatusNotFound
	}
	s.Logger.ErrorContext(r.Context(), "request failed", slog.String("route", r.Pattern), slog.Any("error", err))
	return "that did not work, please try again", http.StatusServiceUnavailable
}
