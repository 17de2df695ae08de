package coviutest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestResultsOfTokenRequests(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := newWire(t, s) // granted
	refresh := w.ownGrant("grant_type=client_credentials").text("refresh_token")
	w.refresh(refresh)
	w.refresh(refresh).refuses(400, "invalid_grant")
	w.grant("wrong", "wrong", "grant_type=client_credentials").refuses(401, "invalid_client")
	s.Fail(opToken, coviutest.Unavailable(), coviutest.RefuseRefresh())
	w.ownGrant("grant_type=client_credentials").is(503)
	w.refresh(refresh).refuses(400, "invalid_grant")

	assert.Equal(t, coviutest.Results{CarriedOut: 3, Refused: 2}, s.Results(opToken), "a fault's answers are not the server's")
	assert.Equal(t, coviutest.Results{CarriedOut: 2, Refused: 1}, s.GrantResults("client_credentials"))
	assert.Equal(t, coviutest.Results{CarriedOut: 1, Refused: 1}, s.GrantResults("refresh_token"))
	assert.Equal(t, 7, s.Count(opToken))
	assert.Equal(t, s.Results(opToken), s.Results(coviutest.AnyOperation))
	s.ClearRequests()
	assert.Zero(t, s.Results(opToken))
	assert.Zero(t, s.GrantResults("refresh_token"))
	assert.PanicsWithValue(t, `coviutest: no operation is named "POST /session"`, func() { s.Results("POST /session") })
}

func TestResultsOfBookings(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		w.s.Fail(opCreate, coviutest.LoseReply(), coviutest.CarryOutLate(time.Minute), coviutest.Unavailable().CarriedOut(), coviutest.Reset(), coviutest.Unavailable())
		for range 5 {
			_, _ = w.try(t.Context(), "POST", "/sessions", soon())
		}
		w.do("POST", "/sessions", "{}").is(400)
		w.do("GET", "/nowhere", "").is(404)
		assert.Equal(t, coviutest.Results{CarriedOut: 2, Refused: 1}, w.s.Results(opCreate))
		<-time.After(2 * time.Minute)
		assert.Equal(t, coviutest.Results{CarriedOut: 3, Refused: 1}, w.s.Results(opCreate))
		assert.Len(t, w.s.Sessions(), 3)
		assert.Equal(t, 6, w.s.Count(opCreate))
	})
}

func TestListLateHidesASessionFromListsOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t, coviutest.WithPageCount())
	w := newWire(t, s)
	before := w.book(time.Hour)
	s.Fail(opCreate, coviutest.ListLate(time.Minute))
	late := w.book(time.Hour, `"participants":[{"state":"x"}]`)
	after := w.book(time.Hour)
	ids := func(query string) []string {
		return w.do("GET", "/sessions?"+query, "").is(200).list("content", "session_id")
	}

	w.do("GET", "/sessions/"+late, "").is(200)
	assert.Len(t, s.Sessions(), 3)
	for _, wait := range []time.Duration{0, time.Minute - time.Millisecond} {
		s.Advance(wait)
		assert.Equal(t, []string{before, after}, ids(""))
		assert.Equal(t, []string{before, after}, ids(escaped("start_time", in(0))))
		assert.Equal(t, []string{after}, ids("page=1&page_size=1"))
		assert.Empty(t, ids("state=x"))
		assert.InDelta(t, 2, w.do("GET", "/sessions?page_size=1", "").get("page_count"), 0)
		s.Restore(s.Snapshot())
	}
	s.Advance(time.Millisecond)
	assert.Equal(t, []string{before, late, after}, ids(""))
	assert.Equal(t, []string{late}, ids("state=x"))
	assert.InDelta(t, 3, w.do("GET", "/sessions?page_size=1", "").get("page_count"), 0)
}

// A lost reply that is listed late as well is the worst case of booking once:
// whoever looks finds nothing.
func TestALostBookingCanBeListedLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		defer s.Close()
		c := s.Client(t)
		s.Fail(opCreate, coviutest.LoseReply().ListedAfter(time.Hour))
		_, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{StartTime: time.Now().Add(2 * time.Hour), EndTime: time.Now().Add(3 * time.Hour)})
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		page, err := c.Sessions.List(t.Context(), nil)
		require.NoError(t, err)
		assert.Empty(t, page.Content)
		assert.Equal(t, 1, s.Results(opCreate).CarriedOut)
		<-time.After(time.Hour)
		page, err = c.Sessions.List(t.Context(), nil)
		require.NoError(t, err)
		assert.Len(t, page.Content, 1)
	})
}

func TestOperationsAreThoseThatCanFail(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	all := coviutest.Operations()
	assert.IsIncreasing(t, all)
	for _, want := range []string{
		"POST /sessions", "GET /sessions", "GET /sessions/{session_id}", "PUT /sessions/{session_id}", "DELETE /sessions/{session_id}",
		"POST /sessions/{session_id}/participants", "GET /sessions/{session_id}/participants",
		"GET /participants/{participant_id}", "PUT /participants/{participant_id}", "DELETE /participants/{participant_id}",
		"POST /auth/token", "GET /auth/authorize", "POST /auth/authorize", "GET /user/team", "GET /sessions/{session_id}/summary",
	} {
		assert.Contains(t, all, want)
	}
	assert.Len(t, all, 15)
	for _, name := range all {
		assert.NotPanics(t, func() { s.Fail(name, coviutest.Hang()) })
	}
	all[0] = "changed"
	assert.NotEqual(t, "changed", coviutest.Operations()[0])
}
