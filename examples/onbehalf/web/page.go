package web

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// view is what the page shows.
type view struct {
	Connected       bool
	Date            string
	Sessions        []call
	Form            form
	Lengths         []int
	Problem, Status string
}

type call struct {
	Name, Start, End string
	Started, Over    bool
	// Enter is the host's own link, Guests are those to hand on.
	Enter  string
	Guests []guest
}

type guest struct{ Name, Link string }

// form is the booking form, as it was sent or as it is to be filled in.
type form struct {
	Key, Title, Host, Guest, Start string
	Minutes                        int
}

var errInput = errors.New("please fill in the form")

type inputError string

func (e inputError) Error() string        { return string(e) }
func (e inputError) Is(target error) bool { return target == errInput }

func (a *app) newForm() form {
	next := a.Now().Add(15 * time.Minute).Truncate(15 * time.Minute)
	return form{Key: rand.Text(), Title: "Consultation", Start: next.Format("15:04"), Minutes: 30}
}

func (a *app) readForm(r *http.Request) form {
	minutes, _ := strconv.Atoi(r.PostFormValue("minutes"))
	f := form{
		Key:     r.PostFormValue("key"),
		Title:   strings.TrimSpace(r.PostFormValue("title")),
		Host:    strings.TrimSpace(r.PostFormValue("host")),
		Guest:   strings.TrimSpace(r.PostFormValue("guest")),
		Start:   r.PostFormValue("start"),
		Minutes: minutes,
	}
	if f.Key == "" {
		f.Key = rand.Text()
	}
	return f
}

func (f *form) request(now time.Time) (*coviu.SessionCreationRequest, error) {
	clock, err := time.Parse("15:04", f.Start)
	switch {
	case f.Host == "" || f.Guest == "":
		return nil, inputError("Please give your name and your guest's.")
	case err != nil:
		return nil, inputError("Please give the start as a time of day.")
	case f.Minutes < 5 || f.Minutes > 480:
		return nil, inputError("Please choose how long the call takes.")
	}
	start := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location())
	return &coviu.SessionCreationRequest{
		SessionName: f.Title,
		StartTime:   start,
		EndTime:     start.Add(time.Duration(f.Minutes) * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: f.Host, Role: coviu.RoleHost},
			{DisplayName: f.Guest, Role: coviu.RoleGuest},
		},
	}, nil
}

// showDay shows the visitor's day with the form, and above it what went wrong
// with the form, if anything did.
func (a *app) showDay(w http.ResponseWriter, r *http.Request, client *coviu.Client, f form, failure error) {
	now := a.Now()
	v := view{Connected: true, Date: now.Format("Monday, 2 January"), Form: f, Lengths: []int{15, 30, 45, 60}}
	for session, err := range client.Sessions.All(r.Context(), today(now)) {
		if err != nil {
			a.showProblem(w, r, err)
			return
		}
		v.Sessions = append(v.Sessions, newCall(session, now))
	}
	status := http.StatusOK
	switch {
	case errors.Is(failure, coviu.ErrReauthorize):
		a.showProblem(w, r, failure)
		return
	case failure != nil:
		status, v.Problem = http.StatusUnprocessableEntity, explain(failure)
	case r.URL.Query().Has("booked"):
		v.Status = "The call is booked."
	}
	show(w, status, v)
}

func newCall(s *coviu.Session, now time.Time) call {
	c := call{
		Name:    s.SessionName,
		Start:   s.StartTime.In(now.Location()).Format("15:04"),
		End:     s.EndTime.In(now.Location()).Format("15:04"),
		Started: !s.StartTime.After(now),
		Over:    !s.EndTime.After(now),
	}
	for _, participant := range s.Participants {
		if participant.Role == coviu.RoleHost && c.Enter == "" {
			c.Enter = participant.EntryURL
		} else {
			c.Guests = append(c.Guests, guest{participant.DisplayName, participant.EntryURL})
		}
	}
	return c
}

// showProblem shows the page without a day: nobody is connected, or nothing can
// be done for them.
func (a *app) showProblem(w http.ResponseWriter, r *http.Request, err error) {
	v, status := view{}, http.StatusOK
	switch {
	case errors.Is(err, errNotConnected):
	case errors.Is(err, coviu.ErrReauthorize):
		// A dead grant does not come back.
		if failed := a.accounts.forget(visitor(r)); failed != nil {
			err = failed
		}
		v.Problem = explain(err)
	case errors.Is(err, errState), errors.Is(err, errDenied):
		status, v.Problem = http.StatusBadRequest, explain(err)
	default:
		status, v.Problem = http.StatusBadGateway, explain(err)
	}
	show(w, status, v)
}

func show(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}
