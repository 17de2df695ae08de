package coviutest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

var knownFlags = []string{
	"-plugin;NAME", "customisation;disable-menu", "customisation;exit-url;https://x.example/?a=b",
	"customisation;return-url;https://x.example", "customisation;return-label;Zurück", "customisation;auto-return",
	"customisation;favicon-url;https://x.example/f.ico", "customisation;background-color;#fff",
	"customisation;button-primary;red", "customisation;button-secondary;blue", "session;enforce-participant-uniqueness",
}

var modelRules = []conformance{
	{
		rule: "Session: the fields that every session has",
		raw: func(t *testing.T, w *wire) {
			got := w.do("GET", "/sessions/"+w.book(time.Hour), "").is(200)
			for _, name := range []string{"session_id", "team_id", "client_id", "start_time", "end_time"} {
				assert.NotEmpty(t, got.text(name), name)
			}
			assert.Equal(t, []any{}, got.get("participants"))
			for _, name := range []string{"session_name", "picture", "feature_flags", "canceled_time", "actual_end_time"} {
				assert.Nil(t, got.get(name), name)
			}
		},
	},
	{
		rule: "Session and Participant: newer and unknown fields",
		raw: func(t *testing.T, w *wire) {
			seeded := seedNewer(t, w.s)
			got := w.do("GET", "/sessions/"+seeded.SessionID, "").is(200)
			assert.Equal(t, in(-time.Hour), got.text("actual_end_time"))
			assert.InDelta(t, 7, got.get("room"), 0)
			assert.Equal(t, "u1", got.text("participants.0.coviu_user_id"))
			assert.Equal(t, "left door", got.text("participants.0.user_hint"))
			assert.JSONEq(t, `{"amount":5}`, got.text("participants.0.fee"))
			assert.Equal(t, "PARTICIPANT", got.text("participants.0.role"))
			assert.Equal(t, true, got.get("participants.0.vip"))
		},
		client: func(t *testing.T, s *coviutest.Server, c *coviu.Client) {
			seeded := seedNewer(t, s)
			got, err := c.Sessions.Get(t.Context(), seeded.SessionID, nil)
			require.NoError(t, err)
			assert.Equal(t, seeded, *got)
		},
	},
	{
		rule: "Participant: the fields that every participant has",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			got := w.do("GET", "/participants/"+w.invite(id, `{}`), "").is(200)
			for _, name := range []string{"participant_id", "client_id", "state", "entry_url"} {
				assert.NotEmpty(t, got.text(name), name)
			}
			assert.Equal(t, id, got.text("session_id"))
			assert.Equal(t, "GUEST", got.text("role"))
			assert.Nil(t, got.get("deleted_at"))
		},
	},
	{
		rule: "every participant has an entry URL and a state of their own",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour, `"participants":[{},{}]`)
			got := w.do("GET", "/sessions/"+id, "")
			assert.NotEqual(t, got.text("participants.0.participant_id"), got.text("participants.1.participant_id"))
			for _, at := range []string{"participants.0.", "participants.1."} {
				link := strings.TrimSuffix(w.s.URL, "/v1") + "/session/" + got.text(at+"participant_id")
				assert.Equal(t, link, got.text(at+"entry_url"))
			}
			assert.NotEqual(t, got.text("participants.0.state"), got.text("participants.1.state"))
		},
	},
	{
		rule: "SessionPage has the four keys content, page, page_size and more",
		raw: func(t *testing.T, w *wire) {
			assert.JSONEq(t, `{"content":[],"page":3,"page_size":5,"more":false}`, w.do("GET", "/sessions?page=3&page_size=5", "").body)
		},
	},
	{
		rule: "SessionCreationRequest: start_time and end_time are required",
		raw: func(_ *testing.T, w *wire) {
			w.do("POST", "/sessions", `{}`).is(400)
			w.do("POST", "/sessions", `{"start_time":"`+in(time.Hour)+`"}`).is(400)
			w.do("POST", "/sessions", `{"end_time":"`+in(time.Hour)+`"}`).is(400)
			w.do("POST", "/sessions", `{"start_time":null,"end_time":null}`).is(400)
		},
	},
	{
		rule: "null counts as left out",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour, `"session_name":null,"picture":null,"participants":null,"feature_flags":null`)
			person := w.invite(id, `{"display_name":null,"role":null,"picture":null,"state":null,"phone":null}`)
			assert.Equal(t, "GUEST", w.do("GET", "/participants/"+person, "").text("role"))
			w.do("PUT", "/participants/"+person, `{"role":"host"}`).is(200)
			assert.Equal(t, "HOST", w.do("PUT", "/participants/"+person, `{"role":null}`).is(200).text("role"))
		},
	},
	{
		rule: "members of a wrong type are refused, unknown ones ignored",
		raw: func(t *testing.T, w *wire) {
			times := timesJSON(time.Hour, 2*time.Hour)
			for _, member := range []string{
				`"session_name":5`, `"picture":[]`, `"participants":{}`, `"participants":[null]`, `"participants":[5]`, `"participants":[{"role":"king"}]`,
				`"feature_flags":"x"`, `"feature_flags":[1]`, `"feature_flags":[null]`, `"end_time":1`, `"start_time":{}`,
			} {
				w.do("POST", "/sessions", "{"+times+","+member+"}").is(400)
			}
			assert.Empty(t, w.s.Sessions())
			w.do("POST", "/sessions", "{"+times+`,"colour":{"deep":[1]},"Session_Name":5}`).is(200)
		},
	},
	{
		rule: "known feature flags come back as sent",
		raw: func(t *testing.T, w *wire) {
			sent, err := json.Marshal(knownFlags)
			require.NoError(t, err)
			got := w.do("GET", "/sessions/"+w.book(time.Hour, `"feature_flags":`+string(sent)), "")
			for i, flag := range knownFlags {
				assert.Equal(t, flag, got.text(join("feature_flags", i)))
			}
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			booked, err := c.Sessions.Create(t.Context(), flagged())
			require.NoError(t, err)
			assert.Equal(t, knownFlags, booked.FeatureFlags)
		},
	},
	{
		rule: "SessionUpdateRequest: a field that is left out stays as it is, an empty one is cleared",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour, named("Ann"), `"picture":"https://p.example"`)
			before := w.do("GET", "/sessions/"+id, "").body
			assert.Equal(t, before, w.do("PUT", "/sessions/"+id, `{}`).is(200).body)
			got := w.do("PUT", "/sessions/"+id, `{"picture":"","end_time":"`+in(5*time.Hour)+`"}`).is(200)
			assert.Equal(t, "Ann", got.text("session_name"))
			assert.Nil(t, got.get("picture"))
			assert.Equal(t, in(time.Hour), got.text("start_time"))
			assert.Equal(t, in(5*time.Hour), got.text("end_time"))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			booked := bookWith(t, c, time.Hour)
			got, err := c.Sessions.Update(t.Context(), booked.SessionID, &coviu.SessionUpdateRequest{EndTime: new(day.Add(5 * time.Hour))})
			require.NoError(t, err)
			assert.Equal(t, booked.StartTime, got.StartTime)
			assert.Equal(t, day.Add(5*time.Hour), got.EndTime)
		},
	},
	{
		rule: "ParticipantUpdateRequest: all optional",
		raw: func(t *testing.T, w *wire) {
			person := w.invite(w.book(time.Hour), `{"display_name":"Pat","role":"host","picture":"https://p.example","state":"s1"}`)
			before := w.do("GET", "/participants/"+person, "").body
			assert.Equal(t, before, w.do("PUT", "/participants/"+person, `{}`).is(200).body)
			got := w.do("PUT", "/participants/"+person, `{"display_name":"","picture":""}`).is(200)
			assert.Nil(t, got.get("display_name"))
			assert.Nil(t, got.get("picture"))
			assert.Equal(t, "s1", got.text("state"))
		},
	},
	{
		rule: "roles are case-insensitive on the way in and upper case on the way out",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour)
			for _, role := range []string{"host", "Host", "HOST"} {
				assert.Equal(t, "HOST", w.do("GET", "/participants/"+w.invite(id, `{"role":"`+role+`"}`), "").text("role"))
			}
			assert.Equal(t, "PARTICIPANT", w.do("GET", "/participants/"+w.invite(id, `{"role":"participant"}`), "").text("role"))
			for _, role := range []string{`""`, `"king"`, `"host "`, `1`} {
				w.do("POST", "/sessions/"+id+"/participants", `{"role":`+role+`}`).is(400)
			}
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			got := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{Role: "host"})
			assert.Equal(t, coviu.RoleHost, got.Participants[0].Role)
		},
	},
}

func flagged() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{StartTime: day.Add(time.Hour), EndTime: day.Add(2 * time.Hour), FeatureFlags: knownFlags}
}

func seedNewer(t *testing.T, s *coviutest.Server) coviu.Session {
	t.Helper()
	seeded, err := s.Seed(coviu.Session{
		StartTime:     day.Add(-3 * time.Hour),
		ActualEndTime: new(day.Add(-time.Hour)),
		Extra:         map[string]json.RawMessage{"room": json.RawMessage(`7`)},
		Participants: []coviu.Participant{{
			Role: "participant", CoviuUserID: "u1", UserHint: "left door", Fee: `{"amount":5}`,
			Extra: map[string]json.RawMessage{"vip": json.RawMessage(`true`)},
		}},
	})
	require.NoError(t, err)
	return seeded[0]
}
