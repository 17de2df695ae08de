package web_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/web"
)

func TestAStrangerIsAskedToConnect(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	status, page := v.get(t, "/")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, `href="/connect"`)
	assert.NotContains(t, page, "Your calls today")
	assert.NotContains(t, page, "alert")
	status, page = v.post(t, "/cancel", url.Values{"session": {"x"}})
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, `href="/connect"`)
	assert.Zero(t, s.coviu.Count(coviutest.AnyOperation))
}

func TestThePageNamesTheAccount(t *testing.T) {
	s := newSite(t)
	s.coviu.SetTeam(coviutest.Team{TeamID: "practice-nwosu", Name: "Nwosu & Co"})
	user := s.coviu.AddUser(coviutest.User{TeamID: "practice-nwosu", Username: "Dr. Ada"})
	s.coviu.Fail("GET /user/team", coviutest.Unavailable())
	v := newVisitor(t, s)
	_, page := v.consent(t, user.UserID, "allow")
	assert.Contains(t, page, "An account is connected")
	for range 2 {
		_, page = v.get(t, "/")
		assert.Contains(t, page, "Connected: <strong>Nwosu &amp; Co</strong>")
	}
	assert.Equal(t, 2, s.coviu.Count("GET /user/team"), "the name is stored")
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
			state := v.ask(t).Query().Get("state")
			require.NotEmpty(t, state)

			answer := url.Values{"code": {s.coviu.AuthorizationCode("")}, "state": {forge(v, state)}}
			status, page := v.get(t, "/callback?"+answer.Encode())

			assert.Equal(t, http.StatusBadRequest, status)
			assert.Contains(t, page, "does not belong to a question from this browser")
			assert.Zero(t, s.coviu.CountGrants("authorization_code"))
			assert.Zero(t, s.storedTokens(t))
		})
	}
}

func TestAStateWorksOnce(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	state := v.ask(t).Query().Get("state")
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} {
		answer := url.Values{"code": {s.coviu.AuthorizationCode("")}, "state": {state}}
		status, _ := v.get(t, "/callback?"+answer.Encode())
		assert.Equal(t, want, status)
	}
}

func TestTwoTabsCanAskForConsentAtOnce(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	first, second := v.ask(t), v.ask(t)
	for _, asked := range []*url.URL{first, second} {
		status, page := v.answer(t, asked, "", "allow")
		assert.Equal(t, http.StatusOK, status)
		assert.Contains(t, page, "Your calls today")
	}
	assert.Equal(t, 1, s.storedTokens(t), "the second login replaces the first")
}

// Somebody who planted a cookie in the visitor's browser beforehand knows its
// value, and could act for the visitor if it survived the login.
func TestAPlantedCookieIsReplacedByTheLogin(t *testing.T) {
	s := newSite(t)
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	attacker := newConnected(t, s)
	planted := attacker.Jar.Cookies(at)
	require.Len(t, planted, 1)
	v := newVisitor(t, s)
	v.Jar.SetCookies(at, planted)

	_, page := v.consent(t, "", "allow")
	assert.Contains(t, page, "Your calls today")

	for _, cookie := range v.Jar.Cookies(at) {
		assert.NotEqual(t, planted[0].Value, cookie.Value, cookie.Name)
	}
	_, page = attacker.get(t, "/")
	assert.NotContains(t, page, "Your calls today")
	assert.Contains(t, page, `href="/connect"`)
	assert.Equal(t, 1, s.storedTokens(t))
}

func TestAFailedLoginChangesNothing(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	_, page := v.consent(t, "", "deny")
	assert.Contains(t, page, "You did not consent")
	s.coviu.Fail("POST /auth/token", coviutest.RefuseRefresh(), coviutest.Unavailable().Always())
	status, page := v.consent(t, "", "allow")
	assert.Equal(t, http.StatusGatewayTimeout, status)
	assert.Contains(t, page, "did not answer in time")
	_, page = v.get(t, "/")
	assert.Contains(t, page, "Your calls today")
}

func TestWhatComesBackFromTheConsentPageIsExplained(t *testing.T) {
	for query, want := range map[string]string{
		"error=access_denied": "You did not consent",
		"error=server_error":  "could not ask you",
		"":                    "could not ask you",
		"code=made-up":        "Your consent was used already",
	} {
		t.Run(query, func(t *testing.T) {
			v := newVisitor(t, newSite(t))
			state := v.ask(t).Query().Get("state")
			status, page := v.get(t, "/callback?"+query+"&state="+state)
			assert.Equal(t, http.StatusBadRequest, status)
			assert.Contains(t, page, want)
			assert.Contains(t, page, `href="/connect"`)
		})
	}
}

func TestABareCallbackIsNoAnswer(t *testing.T) {
	s := newSite(t)
	for _, v := range []*visitor{newVisitor(t, s), newConnected(t, s)} {
		status, page := v.get(t, "/callback")
		assert.Equal(t, http.StatusOK, status)
		assert.NotContains(t, page, "alert")
		assert.NotContains(t, page, "consent,")
	}
}

func TestADeadTokenLeadsBackToConsent(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	s.coviu.RevokeTokens()
	s.coviu.RevokeRefreshTokens()

	status, page := v.get(t, "/")

	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Contains(t, page, "no longer accepts the connection")
	assert.Contains(t, page, `href="/connect"`)
	assert.Zero(t, s.storedTokens(t))
}

func TestDisconnectingForgetsTheAccount(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	before := v.Jar.Cookies(at)
	_, page := v.post(t, "/disconnect", nil)
	assert.Contains(t, page, `href="/connect"`)
	assert.Zero(t, s.storedTokens(t))
	assert.Empty(t, v.Jar.Cookies(at))
	v.Jar.SetCookies(at, before)
	_, page = v.get(t, "/")
	assert.Contains(t, page, `href="/connect"`, "the old cookie is worth nothing")
}

func TestAnotherSiteCanDoNothing(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	for _, path := range []string{"/book", "/move", "/cancel", "/disconnect"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(booking("k-1").Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://elsewhere.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		resp, err := v.Do(req)
		require.NoError(t, err)
		status, _ := read(t, resp)
		assert.Equal(t, http.StatusForbidden, status, path)
	}
	assert.Empty(t, s.coviu.Sessions())
	assert.Equal(t, 1, s.storedTokens(t))
}

func TestPagesStayOutOfCachesAndFrames(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	v.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/", "/connect"} {
		resp, err := v.Get(s.URL + path)
		require.NoError(t, err)
		read(t, resp)
		assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		assert.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		assert.Len(t, resp.Cookies(), map[string]int{"/": 0, "/connect": 1}[path])
		for _, cookie := range resp.Cookies() {
			assert.True(t, cookie.HttpOnly)
			assert.False(t, cookie.Secure, "this site is served by http")
			assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
		}
	}
}

func TestTheConsentPageMustHaveAnAddress(t *testing.T) {
	_, err := web.New(web.Config{ConsentURL: "/authorize"})
	assert.Error(t, err)
}
