package web_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestAUserBooksAndSeesTheCall(t *testing.T) {
	s := newSite(t)
	user := s.coviu.AddUser(coviutest.User{TeamID: "practice-nwosu", Username: "Dr. Ada"})
	v := newVisitor(t, s)
	_, page := v.consent(t, user.UserID, "allow")
	assert.Contains(t, page, "Nothing is booked for today.")
	assert.Contains(t, page, "All times are UTC.")

	status, page := v.post(t, "/book", booking("k-1"))

	require.Equal(t, http.StatusOK, status)
	sessions := s.coviu.Sessions()
	require.Len(t, sessions, 1)
	assert.Equal(t, "practice-nwosu", sessions[0].TeamID)
	assert.Equal(t, noon.Add(3*time.Hour), sessions[0].StartTime)
	assert.Contains(t, page, "The call is booked.")
	assert.Contains(t, page, "Check-up")
	assert.Contains(t, page, `href="`+sessions[0].WithRole(coviu.RoleHost)[0].EntryURL+`"`)
	assert.Contains(t, page, `value="`+sessions[0].WithRole(coviu.RoleGuest)[0].EntryURL+`"`)
	assert.Contains(t, page, "Ben &lt;b&gt;")
	_, page = v.get(t, "/")
	assert.NotContains(t, page, "The call is booked.", "after a reload")
}

func TestSendingTheFormTwiceBooksOnce(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	s.coviu.Fail("POST /sessions", coviutest.LoseReply())
	for range 2 {
		status, _ := v.post(t, "/book", booking("k-1"))
		require.Equal(t, http.StatusOK, status)
	}
	assert.Len(t, s.coviu.Sessions(), 1)
}

func TestOnlyTheSessionsOfTodayAreShown(t *testing.T) {
	s := newSite(t)
	v := newVisitor(t, s)
	for name, start := range map[string]time.Time{
		"Yesterday's": noon.Add(-24 * time.Hour), "This morning's": noon.Add(-4 * time.Hour),
		"Midnight's": noon.Add(-12 * time.Hour), "Tonight's": noon.Add(11*time.Hour + 45*time.Minute), "Tomorrow's": noon.Add(12 * time.Hour),
	} {
		_, err := s.coviu.Seed(coviu.Session{SessionName: name, StartTime: start, EndTime: start.Add(time.Hour)})
		require.NoError(t, err)
	}
	_, page := v.consent(t, "", "allow")
	for _, name := range []string{"This morning's", "Midnight's", "Tonight's"} {
		assert.Contains(t, page, quoted(name))
	}
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
	first.post(t, "/book", booking("k-1"))

	_, page := first.get(t, "/")
	assert.Contains(t, page, "Check-up")
	_, page = second.get(t, "/")
	assert.Contains(t, page, "Nothing is booked for today.")
}

func TestWithSeveralHostsEachLinkHasAName(t *testing.T) {
	s := newSite(t)
	_, err := s.coviu.Seed(coviu.Session{SessionName: "Round", StartTime: noon.Add(time.Hour), EndTime: noon.Add(2 * time.Hour), Participants: []coviu.Participant{
		{DisplayName: "Dr. Ada", Role: coviu.RoleHost}, {DisplayName: "Dr. Ben", Role: coviu.RoleHost},
	}})
	require.NoError(t, err)
	_, page := newVisitor(t, s).consent(t, "", "allow")
	assert.NotContains(t, page, ">Enter<")
	assert.Contains(t, page, "Copy the link of Dr. Ada")
	assert.Contains(t, page, "Copy the link of Dr. Ben")
}

// keepsTheForm wants the page to have the form as it was sent, with its key.
func keepsTheForm(t *testing.T, page string, sent url.Values) {
	t.Helper()
	for _, name := range []string{"key", "title", "host", "guest", "start"} {
		assert.Contains(t, page, `name="`+name+`" value="`+quoted(sent.Get(name))+`"`)
	}
}

