package coviutest_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestRequestsTellWhatWasAsked(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := newWire(t, s)
	id := w.book(time.Hour, named("Ann"))
	s.Advance(time.Minute)
	w.do("GET", "/sessions/"+id+"?deleted_participants=true", "")
	w.do("GET", "/nowhere", "")
	all := s.Requests()
	require.Len(t, all, 4)
	assert.Equal(t, []string{"POST /auth/token", "POST /sessions", "GET /sessions/{session_id}", ""},
		[]string{all[0].Operation, all[1].Operation, all[2].Operation, all[3].Operation})
	assert.Equal(t, "client_credentials", all[0].Grant)
	assert.Contains(t, string(all[1].Body), "Ann")
	assert.Equal(t, day, all[1].Time)
	assert.Equal(t, day.Add(time.Minute), all[2].Time)
	assert.Equal(t, "/v1/sessions/"+id, all[2].Path)
	assert.Equal(t, "true", all[2].Query.Get("deleted_participants"))
	assert.Equal(t, "application/json", all[2].Header.Get("Accept"))
	assert.Equal(t, "GET", all[3].Method)

	assert.Equal(t, 4, s.Count(coviutest.AnyOperation))
	assert.Equal(t, 1, s.Count(opCreate))
	assert.Equal(t, 1, s.CountGrants("client_credentials"))
	s.ClearRequests()
	assert.Empty(t, s.Requests())
	assert.Zero(t, s.Count(coviutest.AnyOperation))
}

func TestTheLogOfRequestsIsBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := newWire(t, s)
	body := `{"session_name":"` + strings.Repeat("x", 1<<19) + `"}`
	for range 40 {
		w.do("PUT", "/sessions/nobody", body).is(404)
	}
	kept := 0
	for _, r := range s.Requests() {
		kept += len(r.Body)
	}
	assert.LessOrEqual(t, kept, 16<<20)
	assert.Len(t, s.Requests(), 31)
	assert.Equal(t, 41, s.Count(coviutest.AnyOperation))
}

func TestNothingPrintedShowsASecret(t *testing.T) {
	t.Parallel()
	s := newServer(t, coviutest.WithCredentials("canary-key", "canary-secret"))
	key := s.NewKey("canary-team")
	user := s.AddUser(coviutest.User{UserID: "canary-id", Username: "canary-name", Password: "canary-password"})
	w := newWire(t, s)
	w.ownGrant("grant_type=password&username=canary-name&password=canary-password")
	w.ownGrant("grant_type=authorization_code&code=canary-code")
	w.send("POST", "/auth/authorize", "client_id=canary-key&password=canary-password")
	w.do("GET", "/sessions/canary-session", "")

	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, value := range []any{s, key, user, s.Requests(), s.Requests()[0], &key, []coviutest.User{user}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			text := fmt.Sprintf(verb, value)
			assert.NotContains(t, text, "canary", "%s of %T", verb, value)
			assert.NotContains(t, text, key.KeySecret)
		}
		logger.InfoContext(t.Context(), "value", slog.Any("value", value))
	}
	assert.NotContains(t, log.String(), "canary")
	assert.Contains(t, fmt.Sprint(s), s.URL)

	for _, r := range s.Requests()[:4] {
		text := string(r.Body) + fmt.Sprint(map[string][]string(r.Header))
		assert.NotContains(t, text, "canary")
		assert.NotContains(t, text, "Basic")
	}
}

func TestSeedTakesEveryState(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := newWire(t, s)
	seeded, err := s.Seed(
		coviu.Session{SessionID: "past", StartTime: day.Add(-2 * time.Hour), EndTime: day.Add(-time.Hour)},
		coviu.Session{SessionID: "canceled", CanceledTime: new(day.Add(-time.Minute)), Participants: []coviu.Participant{{ParticipantID: "p"}, {DeletedAt: new(day)}}},
		coviu.Session{SessionID: "plain"},
		coviu.Session{SessionID: "strangers", TeamID: "elsewhere", Picture: "https://p.example"},
	)
	require.NoError(t, err)
	assert.Equal(t, seeded, s.Sessions())
	assert.Equal(t, day.Add(time.Hour), seeded[2].StartTime)
	assert.Equal(t, coviu.RoleGuest, seeded[1].Participants[0].Role)
	assert.NotEmpty(t, seeded[1].Participants[0].EntryURL)
	w.do("PUT", "/sessions/past", `{}`).is(400)
	w.do("GET", "/sessions/canceled", "").is(401)
	w.do("GET", "/sessions/strangers", "").is(404)
	assert.Equal(t, []string{"past", "plain"}, w.do("GET", "/sessions", "").list("content", "session_id"))
	assert.Equal(t, []string{"strangers"}, newWireFor(t, s, s.NewKey("elsewhere")).do("GET", "/sessions", "").list("content", "session_id"))

	for problem, bad := range map[string][]coviu.Session{
		"session 0: end_time: not after start_time":         {{StartTime: day, EndTime: day}},
		"session 0: session_id: taken":                      {{SessionID: "past"}},
		"session 1: session_id: taken":                      {{SessionID: "twice"}, {SessionID: "twice"}},
		"session 0: participants[0]: participant_id: taken": {{Participants: []coviu.Participant{{ParticipantID: "p"}}}},
		"session 1: participants[1]: participant_id: taken": {{}, {Participants: []coviu.Participant{{ParticipantID: "q"}, {ParticipantID: "q"}}}},
	} {
		_, err := s.Seed(bad...)
		require.EqualError(t, err, "coviutest: "+problem)
	}
	assert.Len(t, s.Sessions(), 4, "a refused seed leaves nothing behind")
	_, found := s.Session("nobody")
	assert.False(t, found)
}

func TestSnapshotsCanBeRestoredAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := newWire(t, s)
	id := w.book(time.Hour, named("Ann"), `"participants":[{"display_name":"Dr","picture":"https://p.example"}]`, `"picture":"https://p.example"`)
	stranger := newWireFor(t, s, s.NewKey("elsewhere"))
	stranger.book(time.Hour)
	person := w.do("GET", "/sessions/"+id, "").text("participants.0.participant_id")
	before := s.Sessions()
	snap := s.Snapshot()
	for range 2 {
		w.do("PUT", "/participants/"+person, `{"display_name":"X","picture":"x"}`).is(200)
		w.do("PUT", "/sessions/"+id, `{"session_name":"X","picture":"x","start_time":"`+in(30*time.Minute)+`"}`).is(200)
		w.invite(id, `{}`)
		w.do("DELETE", "/participants/"+person, "").is(200)
		w.do("DELETE", "/sessions/"+id, "").is(200)
		w.book(2 * time.Hour)
		s.Advance(10 * time.Minute)
		s.Restore(snap)
		assert.Equal(t, before, s.Sessions())
		assert.Equal(t, day, s.Now())
		assert.Equal(t, []string{"Ann"}, w.names(""))
		assert.Equal(t, []string{"Ann"}, w.names(escaped("start_time", in(time.Hour))))
	}
	w.book(3*time.Hour, named("Bob"))
	assert.Equal(t, []string{"Ann", "Bob"}, w.names(""), "a session booked after a restore comes last")
}
