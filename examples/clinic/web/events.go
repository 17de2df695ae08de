package web

import (
	"io"
	"net/http"
	"time"

	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

// keepAlive is the longest pause between two events. Proxies close what is silent
// for longer, and the page shows by then which appointments are over.
const keepAlive = 20 * time.Second

func (s *server) events(w http.ResponseWriter, r *http.Request) {
	s.eventsOf(w, r, &appointments.Appointment{})
}

// eventsOf says when an appointment changes, or any if it has no id. The page then
// asks for what it shows, so that several changes may come as one event.
func (s *server) eventsOf(w http.ResponseWriter, r *http.Request, a *appointments.Appointment) {
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := http.NewResponseController(w)
	for {
		changed := s.Replica.Feed.Next(a.ID)
		_, err := io.WriteString(w, "retry: 1000\ndata: changed\n\n")
		if err != nil || flusher.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-time.After(keepAlive):
		case <-r.Context().Done():
			return
		case <-s.closing.Done():
			return
		}
	}
}
