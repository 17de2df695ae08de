package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/web"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// site is the web server under test, with the service behind it and a directory
// for grants.
type site struct {
	*httptest.Server
	coviu  *coviutest.Server
	grants string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Server: httptest.NewUnstartedServer(nil), grants: filepath.Join(t.TempDir(), "grants")}
	clock := func() time.Time { return noon }
	s.coviu = coviutest.NewServer(
		coviutest.WithClock(clock),
		coviutest.WithRedirectURL("http://"+s.Listener.Addr().String()+"/callback"),
	)
	t.Cleanup(s.coviu.Close)
	s.restart(t)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// restart gives the site a handler that remembers nothing but its files.
func (s *site) restart(t *testing.T) {
	t.Helper()
	handler, err := web.New(web.Config{
		Client:     s.coviu.Client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})),
		APIKey:     s.coviu.APIKey,
		ConsentURL: s.coviu.URL + "/auth/authorize",
		GrantDir:   s.grants,
		Now:        func() time.Time { return noon },
	})
	require.NoError(t, err)
	s.Config.Handler = handler
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

func (v *visitor) get(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := v.Get(address)
	require.NoError(t, err)
	return read(t, resp)
}

func (v *visitor) post(t *testing.T, address string, form url.Values) (int, string) {
	t.Helper()
	resp, err := v.PostForm(address, form)
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

// consent goes to the consent page and answers it.
func (v *visitor) consent(t *testing.T, userID, decision string) (int, string) {
	t.Helper()
	resp, err := v.Get(v.site.URL + "/connect")
	require.NoError(t, err)
	asked := resp.Request.URL
	_, page := read(t, resp)
	require.Contains(t, page, "Let this program act for you?")
	return v.post(t, asked.String(), url.Values{
		"client_id": {asked.Query().Get("client_id")},
		"state":     {asked.Query().Get("state")},
		"user":      {userID},
		"decision":  {decision},
	})
}

func booking(key string) url.Values {
	return url.Values{
		"key": {key}, "title": {"Check-up"}, "host": {"Dr. Ada"}, "guest": {"Ben <b>"},
		"start": {"15:00"}, "minutes": {"30"},
	}
}

func TestAStrangerIsAskedToConnect(t *testing.T) {
	s := newSite(t)
	status, page := newVisitor(t, s).get(t, s.URL)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, `href="/connect"`)
	assert.NotContains(t, page, "Your calls today")
}

func TestAUserConnectsBooksAndSeesTheSession(t *testing.T) {
	s := newSite(t)
	user := s.coviu.AddUser(coviutest.User{TeamID: "practice-nwosu", Username: "Dr. Ada"})
	v := newVisitor(t, s)

	status, page := v.consent(t, user.UserID, "allow")
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "Nothing is booked for today.")

	status, page = v.post(t, s.URL+"/book", booking("k-1"))
	require.Equal(t, http.StatusOK, status)
	sessions := s.coviu.Sessions()
	require.Len(t, sessions, 1)
	assert.Equal(t, "practice-nwosu", sessions[0].TeamID)
	assert.Equal(t, noon.Add(3*time.Hour), sessions[0].StartTime)
	assert.Contains(t, page, "The call is booked.")
	assert.Contains(t, page, "Check-up")
	assert.Contains(t, page, `href="`+sessions[0].Participants[0].EntryURL+`"`)
	assert.Contains(t, page, `value="`+sessions[0].Participants[1].EntryURL+`"`)
	assert.Contains(t, page, "Ben &lt;b&gt;")
}

func TestSendingTheFormTwiceBooksOnce(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	s.coviu.Fail("POST /sessions", coviutest.LoseReply())
	for range 2 {
		status, _ := v.post(t, s.URL+"/book", booking("k-1"))
		require.Equal(t, http.StatusOK, status)
	}
	assert.Len(t, s.coviu.Sessions(), 1)
}

