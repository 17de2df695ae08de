package web

import (
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

//go:embed assets/style.css assets/live.js
var files embed.FS

//go:embed assets/*.html
var texts embed.FS

var pages = template.Must(template.ParseFS(texts, "assets/*.html"))

// deskPage is a day at the front desk.
type deskPage struct {
	Day          time.Time
	Appointments []entry
	Findings     []appointments.Finding
	Form         entry
	Problem      string // why the form was refused
}

// entry is an appointment as pages and forms show it, at the clinic's time.
type entry struct {
	*appointments.Appointment
	Doctor, Patient, Interpreter string
	Others                       []appointments.Person // in no field of the form
}

func (s *server) entry(a *appointments.Appointment) entry {
	e := entry{Appointment: a}
	a.Start, a.End = a.Start.In(s.Location), a.End.In(s.Location)
	for _, p := range a.People {
		switch {
		case p.Role == coviu.RoleHost:
			e.Doctor = p.Name
		case p.Ref == appointments.PatientRef:
			e.Patient = p.Name
		case p.Ref == "interpreter":
			e.Interpreter = p.Name
		default:
			e.Others = append(e.Others, p)
		}
	}
	return e
}

func (e entry) Over() bool { return e.End.Before(time.Now()) }

func (e entry) Class() string { return strings.ReplaceAll(string(e.Status()), " ", "-") }

func (e entry) Minutes() int { return int(e.End.Sub(e.Start).Minutes()) }

// day is the day that the page shows, today if none is named.
func (s *server) day(r *http.Request) time.Time {
	day, err := time.ParseInLocation(time.DateOnly, r.FormValue("day"), s.Location)
	if err != nil {
		day = time.Now().In(s.Location)
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, s.Location)
}

// frontDesk shows a day with an empty form. The id comes from the form, so that
// sending it twice makes one appointment.
func (s *server) frontDesk(w http.ResponseWriter, r *http.Request) {
	day, next := s.day(r), time.Now().In(s.Location).Truncate(30*time.Minute).Add(time.Hour)
	start := time.Date(day.Year(), day.Month(), day.Day(), next.Hour(), next.Minute(), 0, 0, s.Location)
	s.renderDesk(w, r, &appointments.Appointment{
		ID: rand.Text(), Wish: appointments.Wish{Title: "Consultation", Start: start, End: start.Add(30 * time.Minute)},
	}, nil)
}

// renderDesk shows a day, and what was typed if it was refused.
func (s *server) renderDesk(w http.ResponseWriter, r *http.Request, form *appointments.Appointment, refusal error) {
	day := s.day(r)
	list, err := s.Replica.Between(r.Context(), day, day.AddDate(0, 0, 1))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	findings, err := s.Replica.Findings(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page, status := deskPage{Day: day, Findings: findings, Form: s.entry(form)}, http.StatusOK
	for _, a := range list {
		page.Appointments = append(page.Appointments, s.entry(a))
	}
	if refusal != nil {
		page.Problem, status = s.explain(r, refusal)
	}
	render(w, "desk.html", page, status)
}

func render(w http.ResponseWriter, name string, page any, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, page) // The client is gone if this fails.
}

// read returns what was typed. What is missing or means nothing is refused with the
// rest of the appointment.
func (s *server) read(r *http.Request) *appointments.Appointment {
	value := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	start, _ := time.ParseInLocation(time.DateOnly+" 15:04", value("day")+" "+value("start"), s.Location)
	minutes, _ := strconv.Atoi(value("minutes"))
	revision, _ := strconv.ParseInt(value("revision"), 10, 64) // A new appointment has none.
	a := &appointments.Appointment{ID: r.PathValue("id"), Revision: revision, Wish: appointments.Wish{
		Title: value("title"), Start: start, End: start.Add(time.Duration(minutes) * time.Minute),
		People: []appointments.Person{
			{Ref: "doctor", Name: value("doctor"), Role: coviu.RoleHost},
			{Ref: appointments.PatientRef, Name: value("patient"), Role: coviu.RoleGuest},
		},
	}}
	if name := value("interpreter"); name != "" {
		a.People = append(a.People, appointments.Person{Ref: "interpreter", Name: name, Role: coviu.RoleGuest})
	}
	return a
}

// put makes an appointment or changes it.
func (s *server) put(w http.ResponseWriter, r *http.Request) {
	typed := s.read(r)
	if there, err := s.Replica.Get(r.Context(), typed.ID); err == nil {
		typed.People = append(typed.People, s.entry(there).Others...)
	}
	a, err := s.Replica.Put(r.Context(), typed.ID, typed.Wish, typed.Revision)
	if err != nil {
		s.renderDesk(w, r, typed, err)
		return
	}
	s.showAgain(w, r, a)
}

// showAgain shows the day again. A reload does not repeat the change.
func (s *server) showAgain(w http.ResponseWriter, r *http.Request, _ *appointments.Appointment) {
	http.Redirect(w, r, "/?day="+url.QueryEscape(r.FormValue("day")), http.StatusSeeOther)
}

func (s *server) patient(w http.ResponseWriter, _ *http.Request, a *appointments.Appointment) {
	render(w, "patient.html", s.entry(a), http.StatusOK)
}

// enterAs leads a person into the call. The link is in no page.
func (s *server) enterAs(role coviu.Role) forAppointment {
	return func(w http.ResponseWriter, r *http.Request, a *appointments.Appointment) {
		link, err := s.Replica.Link(r.Context(), a, role)
		if err != nil {
			s.explain(r, err)
			http.Error(w, "The call can't be opened just now. Go back, and try again in a moment.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, link, http.StatusSeeOther)
	}
}
