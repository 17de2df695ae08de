// Package web is the web server of the program onbehalf: pages on which users
// connect their Coviu accounts, see their sessions of today, and book, move and
// cancel them.
package web

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
)

// Config is what the server needs. It keeps nothing that a restart would lose, so
// that several replicas can serve the same visitors from one database.
type Config struct {
	// Client is the application's own client.
	Client *coviu.Client
	// APIKey names the application to the consent page.
	APIKey string
	// ConsentURL is the page on which users consent. It sends them back to
	// /callback.
	ConsentURL string
	// Database is shared by all replicas.
	Database *database.Database
	// Now tells the time, in the time zone of the pages.
	Now func() time.Time
	// Logger gets what a visitor can do nothing about.
	Logger *slog.Logger
	// Patience is how long a visitor waits for an answer, 10 s by default. The service
	// may take longer; then the visitor is told to press the button again.
	Patience time.Duration
	// Secure restricts cookies to https.
	Secure bool
}

// defaultPatience is the default of Config.Patience.
const defaultPatience = 10 * time.Second

type app struct {
	Config
	consent *url.URL
	users   *users
}

// New makes the server's handler.
func New(c Config) (http.Handler, error) {
	consent, err := url.Parse(c.ConsentURL)
	if err != nil || !consent.IsAbs() {
		return nil, errors.New("the consent page's URL is not absolute")
	}
	c.Patience = cmp.Or(c.Patience, defaultPatience)
	a := &app{
		Config:  c,
		consent: consent,
		users:   &users{application: c.Client, database: c.Database, clients: map[string]*coviu.Client{}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /copy.js", script)
	mux.HandleFunc("GET /connect", a.connect)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /book", a.book)
	mux.HandleFunc("POST /move", a.move)
	mux.HandleFunc("POST /cancel", a.cancel)
	mux.HandleFunc("POST /disconnect", a.disconnect)
	// No other site may make a visitor's browser book or disconnect.
	return http.NewCrossOriginProtection().Handler(guard(mux)), nil
}

// guard keeps the pages, which hold entry links, out of caches, frames and
// referrers, and limits what a form can send.
func guard(next http.Handler) http.Handler {
	policy := strings.Join([]string{
		"default-src 'none'", "style-src 'unsafe-inline'", "script-src 'self'",
		"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", policy)
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	v, err := a.find(r)
	if err != nil {
		a.showWithoutDay(w, r, v, nil, err)
		return
	}
	a.showDay(w, r, v, newForm(a.Now()), nil)
}
