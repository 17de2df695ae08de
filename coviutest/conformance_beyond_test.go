package coviutest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// beyondRules are the routes for which the library has no method.
var beyondRules = []conformance{
	{
		rule: "GET /user/team tells the team of the user who consented",
		raw: func(t *testing.T, w *wire) {
			named := w.s.SetTeam(coviutest.Team{TeamID: "t-1", Name: "Practice \"Nwosu\"", Subdomain: "nwosu"})
			user := w.s.AddUser(coviutest.User{TeamID: "t-1"})
			w.token = w.ownGrant(escaped("code", w.s.AuthorizationCode(user.UserID)) + "&grant_type=authorization_code").text("access_token")
			got := w.do("GET", "/user/team", "").is(200)
			assert.Equal(t, map[string]any{"team_id": "t-1", "name": "Practice \"Nwosu\"", "subdomain": "nwosu"}, got.json())
			assert.Equal(t, coviutest.Team{TeamID: "t-1", Name: "Practice \"Nwosu\"", Subdomain: "nwosu"}, named)
		},
	},
	{
		rule: "GET /user/team tells the team of an API key, with a name that is made up",
		raw: func(t *testing.T, w *wire) {
			own := w.do("GET", "/user/team", "").is(200)
			assert.Equal(t, w.do("GET", "/sessions/"+w.book(time.Hour), "").text("team_id"), own.text("team_id"))
			assert.NotEmpty(t, own.text("name"))
			assert.Regexp(t, `^[a-z0-9-]+$`, own.text("subdomain"))
			other := newWireFor(t, w.s, w.s.NewKey("Dr. Wu & Co")).do("GET", "/user/team", "").is(200)
			assert.Equal(t, "Team Dr. Wu & Co", other.text("name"))
			assert.Equal(t, "dr--wu---co", other.text("subdomain"))
			assert.Equal(t, "Ours", w.s.SetTeam(coviutest.Team{Name: "Ours"}).Name)
			assert.Equal(t, "Ours", w.do("GET", "/user/team", "").text("name"))
			w.do("POST", "/user/team", "{}").is(405)
		},
	},
	{
		rule: "GET /sessions/{session_id}/summary tells who entered and left",
		raw: func(t *testing.T, w *wire) {
			seeded, err := w.s.Seed(coviu.Session{
				StartTime: day.Add(-2 * time.Hour), EndTime: day.Add(-time.Hour), ActualEndTime: new(day.Add(-time.Hour - time.Minute)),
				Participants: []coviu.Participant{{Role: coviu.RoleHost}, {Role: coviu.RoleGuest}, {DeletedAt: new(day.Add(-90 * time.Minute))}},
			})
			require.NoError(t, err)
			people := seeded[0].Participants
			require.NoError(t, w.s.SetAttendance(people[0].ParticipantID, day.Add(-110*time.Minute), day.Add(-61*time.Minute)))
			require.NoError(t, w.s.SetAttendance(people[2].ParticipantID, day.Add(-100*time.Minute), time.Time{}))
			got := w.do("GET", "/sessions/"+seeded[0].SessionID+"/summary", "").is(200)
			assert.Equal(t, map[string]any{
				"session_id": seeded[0].SessionID, "start_time": in(-2 * time.Hour), "end_time": in(-time.Hour), "actual_end_time": in(-61 * time.Minute),
				"participants": []any{
					map[string]any{
						"participant_id": people[0].ParticipantID, "role": "HOST", "entry_time": in(-110 * time.Minute),
						"exit_time": map[string]any{"left_at": in(-61 * time.Minute), "left_reason": "left"},
					},
					map[string]any{"participant_id": people[1].ParticipantID, "role": "GUEST"},
					map[string]any{"participant_id": people[2].ParticipantID, "role": "GUEST", "entry_time": in(-100 * time.Minute)},
				},
			}, got.json())
			require.NoError(t, w.s.SetAttendance(people[0].ParticipantID, time.Time{}, time.Time{}))
			assert.Nil(t, w.do("GET", "/sessions/"+seeded[0].SessionID+"/summary", "").get("participants.0.entry_time"))
		},
	},
	{
		rule: "a summary of a session without participants, and of none",
		raw: func(t *testing.T, w *wire) {
			got := w.do("GET", "/sessions/"+w.book(time.Hour)+"/summary", "").is(200)
			assert.Equal(t, []any{}, got.get("participants"))
			assert.Nil(t, got.get("actual_end_time"))
			w.do("GET", "/sessions/nobody/summary", "").is(404)
			require.Error(t, w.s.SetAttendance("nobody", day, day))
		},
	},
}