func TestAMistakeInTheFormKeepsWhatWasTyped(t *testing.T) {
	for field, c := range map[string]struct{ value, want string }{
		"title":   {"", "Please give the call a title"},
		"host":    {"", "Please give your name"},
		"guest":   {"", "Please give your guest's name"},
		"start":   {"noon", "Please give the start"},
		"minutes": {"0", "Please choose how long"},
	} {
		t.Run(field, func(t *testing.T) {
			s := newSite(t)
			v := newConnected(t, s)
			f := booking("k-1")
			f.Set(field, c.value)

			status, page := v.post(t, "/book", f)

			assert.Equal(t, http.StatusUnprocessableEntity, status)
			assert.Contains(t, page, quoted(c.want))
			assert.Regexp(t, `name="`+field+`"[^>]* aria-invalid="true" aria-describedby="problem" autofocus>`, page)
			keepsTheForm(t, page, f)
			assert.Empty(t, s.coviu.Sessions())
		})
	}
}

func TestAFailedBookingKeepsTheFormAndItsKey(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, s *site, v *visitor, f url.Values)
		status  int
		want    string
	}{
		"the start has passed": {func(_ *testing.T, _ *site, _ *visitor, f url.Values) {
			f.Set("start", "09:00")
		}, http.StatusUnprocessableEntity, "The start has passed. Please choose a later time."},
		"the service refuses": {func(_ *testing.T, s *site, _ *visitor, _ url.Values) {
			s.coviu.Fail("POST /sessions", coviutest.Status(400, nil, `{"ok":false,"error":"bad","message":"no more calls this month."}`))
		}, http.StatusUnprocessableEntity, "Coviu refused the call: no more calls this month."},
		"the account may not": {func(_ *testing.T, s *site, _ *visitor, _ url.Values) {
			s.coviu.Fail("POST /sessions", coviutest.Status(403, nil, `{}`))
		}, http.StatusUnprocessableEntity, "Your Coviu account may not book this call."},
		"an outage": {func(_ *testing.T, s *site, _ *visitor, _ url.Values) {
			s.coviu.Fail("POST /sessions", coviutest.Refuse())
		}, http.StatusBadGateway, "press the button again in a minute"},
		"an outage of everything": {func(_ *testing.T, s *site, _ *visitor, _ url.Values) {
			s.coviu.Fail(coviutest.AnyOperation, coviutest.Unavailable().Always())
		}, http.StatusBadGateway, "press the button again in a minute"},
		"the times were changed after the booking": {func(t *testing.T, _ *site, v *visitor, f url.Values) {
			t.Helper()
			v.post(t, "/book", f)
			f.Set("start", "16:00")
		}, http.StatusConflict, "This form has booked a call already, at another time."},
		"the names were changed after the booking": {func(t *testing.T, _ *site, v *visitor, f url.Values) {
			t.Helper()
			v.post(t, "/book", f)
			f.Set("guest", "Somebody")
		}, http.StatusConflict, "This form has booked a call already, with other names."},
		"the call was canceled": {func(t *testing.T, s *site, v *visitor, f url.Values) {
			t.Helper()
			v.post(t, "/book", f)
			v.post(t, "/cancel", url.Values{"session": {s.coviu.Sessions()[0].SessionID}})
		}, http.StatusConflict, "The call that this form booked was canceled."},
		"the account is not connected any more": {func(t *testing.T, _ *site, v *visitor, _ url.Values) {
			t.Helper()
			v.post(t, "/disconnect", nil)
		}, http.StatusUnauthorized, "Your account is not connected any more."},
		"the consent has ended": {func(_ *testing.T, s *site, _ *visitor, _ url.Values) {
			s.coviu.RevokeTokens()
			s.coviu.RevokeRefreshTokens()
		}, http.StatusUnauthorized, "Coviu no longer accepts the connection to your account."},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			v := newConnected(t, s)
			f := booking("k-1")
			c.prepare(t, s, v, f)

			status, page := v.post(t, "/book", f)

			assert.Equal(t, c.status, status)
			assert.Regexp(t, `role="alert" id="problem"[^>]*>[^<]*`+c.want, page)
			keepsTheForm(t, page, f)
		})
	}
}

// Nobody knows whether the call is booked: the same form finds out.
func TestAfterAnUnknownOutcomeTheSameFormBooksNothingTwice(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	s.patience = time.Second
	s.restart(t)
	f := booking("k-1")
	s.coviu.Fail("POST /sessions", coviutest.LoseReply().ListedAfter(time.Hour))

	status, page := v.post(t, "/book", f)

	assert.Equal(t, http.StatusGatewayTimeout, status)
	assert.Contains(t, page, "Press the button again: nothing is booked twice.")
	keepsTheForm(t, page, f)
	require.Len(t, s.coviu.Sessions(), 1)
	s.coviu.Advance(2 * time.Hour)
	status, page = v.post(t, "/book", f)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "The call is booked.")
	assert.Len(t, s.coviu.Sessions(), 1)
}

