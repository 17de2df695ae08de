package coviutest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

var endpointRules = []conformance{
	{
		rule: "POST /sessions: SessionCreationRequest to Session, 400",
		raw: func(t *testing.T, w *wire) {
			got := w.do("POST", "/sessions", `{`+timesJSON(time.Hour, 2*time.Hour)+`,"session_name":"Ann","picture":"https://p.example/1.png","feature_flags":["-plugin;chat"],"participants":[{"display_name":"Dr","role":"host"}]}`).is(200)
			assert.Equal(t, "Ann", got.text("session_name"))
			assert.Equal(t, "https://p.example/1.png", got.text("picture"))
			assert.Equal(t, "-plugin;chat", got.text("feature_flags.0"))
			assert.Equal(t, "Dr", got.text("participants.0.display_name"))
			assert.Equal(t, got.text("session_id"), got.text("participants.0.session_id"))
			assert.Equal(t, got.body, w.do("GET", "/sessions/"+got.text("session_id"), "").body)
			w.do("POST", "/sessions", "").is(400)
			w.do("POST", "/sessions", "null").is(400)
			w.do("POST", "/sessions", "[]").is(400)
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{DisplayName: "Dr", Role: coviu.RoleHost})
			held, ok := s.Session(booked.SessionID)
			require.True(t, ok)
			assert.Equal(t, held, *booked)
		},
	},
	{
		rule: "GET /sessions: query to SessionPage, 400",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			got := w.do("GET", "/sessions", "").is(200)
			assert.Equal(t, []string{id}, got.list("content", "session_id"))
			w.do("GET", "/sessions?page=x", "").is(400)
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			bookWith(t, c, time.Hour)
			page, err := c.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, s.Sessions(), page.Content)
			assert.False(t, page.More)
		},
	},
	{
		rule: "GET /sessions/{session_id}: deleted_participants to Session, 400, 404",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			assert.Equal(t, id, w.do("GET", "/sessions/"+id, "").is(200).text("session_id"))
			w.do("GET", "/sessions/"+id+"?deleted_participants=maybe", "").is(400)
			w.do("GET", "/sessions/nobody", "").is(404)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			got, err := c.Sessions.Get(t.Context(), booked.SessionID, nil)
			require.NoError(t, err)
			assert.Equal(t, booked, got)
			_, err = c.Sessions.Get(t.Context(), "nobody", nil)
			require.ErrorIs(t, err, coviu.ErrNotFound)
		},
	},
	{
		rule: "PUT /sessions/{session_id}: SessionUpdateRequest to Session, 400, 404",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			got := w.do("PUT", "/sessions/"+id, `{"session_name":"New",`+timesJSON(3*time.Hour, 4*time.Hour)+`}`).is(200)
			assert.Equal(t, "New", got.text("session_name"))
			assert.Equal(t, in(3*time.Hour), got.text("start_time"))
			w.do("PUT", "/sessions/"+id, `{"session_name":5}`).is(400)
			w.do("PUT", "/sessions/nobody", `{}`).is(404)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			got, err := c.Sessions.Update(t.Context(), booked.SessionID, &coviu.SessionUpdateRequest{SessionName: new("New")})
			require.NoError(t, err)
			assert.Equal(t, "New", got.SessionName)
			_, err = c.Sessions.Update(t.Context(), "nobody", &coviu.SessionUpdateRequest{SessionName: new("New")})
			require.ErrorIs(t, err, coviu.ErrNotFound)
		},
	},
	{
		rule: "DELETE /sessions/{session_id}: UnitResponse, 404",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			assert.JSONEq(t, `{"ok":true}`, w.do("DELETE", "/sessions/"+id, "").is(200).body)
			w.do("DELETE", "/sessions/nobody", "").is(404)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			got, err := c.Sessions.Delete(t.Context(), bookWith(t, c, time.Hour).SessionID)
			require.NoError(t, err)
			assert.True(t, got.OK)
			_, err = c.Sessions.Delete(t.Context(), "nobody")
			require.ErrorIs(t, err, coviu.ErrNotFound)
		},
	},
	{
		rule: "POST /sessions/{session_id}/participants: ParticipantCreationRequest to Participant, 400, 404",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			got := w.do("POST", "/sessions/"+id+"/participants", `{"display_name":"Pat","role":"guest","picture":"https://p.example","state":"s1","phone":"+61"}`).is(200)
			assert.Equal(t, id, got.text("session_id"))
			assert.Equal(t, "Pat", got.text("display_name"))
			assert.Equal(t, "https://p.example", got.text("picture"))
			assert.Equal(t, "s1", got.text("state"))
			assert.Equal(t, "+61", got.text("phone"))
			w.do("POST", "/sessions/"+id+"/participants", `{"role":"king"}`).is(400)
			w.do("POST", "/sessions/nobody/participants", `{}`).is(404)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			got, err := c.Participants.Add(t.Context(), booked.SessionID, &coviu.ParticipantCreationRequest{DisplayName: "Pat", Phone: "+61"})
			require.NoError(t, err)
			assert.Equal(t, coviu.RoleGuest, got.Role)
			assert.Equal(t, "+61", got.Phone)
			_, err = c.Participants.Add(t.Context(), "nobody", &coviu.ParticipantCreationRequest{})
			require.ErrorIs(t, err, coviu.ErrNotFound)
		},
	},
	{
		rule: "GET /sessions/{session_id}/participants: deleted_participants to a bare array, 400, 404",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			assert.Equal(t, "[]", w.do("GET", "/sessions/"+id+"/participants", "").is(200).body)
			first, second := w.invite(id, `{}`), w.invite(id, `{}`)
			assert.Equal(t, []string{first, second}, w.do("GET", "/sessions/"+id+"/participants", "").is(200).list("", "participant_id"))
			w.do("GET", "/sessions/"+id+"/participants?deleted_participants=2", "").is(400)
			w.do("GET", "/sessions/nobody/participants", "").is(404)
		},
		client: participantListWorks,
	},
	{
		rule:    "GET /sessions/{session_id}/participants: a page object by option",
		options: options(coviutest.WithParticipantPages()),
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			assert.JSONEq(t, `{"content":[],"page":0,"page_size":0,"more":false}`, w.do("GET", "/sessions/"+id+"/participants", "").is(200).body)
			person := w.invite(id, `{}`)
			got := w.do("GET", "/sessions/"+id+"/participants", "").is(200)
			assert.Equal(t, []string{person}, got.list("content", "participant_id"))
			assert.Equal(t, false, got.get("more"))
		},
		client: participantListWorks,
	},
	{
		rule: "GET /participants/{participant_id}: Participant, 404",
		raw: func(t *testing.T, w *wire) {
			person := w.invite(w.book(time.Hour), `{}`)
			assert.Equal(t, person, w.do("GET", "/participants/"+person, "").is(200).text("participant_id"))
			w.do("GET", "/participants/nobody", "").is(404)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			person := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{}).Participants[0]
			got, err := c.Participants.Get(t.Context(), person.ParticipantID)
			require.NoError(t, err)
			assert.Equal(t, person, *got)
		},
	},
	{
		rule: "PUT /participants/{participant_id}: ParticipantUpdateRequest to Participant, 400, 404",
		raw: func(t *testing.T, w *wire) {
			person := w.invite(w.book(time.Hour), `{"state":"s1"}`)
			got := w.do("PUT", "/participants/"+person, `{"display_name":"Pat","role":"HOST","picture":"https://p.example"}`).is(200)
			assert.Equal(t, "Pat", got.text("display_name"))
			assert.Equal(t, "HOST", got.text("role"))
			assert.Equal(t, "https://p.example", got.text("picture"))
			assert.Equal(t, "s1", got.text("state"))
			w.do("PUT", "/participants/"+person, `{"role":1}`).is(400)
			w.do("PUT", "/participants/nobody", `{}`).is(404)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			person := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{State: "s1"}).Participants[0]
			got, err := c.Participants.Update(t.Context(), person.ParticipantID, &coviu.ParticipantUpdateRequest{State: new(""), Role: new(coviu.RoleHost)})
			require.NoError(t, err)
			assert.Empty(t, got.State)
			assert.Equal(t, coviu.RoleHost, got.Role)
		},
	},
	{
		rule: "DELETE /participants/{participant_id}: UnitResponse, 404",
		raw: func(t *testing.T, w *wire) {
			person := w.invite(w.book(time.Hour), `{}`)
			assert.JSONEq(t, `{"ok":true}`, w.do("DELETE", "/participants/"+person, "").is(200).body)
			w.do("DELETE", "/participants/nobody", "").is(404)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			person := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{}).Participants[0]
			got, err := c.Participants.Delete(t.Context(), person.ParticipantID)
			require.NoError(t, err)
			assert.True(t, got.OK)
			_, err = c.Participants.Get(t.Context(), person.ParticipantID)
			require.ErrorIs(t, err, coviu.ErrNotFound)
		},
	},
	{
		rule: "there are no other paths and methods",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			for _, path := range []string{
				"", "/", "/session", "/sessions/", "//sessions", "/sessions//participants", "/sessions/" + id + "/", "/sessions/../sessions",
				"/sessions/" + id + "/participants/x", "/participants", "/participants/", "/auth", "/Sessions", "/sessions/a/b/c/d/e",
			} {
				w.do("GET", path, "").is(404)
			}
			assert.Equal(t, "GET, PUT, DELETE", w.do("PATCH", "/sessions/"+id, "{}").is(405).header.Get("Allow"))
			assert.Equal(t, "GET, POST", w.do("DELETE", "/sessions", "").is(405).header.Get("Allow"))
		},
	},
}

func participantListWorks(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
	booked := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{}, coviu.ParticipantCreationRequest{})
	page, err := c.Participants.List(t.Context(), booked.SessionID, nil)
	require.NoError(t, err)
	assert.Equal(t, booked.Participants, page.Content)
	assert.False(t, page.More)
	_, err = c.Participants.Delete(t.Context(), booked.Participants[0].ParticipantID)
	require.NoError(t, err)
	page, err = c.Participants.List(t.Context(), booked.SessionID, nil)
	require.NoError(t, err)
	assert.Len(t, page.Content, 1)
	page, err = c.Participants.List(t.Context(), booked.SessionID, &coviu.ParticipantListOptions{DeletedParticipants: true})
	require.NoError(t, err)
	assert.Len(t, page.Content, 2)
}
