package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"

	"github.com/coviu/coviu-go-sdk"
)

//go:embed page.html copy.js
var files embed.FS

var pageTemplate = template.Must(template.ParseFS(files, "page.html"))

// view is what the page shows: a day with the form, the form alone, or neither.
type view struct {
	Connected       bool
	Account, Date   string
	Zone, ShortZone string
	Calls           []call
	// ListProblem says why there are no calls.
	ListProblem string
	Form        *form
	Lengths     []int
	Problem     *problem
	Notice      string
}

// ProblemWithCall tells that the problem does not belong to the booking form.
func (v view) ProblemWithCall() bool { return v.Problem != nil && v.Problem.session != "" }

func script(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "copy.js") }

// showDay shows the visitor's day with the form, and above it what went wrong, if
// anything did. The form is shown even if the day can't be.
func (a *app) showDay(w http.ResponseWriter, r *http.Request, v visitor, f form, p *problem) {
	now := a.Now()
	page := a.newView(&f, p)
	page.Connected = true
	ctx, cancel := context.WithTimeout(r.Context(), a.Patience)
	defer cancel()
	calls, err := listDay(ctx, v.client, now, p)
	switch {
	case errors.Is(err, coviu.ErrReauthorize):
		a.showWithoutDay(w, r, v, nil, err)
		return
	case err != nil:
		failed := outage(err, "Please load this page again in a minute.")
		page.ListProblem = failed.Text
		if p == nil {
			p = failed
		} else {
			a.log(r, failed)
		}
	default:
		page.Calls, page.Account = calls, a.accountName(ctx, v)
	}
	page.Notice = a.takeNotice(w, r)
	a.show(w, r, page, p)
}

// showWithoutDay shows what is possible for a visitor without an account: to
// connect one, and to keep the form that could not be sent.
func (a *app) showWithoutDay(w http.ResponseWriter, r *http.Request, v visitor, f *form, err error) {
	var p *problem
	switch {
	case errors.Is(err, coviu.ErrReauthorize):
		// A dead token does not come back.
		removed, failed := a.users.disconnect(r.Context(), v.id)
		switch {
		case failed != nil:
			p = outage(databaseError{failed}, "Please try again in a minute.")
		case removed || f != nil:
			p = notConnected("Coviu no longer accepts the connection to your account.", err)
		}
	case !errors.Is(err, errNotConnected):
		p = outage(err, "Please try again in a minute.")
	case f != nil:
		p = notConnected("Your account is not connected any more.", err)
	}
	a.show(w, r, a.newView(f, p), p)
}

// showWelcome asks the visitor to connect an account.
func (a *app) showWelcome(w http.ResponseWriter, r *http.Request, p *problem) {
	a.show(w, r, a.newView(nil, p), p)
}

func (a *app) newView(f *form, p *problem) view {
	now := a.Now()
	return view{
		Date: now.Format("Monday, 2 January"), Zone: zoneOf(now), ShortZone: now.Format("MST"),
		Form: f, Lengths: []int{15, 30, 45, 60}, Problem: p,
	}
}

func (a *app) show(w http.ResponseWriter, r *http.Request, page view, p *problem) {
	status := http.StatusOK
	if p != nil {
		status = p.status
		a.log(r, p)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, page); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}