func TestAfterReconnectingInAnotherTabTheFormWorks(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	s.coviu.RevokeTokens()
	s.coviu.RevokeRefreshTokens()
	_, page := v.post(t, "/book", booking("k-1"))
	require.Contains(t, page, `id="reconnect" href="/connect" target="_blank"`)
	v.consent(t, "", "allow")
	status, page := v.post(t, "/book", booking("k-1"))
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "The call is booked.")
	assert.Len(t, s.coviu.Sessions(), 1)
}

func TestACallIsMoved(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	v.post(t, "/book", booking("k-1"))
	id := s.coviu.Sessions()[0].SessionID

	for range 2 {
		status, page := v.post(t, "/move", url.Values{"session": {id}, "start": {"17:15"}})
		assert.Equal(t, http.StatusOK, status)
		assert.Contains(t, page, "The call is moved.")
		assert.Contains(t, page, "17:15 <small>to 17:45")
	}

	assert.Equal(t, noon.Add(5*time.Hour+15*time.Minute), s.coviu.Sessions()[0].StartTime)
	_, page := v.get(t, "/")
	assert.NotContains(t, page, "The call is moved.")
}

func TestACallIsCanceledOnce(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	v.post(t, "/book", booking("k-1"))
	id := s.coviu.Sessions()[0].SessionID
	for range 2 {
		status, page := v.post(t, "/cancel", url.Values{"session": {id}})
		assert.Equal(t, http.StatusOK, status)
		assert.Contains(t, page, "The call is canceled.")
		assert.Contains(t, page, "Nothing is booked for today.")
	}
	assert.NotNil(t, s.coviu.Sessions()[0].CanceledTime)
}

func TestAFailedChangeIsExplainedAndKeptOpen(t *testing.T) {
	for name, c := range map[string]struct {
		path, start string
		prepare     func(s *site)
		want        string
	}{
		"no time of day": {"/move", "soon", func(*site) {}, "as a time of day"},
		"refused move": {"/move", "17:00", func(s *site) {
			s.coviu.Fail("PUT /sessions/{session_id}", coviutest.Status(400, nil, `{"message":"the room is taken"}`))
		}, "Coviu did not move the call: the room is taken."},
		"outage": {"/move", "17:00", func(s *site) {
			s.coviu.Fail("PUT /sessions/{session_id}", coviutest.Unavailable())
		}, "to move a call twice changes nothing more"},
		"started": {"/cancel", "15:00", func(s *site) {
			s.coviu.Advance(3*time.Hour + time.Minute)
		}, "has started, so it can't be canceled"},
		"outage of cancellation": {"/cancel", "15:00", func(s *site) {
			s.coviu.Fail("DELETE /sessions/{session_id}", coviutest.Unavailable())
		}, "to cancel a call twice changes nothing more"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			v := newConnected(t, s)
			v.post(t, "/book", booking("k-1"))
			c.prepare(s)
			_, page := v.post(t, c.path, url.Values{"session": {s.coviu.Sessions()[0].SessionID}, "start": {c.start}})
			assert.Regexp(t, `role="alert" id="problem"[^>]*>[^<]*`+quoted(c.want), page)
			assert.Contains(t, page, "<details open>")
			assert.Contains(t, page, `name="start" value="`+c.start+`"`)
		})
	}
}

func TestACanceledCallCantBeMoved(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	v.post(t, "/book", booking("k-1"))
	id := s.coviu.Sessions()[0].SessionID
	v.post(t, "/cancel", url.Values{"session": {id}})
	status, page := v.post(t, "/move", url.Values{"session": {id}, "start": {"17:00"}})
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Contains(t, page, "This call was canceled")
}

func TestAnOutageIsExplainedAndLeavesTheForm(t *testing.T) {
	s := newSite(t)
	v := newConnected(t, s)
	s.coviu.Fail("GET /sessions", coviutest.Unavailable().Always())
	status, page := v.get(t, "/")
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, page, "load this page again in a minute")
	assert.Contains(t, page, `name="key"`)
}
