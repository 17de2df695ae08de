package web

import (
	"cmp"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

//go:embed assets
var assets embed.FS

var pages = template.Must(template.ParseFS(assets, "assets/*.html"))

const (
	dateLayout = time.DateOnly
	timeLayout = "15:04"
)

// deskPage is a day at the front desk.
type deskPage struct {
	Day, Before, After, Today string
	Title, Zone               string
	Appointments              []deskEntry
	Findings                  []appointments.Finding
	Form                      form
	Problem                   string
}

// deskEntry is an appointment as the front desk sees it.
type deskEntry struct {
	*appointments.Appointment
	Class, StartTime, EndTime string
	Over                      bool
	Form                      form
}

// form holds what was typed.
type form struct {
	ID, Title, Day, Start, Minutes, Doctor, Patient, Interpreter string
}

// Lengths are the choices in minutes.
func (f form) Lengths() []string {
	lengths := []string{"15", "30", "45", "60", "90"}
	if slices.Contains(lengths, f.Minutes) {
		return lengths
	}
	return append(lengths, f.Minutes)
}

func (s *server) frontDesk(w http.ResponseWriter, r *http.Request) {
	s.renderDesk(w, r, r.FormValue("day"), form{}, "", http.StatusOK)
}

// renderDesk shows a day. After a refusal it shows what was typed, and the problem.
func (s *server) renderDesk(w http.ResponseWriter, r *http.Request, day string, typed form, problem string, status int) {
	now := time.Now().In(s.Location)
	midnight, err := time.ParseInLocation(dateLayout, day, s.Location)
	if err != nil {
		midnight, _ = time.ParseInLocation(dateLayout, now.Format(dateLayout), s.Location)
	}
	list, err := s.Replica.Between(r.Context(), midnight, midnight.AddDate(0, 0, 1))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := deskPage{
		Day: midnight.Format(dateLayout), Before: midnight.AddDate(0, 0, -1).Format(dateLayout),
		After: midnight.AddDate(0, 0, 1).Format(dateLayout), Today: now.Format(dateLayout),
		Title: midnight.Format("Monday, 2 January"), Zone: midnight.Format("MST"), Problem: problem, Form: typed,
	}
	if page.Findings, err = s.Replica.Findings(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	}
	if page.Form.ID == "" {
		// The id comes from the form, so that sending it twice makes one appointment.
		next := now.Truncate(30 * time.Minute).Add(time.Hour)
		page.Form = form{ID: rand.Text(), Title: "Consultation", Day: page.Day, Start: next.Format(timeLayout), Minutes: "30"}
	}
	for _, a := range list {
		page.Appointments = append(page.Appointments, s.entry(a, now))
	}
	render(w, "desk.html", page, status)
}

func render(w http.ResponseWriter, name string, page any, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, page) // The client is gone if this fails.
}

func (s *server) entry(a *appointments.Appointment, now time.Time) deskEntry {
	start, end := a.Start.In(s.Location), a.End.In(s.Location)
	f := form{
		Title: a.Title, Day: start.Format(dateLayout), Start: start.Format(timeLayout),
		Minutes: strconv.Itoa(int(end.Sub(start).Minutes())),
	}
	for _, p := range a.People {
		switch {
		case p.Role == coviu.RoleHost:
			f.Doctor = p.Name
		case p.Ref == appointments.PatientRef:
			f.Patient = p.Name
		default:
			f.Interpreter = p.Name
		}
	}
	return deskEntry{
		Appointment: a, Form: f, Over: end.Before(now),
		Class:     strings.ReplaceAll(string(a.Status()), " ", "-"),
		StartTime: start.Format(timeLayout), EndTime: end.Format(timeLayout),
	}
}

// read takes a form as it was typed, and what it means.
func (s *server) read(r *http.Request) (typed form, w appointments.Wish, err error) {
	value := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	typed = form{
		ID: value("id"), Title: value("title"), Day: value("day"), Start: value("start"), Minutes: value("minutes"),
		Doctor: value("doctor"), Patient: value("patient"), Interpreter: value("interpreter"),
	}
	start, err := time.ParseInLocation(dateLayout+" "+timeLayout, typed.Day+" "+typed.Start, s.Location)
	minutes, errMinutes := strconv.Atoi(typed.Minutes)
	w = appointments.Wish{
		Title: typed.Title, Start: start, End: start.Add(time.Duration(minutes) * time.Minute),
		People: []appointments.Person{
			{Ref: "doctor", Name: typed.Doctor, Role: coviu.RoleHost},
			{Ref: appointments.PatientRef, Name: typed.Patient, Role: coviu.RoleGuest},
		},
	}
	if typed.Interpreter != "" {
		w.People = append(w.People, appointments.Person{Ref: "interpreter", Name: typed.Interpreter, Role: coviu.RoleGuest})
	}
	if errors.Join(err, errMinutes) != nil {
		err = fmt.Errorf("%w: a day, a start and a length are needed", appointments.ErrInvalid)
	}
	return typed, w, err
}

