package coviutest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

var lifecycleRules = []conformance{
	{
		rule: "a session's start does not lie before the current second when it is created",
		raw: func(_ *testing.T, w *wire) {
			w.do("POST", "/sessions", `{`+timesJSON(-time.Hour, time.Hour)+`}`).is(400)
			w.do("POST", "/sessions", `{`+timesJSON(-time.Millisecond, time.Hour)+`}`).is(400)
			w.do("POST", "/sessions", `{`+timesJSON(0, time.Hour)+`}`).is(200)
			w.do("POST", "/sessions", `{`+timesJSON(time.Millisecond, time.Hour)+`}`).is(200)
			w.do("POST", "/sessions", `{`+timesJSON(9*time.Second, time.Hour)+`}`).is(200)
			w.s.Advance(999 * time.Millisecond)
			w.do("POST", "/sessions", `{`+timesJSON(0, time.Hour)+`}`).is(200)
			w.do("POST", "/sessions", `{"start_time":"Wed, 01 Jun 2016 09:00:00 GMT","end_time":"Wed, 01 Jun 2016 10:00:00 GMT"}`).is(200)
			w.s.Advance(time.Millisecond)
			w.do("POST", "/sessions", `{`+timesJSON(0, time.Hour)+`}`).is(400)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			_, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{StartTime: day.Add(-time.Second), EndTime: day.Add(time.Hour)})
			require.ErrorIs(t, err, coviu.ErrBadRequest)
		},
	},
	{
		rule: "a session's end is after its start",
		raw: func(t *testing.T, w *wire) {
			w.do("POST", "/sessions", `{`+timesJSON(time.Hour, time.Hour)+`}`).is(400)
			w.do("POST", "/sessions", `{`+timesJSON(2*time.Hour, time.Hour)+`}`).is(400)
			id := w.book(time.Hour)
			w.do("PUT", "/sessions/"+id, `{"start_time":"`+in(2*time.Hour)+`"}`).is(400)
			w.do("PUT", "/sessions/"+id, `{"end_time":"`+in(time.Hour)+`"}`).is(400)
			assert.Equal(t, in(time.Hour), w.do("GET", "/sessions/"+id, "").text("start_time"))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			_, err := c.Sessions.Update(t.Context(), booked.SessionID, &coviu.SessionUpdateRequest{EndTime: new(day)})
			require.ErrorIs(t, err, coviu.ErrBadRequest)
		},
	},
	{
		rule: "a started session can be changed and gets new participants, a finished one can't and does not",
		raw: func(_ *testing.T, w *wire) {
			id := w.book(time.Hour)
			w.s.Advance(time.Hour)
			w.relogin()
			w.do("PUT", "/sessions/"+id, `{"session_name":"late"}`).is(200)
			w.invite(id, `{}`)
			w.s.Advance(time.Hour - time.Millisecond)
			w.relogin()
			w.invite(id, `{}`)
			w.s.Advance(time.Millisecond)
			w.relogin()
			w.do("PUT", "/sessions/"+id, `{"session_name":"over"}`).is(400)
			w.do("PUT", "/sessions/"+id, `{}`).is(400)
			w.do("POST", "/sessions/"+id+"/participants", `{}`).is(400)
			w.do("GET", "/sessions/"+id, "").is(200)
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			s.Advance(2 * time.Hour)
			_, err := c.Participants.Add(t.Context(), booked.SessionID, &coviu.ParticipantCreationRequest{})
			require.ErrorIs(t, err, coviu.ErrBadRequest)
		},
	},
	{
		rule: "only a session that has not started can be canceled",
		raw: func(_ *testing.T, w *wire) {
			id := w.book(time.Hour)
			w.s.Advance(time.Hour)
			w.relogin()
			w.do("DELETE", "/sessions/"+id, "").is(403)
			w.s.Advance(time.Hour)
			w.relogin()
			w.do("DELETE", "/sessions/"+id, "").is(403)
			w.do("GET", "/sessions/"+id, "").is(200)
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			s.Advance(90 * time.Minute)
			_, err := c.Sessions.Delete(t.Context(), booked.SessionID)
			require.ErrorIs(t, err, coviu.ErrForbidden)
		},
	},
	{
		rule: "every call that names a canceled session answers 401, and canceling can't be undone",
		raw: func(_ *testing.T, w *wire) {
			id := w.book(time.Hour)
			person := w.invite(id, `{}`)
			w.do("DELETE", "/sessions/"+id, "").is(200)
			w.do("GET", "/sessions/"+id, "").is(401)
			w.do("PUT", "/sessions/"+id, `{}`).is(401)
			w.do("DELETE", "/sessions/"+id, "").is(401)
			w.do("GET", "/sessions/"+id+"/participants", "").is(401)
			w.do("GET", "/sessions/"+id+"/summary", "").is(401)
			w.do("POST", "/sessions/"+id+"/participants", `{}`).is(401)
			w.do("GET", "/participants/"+person, "").is(401)
			w.do("PUT", "/participants/"+person, `{}`).is(401)
			w.do("DELETE", "/participants/"+person, "").is(401)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			_, err := c.Sessions.Delete(t.Context(), booked.SessionID)
			require.NoError(t, err)
			_, err = c.Sessions.Get(t.Context(), booked.SessionID, nil)
			require.ErrorIs(t, err, coviu.ErrUnauthorized)
		},
	},
	{
		rule: "a participant can't be canceled after the session has finished",
		raw: func(_ *testing.T, w *wire) {
			id := w.book(time.Hour)
			first, second := w.invite(id, `{}`), w.invite(id, `{}`)
			w.s.Advance(time.Hour)
			w.relogin()
			w.do("DELETE", "/participants/"+first, "").is(200)
			w.s.Advance(time.Hour)
			w.relogin()
			w.do("DELETE", "/participants/"+second, "").is(403)
			w.do("GET", "/participants/"+second, "").is(200)
			w.do("PUT", "/participants/"+second, `{"state":"billed"}`).is(200)
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			person := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{}).Participants[0]
			s.Advance(2 * time.Hour)
			_, err := c.Participants.Delete(t.Context(), person.ParticipantID)
			require.ErrorIs(t, err, coviu.ErrForbidden)
		},
	},
	{
		rule: "a removed participant is out of every reply unless deleted_participants=true",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			gone, kept := w.invite(id, `{}`), w.invite(id, `{}`)
			w.do("DELETE", "/participants/"+gone, "").is(200)
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				w.do(method, "/participants/"+gone, `{}`).is(404)
			}
			assert.Equal(t, []string{kept}, w.do("GET", "/sessions/"+id, "").list("participants", "participant_id"))
			assert.Equal(t, []string{kept}, w.do("GET", "/sessions/"+id+"/participants", "").list("", "participant_id"))
			assert.Equal(t, []string{kept}, w.do("PUT", "/sessions/"+id, `{}`).list("participants", "participant_id"))
			assert.Equal(t, []string{kept}, w.do("GET", "/sessions", "").list("content.0.participants", "participant_id"))
			both := []string{gone, kept}
			got := w.do("GET", "/sessions/"+id+"?deleted_participants=true", "")
			assert.Equal(t, both, got.list("participants", "participant_id"))
			assert.Equal(t, in(0), got.text("participants.0.deleted_at"))
			assert.Equal(t, both, w.do("GET", "/sessions/"+id+"/participants?deleted_participants=1", "").list("", "participant_id"))
		},
	},
	{
		rule: "a canceled session is listed under include_canceled with exactly its non-removed participants",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			gone, kept := w.invite(id, `{}`), w.invite(id, `{}`)
			w.do("DELETE", "/participants/"+gone, "").is(200)
			w.s.Advance(time.Minute)
			w.do("DELETE", "/sessions/"+id, "").is(200)
			got := w.do("GET", "/sessions?include_canceled=true", "")
			assert.Equal(t, in(time.Minute), got.text("content.0.canceled_time"))
			assert.Equal(t, []string{kept}, got.list("content.0.participants", "participant_id"))
		},
	},
	{
		rule: "nobody can enter a canceled session, nor one that runs not",
		raw: func(t *testing.T, w *wire) {
			running, err := w.s.Seed(
				coviu.Session{StartTime: day, Participants: []coviu.Participant{{DisplayName: "in"}, {DisplayName: "out", DeletedAt: new(day)}}},
				coviu.Session{StartTime: day, CanceledTime: new(day), Participants: []coviu.Participant{{}}},
			)
			require.NoError(t, err)
			id := w.book(time.Hour, `"participants":[{}]`)
			future := w.do("GET", "/sessions/"+id, "").text("participants.0.entry_url")
			enter := func(link string) error {
				_, _, err := w.s.Enter(link)
				return err
			}
			session, person, err := w.s.Enter(running[0].Participants[0].EntryURL)
			require.NoError(t, err)
			assert.Equal(t, running[0].SessionID, session.SessionID)
			assert.Equal(t, "in", person.DisplayName)
			require.ErrorIs(t, enter(running[0].Participants[1].EntryURL), coviutest.ErrRemoved)
			require.ErrorIs(t, enter(running[1].Participants[0].EntryURL), coviutest.ErrCanceled)
			require.ErrorIs(t, enter(future), coviutest.ErrNotStarted)
			w.s.Advance(time.Hour)
			require.NoError(t, enter(future))
			require.ErrorIs(t, enter(running[0].Participants[0].EntryURL), coviutest.ErrFinished)
			require.ErrorIs(t, enter("http://127.0.0.1:1/session/nobody"), coviutest.ErrNoSuchEntry)
		},
	},
	{
		rule: "POST has no idempotency key: sending again books twice",
		raw: func(t *testing.T, w *wire) {
			body := `{` + timesJSON(time.Hour, 2*time.Hour) + `}`
			for range 2 {
				w.send("POST", "/sessions", body, "Authorization", "Bearer "+w.token, "Idempotency-Key", "same").is(200)
			}
			assert.Len(t, w.s.Sessions(), 2)
		},
	},
}

// relogin is for clocks that were advanced past the access token's end.
func (w *wire) relogin() {
	w.t.Helper()
	w.token = w.ownGrant("grant_type=client_credentials").text("access_token")
}
