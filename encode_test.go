package coviu

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARequestBodyHasItsFieldsInOrder(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 999_999_999, time.FixedZone("AEDT", 11*3600))
	created := new(Client).sessionCreationBody(&SessionCreationRequest{
		SessionName: "n", StartTime: at, EndTime: at.Add(time.Hour), Picture: "p",
		Participants: []ParticipantCreationRequest{{DisplayName: "d", Role: RoleHost, Picture: "p", State: "s", Phone: "1"}, {}},
		FeatureFlags: []string{"f", ""},
	})
	require.Equal(t, `{"session_name":"n","start_time":"2026-03-01T22:00:00.999Z","end_time":"2026-03-01T23:00:00.999Z","picture":"p",`+
		`"participants":[{"display_name":"d","role":"HOST","picture":"p","state":"s","phone":"1"},{}],"feature_flags":["f",""]}`, string(created))

	rfc1123 := new(Client)
	rfc1123.config.rfc1123 = true
	updated := rfc1123.sessionUpdateBody(&SessionUpdateRequest{SessionName: new(""), StartTime: &at, EndTime: new(at.Add(time.Hour)), Picture: new("")})
	require.Equal(t, `{"session_name":"","start_time":"Sun, 01 Mar 2026 22:00:00 GMT","end_time":"Sun, 01 Mar 2026 23:00:00 GMT","picture":""}`, string(updated))
	require.Equal(t, `{"picture":"p"}`, string(rfc1123.sessionUpdateBody(&SessionUpdateRequest{Picture: new("p")})))
	require.Equal(t, `{"display_name":"","role":"GUEST","picture":"","state":""}`, string(encode(
		&ParticipantUpdateRequest{DisplayName: new(""), Role: new(RoleGuest), Picture: new(""), State: new("")})))
}

func TestARequestBodyKeepsEveryCharacter(t *testing.T) {
	var all strings.Builder
	for r := range rune(0x3000) {
		all.WriteRune(r)
	}
	all.WriteString("\ufffd\U0001f600<&>/\\\"")
	body := encode(&ParticipantCreationRequest{DisplayName: all.String()})
	var read ParticipantCreationRequest
	require.NoError(t, json.Unmarshal(body, &read))
	require.Equal(t, all.String(), read.DisplayName)

	// Besides what JSON requires, only U+2028 and U+2029 are escaped.
	body = encode(&ParticipantCreationRequest{State: "<&>/é\u2028\u2029\b\f\n\x01\x7f\"\\"})
	require.Equal(t, `{"state":"<&>/é\u2028\u2029\b\f\n\u0001`+"\x7f"+`\"\\"}`, string(body))
}

func TestModelsMarshalWithTheNamesOfTheService(t *testing.T) {
	sydney := time.FixedZone("AEDT", 11*3600)
	for want, model := range map[string]any{
		`{"session_id":"","participants":[]}`: Session{},
		`{"participant_id":""}`:               Participant{},
		`{"content":[],"more":false}`:         SessionPage{},
		`{"content":[],"more":true,"page":1}`: ParticipantPage{More: true, Page: 1},
		`{"ok":true}`:                         UnitResponse{OK: true},
		`{"ok":false}`:                        &UnitResponse{},
		`{"session_id":"s","team_id":"t","client_id":"c","session_name":"\u003cn\u003e","start_time":"2026-03-01T22:00:00.000000001Z",` +
			`"end_time":"2026-03-02T09:25:00Z","picture":"p","participants":[{"participant_id":"p","session_id":"s","client_id":"c",` +
			`"display_name":"d","role":"HOST","picture":"p","state":"st","entry_url":"e","deleted_at":"2026-03-01T00:00:00Z",` +
			`"coviu_user_id":"u","user_hint":"h","phone":"ph","fee":"f","a":[1],"z":null}],"feature_flags":["f"],` +
			`"canceled_time":"2026-03-01T08:00:00Z","actual_end_time":"0001-01-01T00:00:00Z","a":{"b":"\u0026"}}`: &Session{
			SessionID: "s", TeamID: "t", ClientID: "c", SessionName: "<n>",
			StartTime: time.Date(2026, 3, 2, 9, 0, 0, 1, sydney), EndTime: utc(2, 9, 25), Picture: "p",
			Participants: []Participant{{
				ParticipantID: "p", SessionID: "s", ClientID: "c", DisplayName: "d", Role: RoleHost, Picture: "p", State: "st",
				EntryURL: "e", DeletedAt: new(time.Date(2026, 3, 1, 11, 0, 0, 0, sydney)), CoviuUserID: "u", UserHint: "h", Phone: "ph", Fee: "f",
				Extra: map[string]json.RawMessage{"z": nil, "a": json.RawMessage("[ 1 ]")},
			}},
			FeatureFlags: []string{"f"}, CanceledTime: new(utc(1, 8, 0)), ActualEndTime: new(time.Time),
			Extra: map[string]json.RawMessage{"a": json.RawMessage(`{"b": "&"}`)},
		},
		`{"content":[{"session_id":"s","participants":[]}],"more":false,"page":1,"page_size":2,"page_count":3}`: SessionPage{
			Content: []Session{{SessionID: "s"}}, Page: 1, PageSize: 2, PageCount: 3,
		},
	} {
		text, err := json.Marshal(model)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
}

func TestAFieldWinsOverTheSameNameInExtra(t *testing.T) {
	session := Session{SessionID: "s", Extra: map[string]json.RawMessage{
		"session_id": json.RawMessage(`"other"`), "canceled_time": json.RawMessage(`"never"`), "participants": json.RawMessage(`7`),
	}}
	requireText := func(want string) {
		text, err := json.Marshal(session)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	requireText(`{"session_id":"s","participants":[]}`)
	require.Len(t, session.Extra, 3, "marshalling changed the model")

	session.Extra["participant_id"] = json.RawMessage(`"p"`)
	requireText(`{"session_id":"s","participants":[],"participant_id":"p"}`)
}

func TestInvalidJSONDoesNotMarshal(t *testing.T) {
	_, err := json.Marshal(Session{Extra: map[string]json.RawMessage{"x": json.RawMessage(`{`)}})
	require.Error(t, err)
	_, err = json.Marshal(Session{StartTime: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.Error(t, err)
}

func TestEveryReplyRoundTrips(t *testing.T) {
	for _, shape := range []string{
		"session", "session_minimal", "session_null_fields", "session_empty_arrays", "session_rfc1123", "session_offset_dates", "session_unknown_fields",
	} {
		session, err := decodeSession(reply(t, shape))
		require.NoError(t, err)
		checkRoundTrip(t, session)
	}
	for _, shape := range []string{"session_page", "session_page_strings", "session_page_without_more", "session_page_empty", "session_page_null_content"} {
		page, err := decodeSessionPage(reply(t, shape))
		require.NoError(t, err)
		checkRoundTrip(t, page)
	}
	for _, shape := range []string{"participants_array", "participants_page", "participants_null"} {
		page, err := decodeParticipantPage(reply(t, shape))
		require.NoError(t, err)
		checkRoundTrip(t, page)
	}
	participant, err := decodeParticipant(reply(t, "participant"))
	require.NoError(t, err)
	checkRoundTrip(t, participant)
	checkRoundTrip(t, new(Session))
	checkRoundTrip(t, new(Participant))
	checkRoundTrip(t, new(SessionPage))
	checkRoundTrip(t, new(ParticipantPage))
	checkRoundTrip(t, new(UnitResponse))
}