func (s *server) book(w http.ResponseWriter, r *http.Request) {
	typed, wish, err := s.read(r)
	if err == nil {
		_, err = s.Replica.Put(r.Context(), typed.ID, wish)
	}
	s.afterChange(w, r, typed, err)
}

func (s *server) edit(w http.ResponseWriter, r *http.Request) {
	typed, wish, err := s.read(r)
	if err == nil {
		_, err = s.Replica.Put(r.Context(), r.PathValue("id"), wish)
	}
	s.afterChange(w, r, form{Day: typed.Day}, err)
}

func (s *server) cancel(w http.ResponseWriter, r *http.Request) {
	_, err := s.Replica.Cancel(r.Context(), r.PathValue("id"))
	s.afterChange(w, r, form{Day: r.FormValue("day")}, err)
}

// afterChange shows the day again. A reload does not repeat the change.
func (s *server) afterChange(w http.ResponseWriter, r *http.Request, typed form, err error) {
	if err != nil {
		text, status := s.explain(r, err)
		s.renderDesk(w, r, typed.Day, typed, strings.ToUpper(text[:1])+text[1:]+".", status)
		return
	}
	http.Redirect(w, r, "/?day="+url.QueryEscape(typed.Day), http.StatusSeeOther)
}

// enterAsHost leads the doctor into the call. The link is in no page.
func (s *server) enterAsHost(w http.ResponseWriter, r *http.Request) {
	a, err := s.Replica.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.enter(w, r, a, coviu.RoleHost)
}

func (s *server) enter(w http.ResponseWriter, r *http.Request, a *appointments.Appointment, role coviu.Role) {
	link, err := s.Replica.Link(r.Context(), a, role)
	if err != nil {
		s.explain(r, err)
		http.Error(w, "The call can't be opened just now. Go back, and try again in a moment.", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, link, http.StatusSeeOther) //nolint:gosec // the link is the service's
}

// ofPatient returns the appointment whose page it is. If there is none, it answers.
func (s *server) ofPatient(w http.ResponseWriter, r *http.Request) (*appointments.Appointment, bool) {
	a, err := s.Replica.ForPatient(r.Context(), r.PathValue("code"))
	if err != nil {
		s.fail(w, r, err)
	}
	return a, err == nil
}

// patientPage is what a patient sees.
type patientPage struct {
	Code, Title, Doctor, When, Zone, Status string
	CanEnter                                bool
}

func (s *server) patient(w http.ResponseWriter, r *http.Request) {
	a, ok := s.ofPatient(w, r)
	if !ok {
		return
	}
	start := a.Start.In(s.Location)
	status := cmp.Or(map[appointments.Status]string{
		appointments.Booked:      "Your appointment is booked. You can enter the call when it starts.",
		appointments.Updating:    "Your appointment is being changed. This takes a moment.",
		appointments.Canceled:    "This appointment was canceled.",
		appointments.Canceling:   "This appointment was canceled.",
		appointments.NeedsPerson: "We are looking into your appointment and will call you.",
	}[a.Status()], "We are booking your appointment. This page shows when it is done.")
	render(w, "patient.html", patientPage{
		Code: a.PatientCode, Title: a.Title, Doctor: s.entry(a, time.Now()).Form.Doctor, Status: status,
		When: start.Format("Monday, 2 January, 15:04"), Zone: start.Format("MST"), CanEnter: a.Status() == appointments.Booked,
	}, http.StatusOK)
}

func (s *server) patientEvents(w http.ResponseWriter, r *http.Request) {
	if a, ok := s.ofPatient(w, r); ok {
		s.stream(w, r, a.ID)
	}
}

func (s *server) enterAsPatient(w http.ResponseWriter, r *http.Request) {
	if a, ok := s.ofPatient(w, r); ok {
		s.enter(w, r, a, coviu.RoleGuest)
	}
}
