package web_test

import (
	"database/sql"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/web"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// site is the web server under test: replicas behind one address, which take turns,
// with one database and the service behind them.
type site struct {
	*httptest.Server
	coviu    *coviutest.Server
	gate     *gate
	database string
	patience time.Duration

	mu       sync.Mutex
	replicas []*replica
	turn     int
}

type replica struct {
	server   *httptest.Server
	database *database.Database
}

// newSite starts a site with one server and a SQLite file.
func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOn(t, filepath.Join(t.TempDir(), "onbehalf.db"), 1)
}

func newSiteOn(t *testing.T, name string, replicas int) *site {
	t.Helper()
	s := &site{database: name, gate: new(gate), patience: 30 * time.Second, replicas: make([]*replica, replicas)}
	s.Server = httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(s.pick())
		r.Out.Host = r.In.Host
	}})
	s.coviu = coviutest.NewServer(
		coviutest.WithClock(func() time.Time { return noon }),
		coviutest.WithRedirectURL(s.URL+"/callback"),
		coviutest.WithReuseDetection(),
		coviutest.WithMiddleware(s.gate.watch),
	)
	t.Cleanup(s.coviu.Close)
	s.restart(t)
	t.Cleanup(s.stopReplicas)
	t.Cleanup(s.Close)
	return s
}

// pick returns the address of the replica whose turn it is.
func (s *site) pick() *url.URL {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	address, _ := url.Parse(s.replicas[s.turn%len(s.replicas)].server.URL)
	return address
}

// restart replaces the replicas by new ones, which remember nothing but what is in
// the database.
func (s *site) restart(t *testing.T) {
	t.Helper()
	s.stopReplicas()
	for i := range s.replicas {
		r := s.startReplica(t)
		s.mu.Lock()
		s.replicas[i] = r
		s.mu.Unlock()
	}
}

func (s *site) startReplica(t *testing.T) *replica {
	t.Helper()
	data, err := database.Open(t.Context(), s.database, nil)
	require.NoError(t, err)
	handler, err := web.New(web.Config{
		Client:     s.coviu.Client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})),
		APIKey:     s.coviu.APIKey,
		ConsentURL: s.coviu.URL + "/auth/authorize",
		Database:   data,
		Now:        func() time.Time { return noon },
		Logger:     slog.New(slog.DiscardHandler),
		Patience:   s.patience,
	})
	require.NoError(t, err)
	return &replica{httptest.NewServer(handler), data}
}

func (s *site) stopReplicas() {
	for _, r := range s.replicas {
		if r != nil {
			r.server.Close()
			_ = r.database.Close()
		}
	}
}

// storedTokens counts the tokens in the database.
func (s *site) storedTokens(t *testing.T) (n int) {
	t.Helper()
	driver, name := "pgx", s.database
	if filepath.IsAbs(name) {
		driver, name = "sqlite", "file:"+name+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, name)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM coviu_tokens WHERE token IS NOT NULL").Scan(&n))
	return n
}

// gate holds token requests back at the service, after they were carried out.
type gate struct {
	mu      sync.Mutex
	arrived chan struct{}
	release chan struct{}
}

// close makes the next token request wait. It tells when that has arrived, and lets
// it go on.
func (g *gate) close() (arrived <-chan struct{}, release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gone := make(chan struct{})
	g.arrived, g.release = make(chan struct{}), gone
	return g.arrived, sync.OnceFunc(func() { close(gone) })
}

func (g *gate) watch(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		arrived, release := g.arrived, g.release
		isToken := r.URL.Path == "/v1/auth/token"
		if isToken {
			g.arrived, g.release = nil, nil
		}
		g.mu.Unlock()
		if !isToken || arrived == nil {
			api.ServeHTTP(w, r)
			return
		}
		reply := httptest.NewRecorder()
		api.ServeHTTP(reply, r)
		close(arrived)
		<-release
		w.Header().Set("Content-Type", reply.Header().Get("Content-Type"))
		w.WriteHeader(reply.Code)
		_, _ = w.Write(reply.Body.Bytes())
	})
}

// visitor is a browser without a screen.
type visitor struct {
	http.Client
	site *site
}

func newVisitor(t *testing.T, s *site) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	v := &visitor{site: s}
	v.Jar = jar
	t.Cleanup(v.CloseIdleConnections)
	return v
}

// newConnected returns a visitor who has connected an account.
func newConnected(t *testing.T, s *site) *visitor {
	t.Helper()
	v := newVisitor(t, s)
	status, page := v.consent(t, "", "allow")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Your calls today")
	return v
}

// get and post return the page as a visitor reads it.
func (v *visitor) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := v.Get(v.site.URL + path)
	require.NoError(t, err)
	return read(t, resp)
}

func (v *visitor) post(t *testing.T, path string, form url.Values) (int, string) {
	t.Helper()
	resp, err := v.PostForm(v.site.URL+path, form)
	require.NoError(t, err)
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) (int, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// ask goes to the consent page and returns its address.
func (v *visitor) ask(t *testing.T) *url.URL {
	t.Helper()
	resp, err := v.Get(v.site.URL + "/connect")
	require.NoError(t, err)
	_, page := read(t, resp)
	require.Contains(t, page, "Let this program act for you?")
	return resp.Request.URL
}

// consent goes to the consent page and answers it.
func (v *visitor) consent(t *testing.T, userID, decision string) (int, string) {
	t.Helper()
	return v.answer(t, v.ask(t), userID, decision)
}

func (v *visitor) answer(t *testing.T, asked *url.URL, userID, decision string) (int, string) {
	t.Helper()
	resp, err := v.PostForm(asked.String(), url.Values{
		"client_id": {asked.Query().Get("client_id")},
		"state":     {asked.Query().Get("state")},
		"user":      {userID},
		"decision":  {decision},
	})
	require.NoError(t, err)
	return read(t, resp)
}

func booking(key string) url.Values {
	return url.Values{
		"key": {key}, "title": {"Check-up"}, "host": {"Dr. Ada"}, "guest": {"Ben <b>"},
		"start": {"15:00"}, "minutes": {"30"},
	}
}

// quoted is a text as it stands in a page.
func quoted(text string) string { return html.EscapeString(text) }
