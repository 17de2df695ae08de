// Package web serves the pages of the front desk and of patients, and an API for
// other programs of the clinic.
package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

// Config is what the pages need.
type Config struct {
	Replica *appointments.Replica
	Metrics http.Handler
	// StaffPassword protects everything but patients' pages. The user's name is
	// not checked. "" lets everybody in, for a demonstration on one machine.
	StaffPassword string
	// WebhookToken is the bearer token of the service's events. "" receives none.
	WebhookToken string
	// Location is the clinic's time zone.
	Location *time.Location
	Logger   *slog.Logger
}

type server struct {
	Config
	closing context.Context //nolint:containedctx // ends the streams that never end by themselves
}

// New returns the handler. Its streams of events end with ctx.
func New(ctx context.Context, c Config) http.Handler {
	s := &server{c, ctx}
	byID, canceled, byCode := (*appointments.Replica).Get, (*appointments.Replica).Cancel, (*appointments.Replica).ForPatient
	staff := http.NewServeMux()
	staff.HandleFunc("GET /{$}", s.frontDesk)
	staff.HandleFunc("GET /events", s.events)
	staff.HandleFunc("POST /appointments/{id}", s.put)
	staff.HandleFunc("POST /appointments/{id}/cancel", s.with(canceled, s.showAgain))
	staff.HandleFunc("POST /appointments/{id}/enter", s.with(byID, s.enterAs(coviu.RoleHost)))
	staff.HandleFunc("GET /api/appointments/{id}", s.with(byID, s.reply))
	staff.HandleFunc("PUT /api/appointments/{id}", s.putJSON)
	staff.HandleFunc("DELETE /api/appointments/{id}", s.with(canceled, s.reply))
	staff.Handle("GET /metrics", c.Metrics)

	all := http.NewServeMux()
	all.Handle("/", s.staffOnly(staff))
	all.Handle("GET /assets/", http.FileServerFS(files))
	// The id is the code of the patient.
	all.HandleFunc("GET /patient/{id}", s.with(byCode, s.patient))
	all.HandleFunc("GET /patient/{id}/events", s.with(byCode, s.eventsOf))
	all.HandleFunc("POST /patient/{id}/enter", s.with(byCode, s.enterAs(coviu.RoleGuest)))
	all.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	all.HandleFunc("GET /readyz", s.ready)
	all.HandleFunc("POST /webhook", s.webhook)
	return http.NewCrossOriginProtection().Handler(guard(all))
}

type forAppointment func(w http.ResponseWriter, r *http.Request, a *appointments.Appointment)

// with hands on the appointment that get returns for the id in the path.
func (s *server) with(
	get func(*appointments.Replica, context.Context, string) (*appointments.Appointment, error), then forAppointment,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := get(s.Replica, r.Context(), r.PathValue("id"))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		then(w, r, a)
	}
}

// guard keeps pages with secrets out of caches, frames and referrers.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}

func (s *server) staffOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		if s.StaffPassword != "" && !sameSecret(password, s.StaffPassword) {
			w.Header().Set("WWW-Authenticate", `Basic realm="Front desk"`)
			http.Error(w, "for the front desk only", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameSecret takes the same time whatever was sent.
func sameSecret(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if s.closing.Err() != nil || s.Replica.Ready(ctx) != nil {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
	}
}
