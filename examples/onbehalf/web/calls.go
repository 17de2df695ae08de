package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/coviu/coviu-go-sdk"
)

// book books the call of the form. The form's key makes a second click, a second
// try or another replica book nothing new. If it fails, the form stays, with its
// key.
func (a *app) book(w http.ResponseWriter, r *http.Request) {
	f := readForm(r)
	v, err := a.find(r)
	if err != nil {
		a.showWithoutDay(w, r, v, &f, err)
		return
	}
	request, err := f.request(a.Now())
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), a.Patience)
		defer cancel()
		_, err = v.client.Sessions.CreateOnce(ctx, f.Key, request)
	}
	switch {
	case errors.Is(err, coviu.ErrReauthorize):
		a.showWithoutDay(w, r, v, &f, err)
	case err != nil:
		a.showDay(w, r, v, f, bookingProblem(err, request, a.Now()))
	default:
		a.backHome(w, r, "booked")
	}
}

// move changes the start of a call, and leaves its length as it is. To do so twice
// changes nothing more.
func (a *app) move(w http.ResponseWriter, r *http.Request) {
	a.change(w, r, a.moveCall, moveProblem, "moved")
}

func (a *app) moveCall(ctx context.Context, r *http.Request, client *coviu.Client) error {
	start, err := timeOfDay(r.PostFormValue("start"), a.Now())
	if err != nil {
		return err
	}
	session, err := client.Sessions.Get(ctx, r.PostFormValue("session"), nil)
	if err != nil {
		return err
	}
	_, err = client.Sessions.Update(ctx, session.SessionID, &coviu.SessionUpdateRequest{
		StartTime: &start,
		EndTime:   new(start.Add(session.EndTime.Sub(session.StartTime))),
	})
	return err
}

func (a *app) cancel(w http.ResponseWriter, r *http.Request) {
	a.change(w, r, cancelCall, cancelProblem, "canceled")
}

func cancelCall(ctx context.Context, r *http.Request, client *coviu.Client) error {
	_, err := client.Sessions.Delete(ctx, r.PostFormValue("session"))
	if isGone(err) {
		return nil // a second click, or another tab
	}
	return err
}

// change carries out what a visitor asks for about one call.
func (a *app) change(
	w http.ResponseWriter, r *http.Request,
	carryOut func(context.Context, *http.Request, *coviu.Client) error,
	explain func(error) *problem,
	notice string,
) {
	v, err := a.find(r)
	if err != nil {
		a.showWithoutDay(w, r, v, nil, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Patience)
	defer cancel()
	switch err := carryOut(ctx, r, v.client); {
	case errors.Is(err, coviu.ErrReauthorize):
		a.showWithoutDay(w, r, v, nil, err)
	case err != nil:
		p := explain(err)
		p.session, p.start = r.PostFormValue("session"), r.PostFormValue("start")
		a.showDay(w, r, v, newForm(a.Now()), p)
	default:
		a.backHome(w, r, notice)
	}
}

// isGone tells whether a session was canceled: the service answers 401 for it.
func isGone(err error) bool {
	refused, ok := errors.AsType[*coviu.APIError](err)
	return ok && (errors.Is(refused, coviu.ErrNotFound) || errors.Is(refused, coviu.ErrUnauthorized))
}