func TestOnlyTheSessionsOfTodayAreShown(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	for name, start := range map[string]time.Time{
		"Yesterday's": noon.Add(-24 * time.Hour), "This morning's": noon.Add(-4 * time.Hour),
		"Tonight's": noon.Add(11 * time.Hour), "Tomorrow's": noon.Add(12 * time.Hour),
	} {
		_, err := s.coviu.Seed(coviu.Session{SessionName: name, StartTime: start, EndTime: start.Add(time.Hour)})
		require.NoError(t, err)
	}
	_, page := v.consent(t, "", "allow")
	assert.Contains(t, page, "This morning&#39;s")
	assert.Contains(t, page, "Tonight&#39;s")
	assert.NotContains(t, page, "Yesterday")
	assert.NotContains(t, page, "Tomorrow")
}

func TestUsersSeeTheirOwnSessions(t *testing.T) {
	s := newSite(t)
	ada := s.coviu.AddUser(coviutest.User{TeamID: "ada"})
	ben := s.coviu.AddUser(coviutest.User{TeamID: "ben"})
	first, second := newVisitor(t, s), newVisitor(t, s)
	first.consent(t, ada.UserID, "allow")
	second.consent(t, ben.UserID, "allow")
	first.post(t, s.URL+"/book", booking("k-1"))

	_, page := first.get(t, s.URL)
	assert.Contains(t, page, "Check-up")
	_, page = second.get(t, s.URL)
	assert.Contains(t, page, "Nothing is booked for today.")
}

func TestTheStateMustBeTheBrowsersOwn(t *testing.T) {
	for name, forge := range map[string]func(v *visitor, state string) string{
		"another state":       func(_ *visitor, _ string) string { return "another" },
		"no state":            func(_ *visitor, _ string) string { return "" },
		"the state of before": func(v *visitor, state string) string { v.Jar, _ = cookiejar.New(nil); return state },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			v := newVisitor(t, s)
			resp, err := v.Get(s.URL + "/connect")
			require.NoError(t, err)
			state := resp.Request.URL.Query().Get("state")
			read(t, resp)
			require.NotEmpty(t, state)

			answer := url.Values{"code": {s.coviu.AuthorizationCode("")}, "state": {forge(v, state)}}
			status, page := v.get(t, s.URL+"/callback?"+answer.Encode())

			assert.Equal(t, http.StatusBadRequest, status)
			assert.Contains(t, page, "does not belong to a question from this browser")
			assert.Zero(t, s.coviu.CountGrants("authorization_code"))
			assert.Empty(t, grantFiles(t, s))
		})
	}
}

func TestAStateWorksOnce(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	resp, err := v.Get(s.URL + "/connect")
	require.NoError(t, err)
	state := resp.Request.URL.Query().Get("state")
	read(t, resp)
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
		answer := url.Values{"code": {s.coviu.AuthorizationCode("")}, "state": {state}}
		status, _ := v.get(t, s.URL+"/callback?"+answer.Encode())
		assert.Equal(t, want, status)
	}
}

// Somebody who planted a cookie in the visitor's browser beforehand knows its
// value, and could act for the visitor if it survived the login.
func TestAPlantedCookieIsReplacedByTheLogin(t *testing.T) {
	s := newSite(t)
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	planted := &http.Cookie{Name: "visitor", Value: "planted", Path: "/"}
	v, attacker := newVisitor(t, s), newVisitor(t, s)
	v.Jar.SetCookies(at, []*http.Cookie{planted})
	attacker.Jar.SetCookies(at, []*http.Cookie{planted})

	_, page := v.consent(t, "", "allow")
	assert.Contains(t, page, "Your calls today")

	for _, cookie := range v.Jar.Cookies(at) {
		assert.NotEqual(t, "planted", cookie.Value, cookie.Name)
	}
	_, page = attacker.get(t, s.URL)
	assert.NotContains(t, page, "Your calls today")
	assert.Contains(t, page, `href="/connect"`)
}

func TestConnectingAgainReplacesTheGrant(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	first := storedGrant(t, s)
	_, page := v.consent(t, "", "allow")
	assert.Contains(t, page, "Your calls today")
	assert.NotEqual(t, first.RefreshToken, storedGrant(t, s).RefreshToken)
}

func TestAFailedLoginChangesNothing(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	_, page := v.consent(t, "", "deny")
	assert.Contains(t, page, "You did not consent")
	_, page = v.get(t, s.URL)
	assert.Contains(t, page, "Your calls today")
}

