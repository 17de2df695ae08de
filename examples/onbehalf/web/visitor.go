package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

const (
	visitorCookie = "visitor"
	noticeCookie  = "notice"
	statePrefix   = "state-"

	visitorAge = 365 * 24 * time.Hour
	stateAge   = 10 * time.Minute
	noticeAge  = time.Minute
)

// visitor is a browser in which somebody connected an account.
type visitor struct {
	id      string
	account string // "" as long as its name is not known
	client  *coviu.Client
}

// find returns the visitor of a request, or errNotConnected. It asks the database
// each time, so that a disconnection holds for all replicas at once.
func (a *app) find(r *http.Request) (visitor, error) {
	cookie, err := r.Cookie(visitorCookie)
	if err != nil {
		return visitor{}, errNotConnected
	}
	v := visitor{id: visitorID(cookie.Value)}
	account, connected, err := a.Database.Account(r.Context(), v.id, a.Now())
	if err != nil {
		return v, databaseError{err}
	}
	if !connected {
		return v, errNotConnected
	}
	v.account = account
	v.client, err = a.users.client(v.id)
	return v, err
}

// visitorID does not show the cookie, with which anybody could act for the visitor.
func visitorID(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return hex.EncodeToString(sum[:])
}

// newVisitor returns a cookie that nobody can guess, and its visitor.
func newVisitor() (cookie string, v visitor) {
	cookie = rand.Text()
	return cookie, visitor{id: visitorID(cookie)}
}

func (a *app) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	//nolint:gosec // Secure is set where the pages are served by https.
	http.SetCookie(w, &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     "/",
		MaxAge:   int(age.Seconds()),
		HttpOnly: true,
		Secure:   a.Secure,
		SameSite: http.SameSiteLaxMode,
	})
}

func (a *app) dropCookie(w http.ResponseWriter, name string) { a.setCookie(w, name, "", -time.Second) }

// backHome leads to the page of the day, which shows the notice once: not again
// after a reload.
func (a *app) backHome(w http.ResponseWriter, r *http.Request, notice string) {
	if notice != "" {
		a.setCookie(w, noticeCookie, notice, noticeAge)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// notices are what can be said after a form was sent.
var notices = map[string]string{
	"booked":   "The call is booked.",
	"moved":    "The call is moved. Its links stay the same.",
	"canceled": "The call is canceled.",
}

func (a *app) takeNotice(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(noticeCookie)
	if err != nil {
		return ""
	}
	a.dropCookie(w, noticeCookie)
	return notices[cookie.Value]
}
