// Package pages shows what a [coviutest.Server] holds: its sessions, and who would
// enter a call by an entry link, or why not.
package pages

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const (
	entryPath  = "/session/"
	scriptPath = "/refresh.js"
	// shownSessions keeps the page readable, and quick on a phone.
	shownSessions = 100
	clockLayout   = "Mon 2 Jan 2006, 15:04 UTC"
)

//go:embed *.html refresh.js
var files embed.FS

var templates = template.Must(template.ParseFS(files, "*.html"))

// Pages serves what people look at in a browser. It belongs in front of the API of
// its server; see [coviutest.WithMiddleware].
type Pages struct{ Server *coviutest.Server }

// Answers tells whether a request is for a page.
func (Pages) Answers(r *http.Request) bool {
	path := r.URL.EscapedPath()
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		(path == "/" || path == scriptPath || strings.HasPrefix(path, entryPath))
}

// ServeHTTP answers the requests for which Answers is true.
func (p Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.EscapedPath(); path {
	case "/":
		p.home(w, r)
	case scriptPath:
		http.ServeFileFS(w, r, files, "refresh.js")
	default:
		p.entry(w, path)
	}
}

type homeView struct {
	BaseURL  string
	Now      string
	Paused   bool
	Held     int
	Sessions []sessionView
}

type sessionView struct {
	ID, Name   string
	Start, End string
	Period     string
	Status     string // upcoming, running, finished, canceled
	People     []personView
}

type personView struct {
	ID          string
	Name, Role  string
	State, Link string
	Removed     bool
}

func (p Pages) home(w http.ResponseWriter, r *http.Request) {
	view := homeOf(p.Server)
	view.Paused = r.URL.Query().Get("refresh") == "off"
	render(w, http.StatusOK, "home.html", view)
}

func homeOf(server *coviutest.Server) homeView {
	held, now := server.Sessions(), server.Now()
	view := homeView{
		BaseURL: server.URL,
		Now:     now.UTC().Format("15:04:05 UTC"),
		Held:    len(held),
	}
	for _, s := range held[max(0, len(held)-shownSessions):] {
		view.Sessions = append(view.Sessions, newSessionView(s, now))
	}
	slices.Reverse(view.Sessions)
	return view
}

func newSessionView(s coviu.Session, now time.Time) sessionView {
	view := sessionView{
		ID:     s.SessionID,
		Name:   named(s.SessionName, "Session without a name"),
		Start:  s.StartTime.Format(clockLayout),
		End:    s.EndTime.Format(clockLayout),
		Period: period(s.StartTime, s.EndTime),
		Status: status(s, now),
	}
	for _, p := range s.Participants {
		view.People = append(view.People, newPersonView(p))
	}
	return view
}

func newPersonView(p coviu.Participant) personView {
	return personView{
		ID:      p.ParticipantID,
		Name:    named(p.DisplayName, "Somebody"),
		Role:    strings.ToLower(string(p.Role)),
		State:   p.State,
		Link:    p.EntryURL,
		Removed: p.DeletedAt != nil,
	}
}

func period(start, end time.Time) string {
	if start.Format(time.DateOnly) == end.Format(time.DateOnly) {
		return start.Format("Mon 2 Jan 2006, 15:04") + " to " + end.Format("15:04 UTC")
	}
	return start.Format(clockLayout) + " to " + end.Format(clockLayout)
}

func status(s coviu.Session, now time.Time) string {
	switch {
	case s.CanceledTime != nil:
		return "canceled"
	case now.Before(s.StartTime):
		return "upcoming"
	case now.Before(s.EndTime):
		return "running"
	}
	return "finished"
}

type entryView struct {
	Headline, Explanation string
	Open, Waiting         bool
	Person                *personView
	Session               *sessionView
}

// entry takes the place of the call: it tells who would enter, or why not.
func (p Pages) entry(w http.ResponseWriter, path string) {
	session, person, err := p.Server.Enter(strings.TrimSuffix(p.Server.URL, "/v1") + path)
	if errors.Is(err, coviutest.ErrNoSuchEntry) {
		render(w, http.StatusNotFound, "entry.html", entryView{
			Headline:    "Nobody has this link",
			Explanation: "It was never given out here, or the emulator was started anew since.",
		})
		return
	}
	shown := newSessionView(session, p.Server.Now())
	view := entryView{
		Session: &shown,
		Person:  new(newPersonView(person)),
	}
	view.Headline, view.Explanation = verdict(view.Person.Name, shown, err)
	view.Open = err == nil
	view.Waiting = errors.Is(err, coviutest.ErrNotStarted)
	code := http.StatusOK
	if err != nil {
		code = http.StatusForbidden
	}
	render(w, code, "entry.html", view)
}

func verdict(name string, s sessionView, err error) (headline, explanation string) {
	switch {
	case err == nil:
		return name + " would enter the call now", "This is where the real service opens the call. The emulator has none."
	case errors.Is(err, coviutest.ErrCanceled):
		return name + " can't enter: canceled", "The session was canceled, which can't be undone."
	case errors.Is(err, coviutest.ErrRemoved):
		return name + " can't enter: removed", "This participant was removed from the session."
	case errors.Is(err, coviutest.ErrFinished):
		return name + " can't enter: finished", "The session ended on " + s.End + "."
	}
	return name + " can't enter yet", "The session has not started. It starts on " + s.Start + "."
}

func named(name, unnamed string) string {
	if name == "" {
		return unnamed
	}
	return name
}

func render(w http.ResponseWriter, status int, name string, view any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, view); err != nil {
		http.Error(w, "the page can't be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'")
	h.Set("Referrer-Policy", "no-referrer") // entry links are secrets
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}