func TestARefusedConsentIsExplained(t *testing.T) {
	s := newSite(t)
	status, page := newVisitor(t, s).consent(t, "", "deny")
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, page, "You did not consent")
}

func grantFiles(t *testing.T, s *site) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.grants, "*"))
	require.NoError(t, err)
	return files
}

func storedGrant(t *testing.T, s *site) oauth2.Token {
	t.Helper()
	files := grantFiles(t, s)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var grant oauth2.Token
	require.NoError(t, json.Unmarshal(text, &grant))
	return grant
}

func TestTheGrantIsStoredForItsOwnerAndFollowsEachRotation(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	first := storedGrant(t, s)
	info, err := os.Stat(grantFiles(t, s)[0])
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	s.coviu.RevokeTokens()
	status, _ := v.get(t, s.URL)

	assert.Equal(t, http.StatusOK, status)
	second := storedGrant(t, s)
	assert.NotEqual(t, first.RefreshToken, second.RefreshToken)
	// A restart, with the old refresh token used up: only the stored one works.
	s.coviu.RevokeTokens()
	s.restart(t)
	status, page := v.get(t, s.URL)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "Your calls today")
}

func TestADeadGrantLeadsBackToConsent(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	s.coviu.RevokeTokens()
	s.coviu.RevokeRefreshTokens()

	_, page := v.get(t, s.URL)

	assert.Contains(t, page, "Please connect it again.")
	assert.Contains(t, page, `href="/connect"`)
	assert.Empty(t, grantFiles(t, s))
}

func TestDisconnectingForgetsTheGrant(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	_, page := v.post(t, s.URL+"/disconnect", nil)
	assert.Contains(t, page, `href="/connect"`)
	assert.Empty(t, grantFiles(t, s))
}

func TestAMistakeInTheFormKeepsWhatWasTyped(t *testing.T) {
	for field, c := range map[string]struct{ value, want string }{
		"host":    {" ", "Please give your name"},
		"start":   {"noon", "Please give the start"},
		"minutes": {"0", "Please choose how long"},
	} {
		t.Run(field, func(t *testing.T) {
			s := newSite(t)
			v := newVisitor(t, s)
			v.consent(t, "", "allow")
			f := booking("k-1")
			f.Set(field, c.value)

			status, page := v.post(t, s.URL+"/book", f)

			assert.Equal(t, http.StatusUnprocessableEntity, status)
			assert.Contains(t, page, c.want)
			assert.Contains(t, page, `name="key" value="k-1"`)
			assert.Contains(t, page, `name="guest" value="Ben &lt;b&gt;"`)
			assert.Empty(t, s.coviu.Sessions())
		})
	}
}

func TestWhatTheServiceRefusesIsExplained(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	f := booking("k-1")
	f.Set("start", "09:00") // three hours ago

	status, page := v.post(t, s.URL+"/book", f)

	assert.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Regexp(t, `role="alert"[^>]*>Coviu refused: .+`, page)
}

func TestAnOutageIsExplained(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	s.coviu.Fail("GET /sessions", coviutest.Unavailable().Always())
	status, page := v.get(t, s.URL)
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, page, "try again in a minute")
}

func TestAnotherSiteCantBook(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.consent(t, "", "allow")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/book", strings.NewReader(booking("k-1").Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "https://elsewhere.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := v.Do(req)
	require.NoError(t, err)
	status, _ := read(t, resp)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Empty(t, s.coviu.Sessions())
}

func TestPagesStayOutOfCachesAndFrames(t *testing.T) {
	s := newSite(t)
	resp, err := newVisitor(t, s).Get(s.URL)
	require.NoError(t, err)
	read(t, resp)
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	assert.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
	assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	for _, cookie := range resp.Cookies() {
		assert.True(t, cookie.HttpOnly)
	}
}

func TestTheConsentPageMustHaveAnAddress(t *testing.T) {
	_, err := web.New(web.Config{ConsentURL: "/authorize", GrantDir: t.TempDir()})
	assert.Error(t, err)
}
