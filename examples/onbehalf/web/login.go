package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/coviu/coviu-go-sdk"
)

// connect sends the visitor to the consent page, with a state that only this
// browser has: without it, anybody could slip their own account into it. Each tab
// has a state of its own.
func (a *app) connect(w http.ResponseWriter, r *http.Request) {
	state := rand.Text()
	a.setCookie(w, statePrefix+state, "asked", stateAge)
	to := *a.consent
	query := to.Query()
	query.Set("client_id", a.APIKey)
	query.Set("response_type", "code")
	query.Set("state", state)
	to.RawQuery = query.Encode()
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

var (
	errState      = errors.New("the answer does not belong to a question of this browser")
	errDenied     = errors.New("consent was not given")
	errNoDecision = errors.New("the consent page did not get a decision")
)

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if len(query) == 0 {
		// Somebody typed the address, or a browser completed it.
		a.backHome(w, r, "")
		return
	}
	asked := statePrefix + query.Get("state")
	_, err := r.Cookie(asked)
	switch {
	case err != nil:
		err = errState
	case query.Get("error") == "access_denied":
		err = errDenied
	case query.Get("code") == "":
		err = errNoDecision
	default:
		err = a.login(w, r, query.Get("code"))
	}
	if !errors.Is(err, errState) {
		a.dropCookie(w, asked)
	}
	if err != nil {
		a.showWelcome(w, r, loginProblem(err))
		return
	}
	a.backHome(w, r, "")
}

// login connects the account under a new cookie. The one that the browser had
// may have been planted by somebody who would then act for this visitor too.
func (a *app) login(w http.ResponseWriter, r *http.Request, code string) error {
	ctx, cancel := context.WithTimeout(r.Context(), a.Patience)
	defer cancel()
	token, err := a.Client.Exchange(ctx, code)
	if err != nil {
		return err
	}
	cookie, v := newVisitor()
	if err := a.Database.AddVisitor(ctx, v.id, a.Now().Add(visitorAge)); err != nil {
		return databaseError{err}
	}
	if err := a.Database.Store.SaveToken(ctx, v.id, token); err != nil {
		return databaseError{err}
	}
	a.setCookie(w, visitorCookie, cookie, visitorAge)
	if before, err := r.Cookie(visitorCookie); err == nil {
		// The visitor is connected. An account that stays behind is removed when its
		// time is up.
		_, _ = a.users.disconnect(ctx, visitorID(before.Value))
	}
	return nil
}

func (a *app) disconnect(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(visitorCookie); err == nil {
		if _, err := a.users.disconnect(r.Context(), visitorID(cookie.Value)); err != nil {
			a.showWelcome(w, r, outage(databaseError{err}, "Please press the button again in a minute."))
			return
		}
	}
	a.dropCookie(w, visitorCookie)
	a.backHome(w, r, "")
}

// accountName asks for the name of the visitor's account where it is not known
// yet. The page can do without it.
func (a *app) accountName(ctx context.Context, v visitor) string {
	if v.account != "" {
		return v.account
	}
	ctx, cancel := context.WithTimeout(ctx, a.Patience/2)
	defer cancel()
	var team struct {
		Name string `json:"name"`
	}
	err := v.client.Do(ctx, coviu.Call{Route: "GET /user/team", Into: &team})
	if err != nil || team.Name == "" {
		return ""
	}
	// If this fails, the next page asks again.
	_ = a.Database.NameAccount(ctx, v.id, team.Name)
	return team.Name
}
