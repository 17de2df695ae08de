// Package web is the web server of the program onbehalf: pages on which users
// connect their Coviu accounts, see their sessions of today and book one.
package web

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// Config is what the server needs.
type Config struct {
	// Client is the application's own client.
	Client *coviu.Client
	// APIKey names the application to the consent page.
	APIKey string
	// ConsentURL is the page on which users consent. It sends them back to
	// /callback.
	ConsentURL string
	// GrantDir is where the grants are kept, one file a user.
	GrantDir string
	// Now tells what today is.
	Now func() time.Time
}

type app struct {
	Config
	consent  *url.URL
	accounts *accounts
}

// New makes the server's handler, and its directory if that is missing.
func New(c Config) (http.Handler, error) {
	consent, err := url.Parse(c.ConsentURL)
	if err != nil || !consent.IsAbs() {
		return nil, errors.New("the consent page's URL is not absolute")
	}
	if err := os.MkdirAll(c.GrantDir, 0o700); err != nil {
		return nil, err
	}
	a := &app{
		Config:   c,
		consent:  consent,
		accounts: &accounts{client: c.Client, dir: c.GrantDir, clients: map[string]*coviu.Client{}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /connect", a.connect)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /book", a.book)
	mux.HandleFunc("POST /disconnect", a.disconnect)
	// No other site may make a visitor's browser book or disconnect.
	return http.NewCrossOriginProtection().Handler(guard(mux)), nil
}

// guard keeps the pages, which hold entry links, out of caches, frames and
// referrers.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		next.ServeHTTP(w, r)
	})
}

const (
	visitorCookie = "visitor"
	stateCookie   = "state"
)

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	client, err := a.accounts.clientFor(visitor(r))
	if err != nil {
		a.showProblem(w, r, err)
		return
	}
	a.showDay(w, r, client, a.newForm(), nil)
}

// connect sends the visitor to the consent page, with a state that only this
// browser has: without it, anybody could slip their own account into it.
func (a *app) connect(w http.ResponseWriter, r *http.Request) {
	state := rand.Text()
	setCookie(w, stateCookie, state, 10*time.Minute)
	to := *a.consent
	query := to.Query()
	query.Set("client_id", a.APIKey)
	query.Set("response_type", "code")
	query.Set("state", state)
	to.RawQuery = query.Encode()
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

var (
	errState  = errors.New("the answer does not belong to a question of this browser")
	errDenied = errors.New("consent was not given")
)

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	asked, err := r.Cookie(stateCookie)
	setCookie(w, stateCookie, "", -1)
	switch {
	case err != nil || subtle.ConstantTimeCompare([]byte(asked.Value), []byte(query.Get("state"))) != 1:
		err = errState
	case query.Get("error") != "" || query.Get("code") == "":
		err = errDenied
	default:
		err = a.login(w, r, query.Get("code"))
	}
	if err != nil {
		a.showProblem(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// login connects the account under a new cookie. The one that the browser had
// may have been planted by somebody who would then act for this visitor too.
func (a *app) login(w http.ResponseWriter, r *http.Request, code string) error {
	fresh := rand.Text()
	if err := a.accounts.connect(r.Context(), fresh, code); err != nil {
		return err
	}
	setCookie(w, visitorCookie, fresh, 365*24*time.Hour)
	return a.accounts.forget(visitor(r))
}

func (a *app) book(w http.ResponseWriter, r *http.Request) {
	client, err := a.accounts.clientFor(visitor(r))
	if err != nil {
		a.showProblem(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	f := a.readForm(r)
	request, err := f.request(a.Now())
	if err == nil {
		// The form's key makes a second click, or a second try, book nothing new.
		_, err = client.Sessions.CreateOnce(r.Context(), f.Key, request)
	}
	if err != nil {
		a.showDay(w, r, client, f, err)
		return
	}
	http.Redirect(w, r, "/?booked=1", http.StatusSeeOther)
}

func (a *app) disconnect(w http.ResponseWriter, r *http.Request) {
	if err := a.accounts.forget(visitor(r)); err != nil {
		a.showProblem(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func visitor(r *http.Request) string {
	cookie, err := r.Cookie(visitorCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

func setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	//nolint:gosec // Served on loopback without TLS; behind TLS, set Secure as well.
	http.SetCookie(w, &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     "/",
		MaxAge:   int(age.Seconds()),
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// today is the day of now, from midnight to midnight.
func today(now time.Time) *coviu.SessionListOptions {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	return &coviu.SessionListOptions{StartTime: midnight, EndTime: midnight.AddDate(0, 0, 1).Add(-time.Millisecond)}
}

// explain says in the visitor's words what went wrong, and what to do.
func explain(err error) string {
	switch {
	case errors.Is(err, errInput):
		return err.Error()
	case errors.Is(err, errState):
		return "This answer does not belong to a question from this browser. Please start again."
	case errors.Is(err, errDenied):
		return "You did not consent, so nothing was connected."
	case errors.Is(err, coviu.ErrReauthorize):
		return "Coviu no longer accepts the connection to your account. Please connect it again."
	case errors.Is(err, coviu.ErrOutcomeUnknown):
		return "Coviu did not answer in time. Press the button again: nothing will be booked twice."
	case errors.Is(err, coviu.ErrBadRequest):
		if refusal, ok := errors.AsType[*coviu.APIError](err); ok && refusal.Message != "" {
			return fmt.Sprintf("Coviu refused: %s.", refusal.Message)
		}
		return "Coviu refused this booking."
	}
	return "Coviu can't be reached at the moment. Please try again in a minute."
}
