package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// reply sends a GET with a token and returns the reply's text.
func (e *emulator) reply(path string) string {
	e.t.Helper()
	_, granted := e.token("grant_type=client_credentials")
	_, body := e.ask("GET", e.base+path, "", "Authorization", "Bearer "+granted["access_token"].(string))
	text, err := json.Marshal(body)
	require.NoError(e.t, err)
	return string(text)
}

func seedFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "seed.json")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// What one emulator answers is what another begins with.
func TestSeedTakesAPageOfTheAPI(t *testing.T) {
	t.Parallel()
	for _, dates := range []string{"iso", "rfc1123"} {
		t.Run(dates, func(t *testing.T) {
			t.Parallel()
			const everything = "/sessions?include_canceled=true&deleted_participants=true"
			first := start(t, "-seed", "seed.json", "-dates", dates)
			page := first.reply(everything)
			second := start(t, "-seed", seedFile(t, page), "-dates", dates)

			var original, copied coviu.SessionPage
			require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(page, first.home(), second.home())), &original))
			require.NoError(t, json.Unmarshal([]byte(second.reply(everything)), &copied))
			require.Len(t, copied.Content, 4)
			for i := range copied.Content {
				original.Content[i].TeamID = copied.Content[i].TeamID
			}
			assert.Equal(t, original, copied)
		})
	}
}

func TestSeedTakesOneSession(t *testing.T) {
	t.Parallel()
	first := start(t)
	booked := book(t, first.client("demo-key", "demo-secret"))
	second := start(t, "-seed", seedFile(t, first.reply("/sessions/"+booked.SessionID)))
	found, err := second.client("demo-key", "demo-secret").Sessions.Get(t.Context(), booked.SessionID, nil)
	require.NoError(t, err)
	assert.Equal(t, booked.Participants[0].State, found.Participants[0].State)
}

func TestSeedTakesARecordedReplyWithFieldsUnknownHere(t *testing.T) {
	t.Parallel()
	e := start(t, "-seed", seedFile(t, `{
		"content": [{
			"session_id": "s-1", "team_id": "somebody's", "client_id": "c-1", "session_name": null, "colour": "blue",
			"start_time": "Wed, 08 Jun 2016 04:07:11 GMT", "end_time": "Wed, 08 Jun 2016 14:17:11 +1000",
			"participants": [{
				"participant_id": "p-1", "session_id": "s-1", "client_id": "c-1", "display_name": "Dr. Who", "role": "HOST", "state": "staff-7",
				"entry_url": "https://coviu.com/session/p-1?lang=en", "created": "Wed, 01 Jun 2016 04:07:11 GMT",
				"phone": "+61", "fee": "{}", "user_hint": "hint", "coviu_user_id": "u-1", "picture": null, "deleted_at": null
			}]
		}],
		"page": 0, "page_size": 1, "more": true
	}`))
	found, err := e.client("demo-key", "demo-secret").Sessions.Get(t.Context(), "s-1", nil)
	require.NoError(t, err)
	assert.Equal(t, "c-1", found.ClientID)
	assert.Equal(t, time.Date(2016, 6, 8, 4, 7, 11, 0, time.UTC), found.StartTime)
	assert.Equal(t, time.Date(2016, 6, 8, 4, 17, 11, 0, time.UTC), found.EndTime)
	assert.Equal(t, coviu.Participant{
		ParticipantID: "p-1", SessionID: "s-1", ClientID: "c-1", DisplayName: "Dr. Who", Role: coviu.RoleHost, State: "staff-7",
		EntryURL: e.home() + "session/p-1", Phone: "+61", Fee: "{}", UserHint: "hint", CoviuUserID: "u-1",
	}, found.Participants[0])
	code, page := e.get(found.Participants[0].EntryURL)
	assert.Equal(t, http.StatusForbidden, code)
	assert.Contains(t, page, "Dr. Who can't enter: finished")
}
