package coviu

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
)

func reply(t *testing.T, shape string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + shape + ".json")
	require.NoError(t, err)
	return text
}

func utc(day, hour, minute int) time.Time {
	return time.Date(2026, 3, day, hour, minute, 0, 0, time.UTC)
}

func requireUnreadable(t *testing.T, err error, field, reason string) {
	t.Helper()
	found, ok := errors.AsType[*jsoncursor.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, jsoncursor.Error{Field: field, Reason: reason}, *found)
}

func TestASessionIsDecodedWithEveryField(t *testing.T) {
	got, err := decodeSession(reply(t, "session"))
	require.NoError(t, err)
	require.Equal(t, &Session{
		SessionID:   "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
		TeamID:      "c56a4180-65aa-42ec-a945-5fd21dec0538",
		ClientID:    "1c9e6679-7425-40de-944b-e07fc1f90ae7",
		SessionName: "Zoë & Dr. Ümit",
		StartTime:   utc(2, 9, 0),
		EndTime:     utc(2, 9, 25),
		Picture:     "https://static.example.com/sessions/1.png",
		Participants: []Participant{{
			ParticipantID: "9a3d0001-77aa-4b57-8f0e-000000000001",
			SessionID:     "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
			ClientID:      "1c9e6679-7425-40de-944b-e07fc1f90ae7",
			DisplayName:   "Dr. Ümit",
			Role:          RoleHost,
			Picture:       "https://static.example.com/pictures/1.png",
			State:         "booking-1",
			EntryURL:      "https://api.coviu.com/v1/join/9a3d0001",
			CoviuUserID:   "77",
			UserHint:      "umit@example.com",
			Phone:         "+61 2 5550 0100",
			Fee:           `{"amount":50,"currency":"AUD"}`,
		}, {
			ParticipantID: "9a3d0002-77aa-4b57-8f0e-000000000001",
			SessionID:     "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
			ClientID:      "1c9e6679-7425-40de-944b-e07fc1f90ae7",
			DisplayName:   "Zoë",
			Role:          RoleGuest,
			State:         "booking-2",
			EntryURL:      "https://api.coviu.com/v1/join/9a3d0002",
			DeletedAt:     new(time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)),
		}},
		FeatureFlags: []string{"-plugin;whiteboard", "customisation;disable-menu"},
		CanceledTime: new(time.Date(2026, 3, 1, 23, 59, 59, 999e6, time.UTC)),
	}, got)
}

func TestNullAndAbsentAndEmptyAreTheSame(t *testing.T) {
	want := &Session{SessionID: "s-1", StartTime: utc(2, 9, 0), EndTime: utc(2, 9, 25)}
	for _, shape := range []string{"session_minimal", "session_null_fields", "session_empty_arrays"} {
		got, err := decodeSession(reply(t, shape))
		require.NoError(t, err)
		require.Equal(t, want, got, shape)
	}
	nothing, err := decodeParticipant([]byte(`{"participant_id":"p","session_id":null,"client_id":null,"display_name":null,"role":null,` +
		`"picture":null,"state":null,"entry_url":null,"deleted_at":null,"coviu_user_id":null,"user_hint":null,"phone":null,"fee":null}`))
	require.NoError(t, err)
	require.Equal(t, &Participant{ParticipantID: "p"}, nothing)
}

func TestAPageOfSessionsIsDecoded(t *testing.T) {
	got, err := decodeSessionPage(reply(t, "session_page"))
	require.NoError(t, err)
	require.Equal(t, &SessionPage{
		Content: []Session{
			{SessionID: "s-1", StartTime: utc(2, 9, 0), EndTime: utc(2, 9, 25), Participants: []Participant{
				{ParticipantID: "p-1", SessionID: "s-1", Role: RoleHost, EntryURL: "https://api.coviu.com/v1/join/p-1"},
			}},
			{SessionID: "s-2", StartTime: utc(2, 10, 0), EndTime: utc(2, 10, 25), CanceledTime: new(utc(1, 8, 0))},
		},
		More: true, PageSize: 2, PageCount: 3,
	}, got)
}

func TestAUnitResponseIsDecoded(t *testing.T) {
	got, err := decodeUnitResponse(reply(t, "unit_ok"))
	require.NoError(t, err)
	require.Equal(t, &UnitResponse{OK: true}, got)
	got, err = decodeUnitResponse(reply(t, "unit_refused"))
	require.NoError(t, err)
	require.Equal(t, &UnitResponse{OK: false}, got)
}

func TestAReplyThatIsNotTheModelIsRefused(t *testing.T) {
	type decode = func(string) error
	session := func(s string) error { _, err := decodeSession([]byte(s)); return err }
	participant := func(s string) error { _, err := decodeParticipant([]byte(s)); return err }
	sessionPage := func(s string) error { _, err := decodeSessionPage([]byte(s)); return err }
	participantPage := func(s string) error { _, err := decodeParticipantPage([]byte(s)); return err }
	unit := func(s string) error { _, err := decodeUnitResponse([]byte(s)); return err }

	for name, read := range map[string]decode{"session": session, "participant": participant, "session page": sessionPage, "unit": unit} {
		for _, text := range []string{`[]`, `""`, `0`, `true`, `[{"session_id":"s","participant_id":"p","ok":true,"content":[]}]`} {
			requireUnreadable(t, read(text), "", "not an object")
		}
		require.ErrorContains(t, read(`null`), "missing", name)
		require.ErrorContains(t, read(`{}`), "missing", name)
	}
	requireUnreadable(t, participantPage(`""`), "", "not an object")
	requireUnreadable(t, participantPage(`0`), "", "not an object")
	requireUnreadable(t, session(`{"session_id":""}`), "session_id", "missing")
	requireUnreadable(t, session(`{"session_id":null}`), "session_id", "missing")
	requireUnreadable(t, session(`{"session_id":"s","participants":[{"participant_id":"p"},{"session_id":"s"}]}`), "participants[1].participant_id", "missing")
	requireUnreadable(t, participant(`{"session_id":"s"}`), "participant_id", "missing")
	requireUnreadable(t, sessionPage(`{}`), "content", "missing")
	requireUnreadable(t, sessionPage(`{"more":null,"page":1}`), "content", "missing")
	requireUnreadable(t, sessionPage(`{"content":[{"session_id":"s"},{}],"more":true}`), "content[1].session_id", "missing")
	requireUnreadable(t, sessionPage(`{"content":[null],"more":true}`), "content[0].session_id", "missing")
	requireUnreadable(t, sessionPage(`{"content":[{"session_id":"s","participants":[{}]}]}`), "content[0].participants[0].participant_id", "missing")
	requireUnreadable(t, participantPage(`{}`), "content", "missing")
	requireUnreadable(t, participantPage(`[{"participant_id":"p"},{}]`), "[1].participant_id", "missing")
	requireUnreadable(t, participantPage(`{"content":[{"role":"HOST"}]}`), "content[0].participant_id", "missing")
	requireUnreadable(t, unit(`{"ok":null}`), "ok", "missing")
	requireUnreadable(t, unit(`{"ok":"true"}`), "ok", "not a boolean")
	requireUnreadable(t, unit(`{"ok":1}`), "ok", "not a boolean")
}

func TestAReplyThatEndsAnywhereIsReportedAsTruncated(t *testing.T) {
	requireTruncated := func(shape string, decode func([]byte) error) {
		text := bytes.TrimSpace(reply(t, shape))
		require.NoError(t, decode(text))
		for i := range text {
			found, ok := errors.AsType[*jsoncursor.Error](decode(text[:i]))
			require.True(t, ok, "%s at %d", shape, i)
			require.True(t, found.Truncated, "%s at %d: %v", shape, i, found)
		}
	}
	for _, shape := range []string{"session", "session_unknown_fields", "session_rfc1123"} {
		requireTruncated(shape, func(b []byte) error { _, err := decodeSession(b); return err })
	}
	for _, shape := range []string{"session_page", "session_page_strings"} {
		requireTruncated(shape, func(b []byte) error { _, err := decodeSessionPage(b); return err })
	}
	for _, shape := range []string{"participants_array", "participants_page", "participants_null"} {
		requireTruncated(shape, func(b []byte) error { _, err := decodeParticipantPage(b); return err })
	}
	requireTruncated("participant", func(b []byte) error { _, err := decodeParticipant(b); return err })
	requireTruncated("unit_ok", func(b []byte) error { _, err := decodeUnitResponse(b); return err })
}

func TestFault31_MoreThanOneShallowValue(t *testing.T) {
	for text, reason := range map[string]string{
		`{"session_id":"s"}x`:                     "more than one value",
		`{"session_id":"s"}{"session_id":"s"}`:    "more than one value",
		`{"session_id":"s"} null`:                 "more than one value",
		`{"session_id":"s"}]`:                     "more than one value",
		"{\"session_id\":\"s\"}\x00":              "more than one value",
		"\ufeff{\"session_id\":\"s\"}":            "not an object",
		`{"x":` + strings.Repeat(`[`, 50_000_000): "more than 64 levels deep",
		strings.Repeat(`{"participants":`, 65):    "not an array",
		strings.Repeat(`[`, 1_000_000):            "not an object",
	} {
		_, err := decodeSession([]byte(text))
		require.ErrorContains(t, err, reason)
	}
	nested := func(levels int) []byte {
		return []byte(`{"session_id":"s","x":` + strings.Repeat(`{"y":`, levels-1) + `1` + strings.Repeat(`}`, levels-1) + `}`)
	}
	_, err := decodeSession(nested(64))
	require.NoError(t, err)
	_, err = decodeSession(nested(65))
	requireUnreadable(t, err, "", "more than 64 levels deep")

	opened := []byte(`{"content":[{"x":` + strings.Repeat(`[`, 50_000_000))
	require.LessOrEqual(t, testing.AllocsPerRun(3, func() { _, _ = decodeSessionPage(opened) }), 10.0)
	_, err = decodeParticipantPage(bytes.Repeat([]byte(`[`), 50_000_000))
	requireUnreadable(t, err, "[0]", "not an object")
}

func TestFault32_OddFields(t *testing.T) {
	t.Run("a wrong type is named by its path and not shown", func(t *testing.T) {
		for text, path := range map[string]string{
			`{"session_id":31337}`:                                "session_id",
			`{"session_name":["31337"]}`:                          "session_name",
			`{"participants":{"31337":1}}`:                        "participants",
			`{"participants":[{},"31337"]}`:                       "participants[1]",
			`{"participants":[{"role":31337}]}`:                   "participants[0].role",
			`{"participants":[{},{"entry_url":{"31337":31337}}]}`: "participants[1].entry_url",
			`{"feature_flags":"31337"}`:                           "feature_flags",
			`{"feature_flags":["a",31337]}`:                       "feature_flags[1]",
			`{"start_time":31337}`:                                "start_time",
			`{"canceled_time":false,"session_name":"31337"}`:      "canceled_time",
			`{"participants":[{"deleted_at":"31337"}]}`:           "participants[0].deleted_at",
			`{"31337":[}`:                                         "",
			`{"participants":[{"31337":{"31337":31337 31337}}]}`:  "participants[0]",
		} {
			err := json.Unmarshal([]byte(text), new(Session))
			if !json.Valid([]byte(text)) {
				_, err = decodeSession([]byte(text))
			}
			found, ok := errors.AsType[*jsoncursor.Error](err)
			require.True(t, ok, text)
			require.Equal(t, path, found.Field, text)
			require.NotContains(t, err.Error(), "31337")
		}
		_, err := decodeSessionPage([]byte(`{"content":[{"session_id":"a"},{"session_id":"b","participants":[{"role":7}]}]}`))
		requireUnreadable(t, err, "content[1].participants[0].role", "not a string")
	})

	t.Run("unknown fields are kept", func(t *testing.T) {
		body := reply(t, "session_unknown_fields")
		got, err := decodeSession(body)
		require.NoError(t, err)
		clear(body)
		require.Equal(t, map[string]json.RawMessage{
			"location": json.RawMessage(`{"room":"5 \u0026 6","floor":[1,2]}`),
			"recorded": json.RawMessage(`false`),
			"note":     json.RawMessage(`null`),
		}, got.Extra)
		require.Equal(t, map[string]json.RawMessage{"seat": json.RawMessage(`12`)}, got.Participants[0].Extra)
	})

	t.Run("roles are upper-cased and unknown ones kept", func(t *testing.T) {
		for text, want := range map[string]Role{
			"HOST": RoleHost, "host": RoleHost, "Guest": RoleGuest, "participant": RoleParticipant,
			"observer": "OBSERVER", "co-host 2": "CO-HOST 2", "": "", "größe": "GRößE",
		} {
			got, err := decodeParticipant([]byte(`{"participant_id":"p","role":"` + text + `"}`))
			require.NoError(t, err)
			require.Equal(t, want, got.Role)
		}
	})

	t.Run("what is no text becomes U+FFFD", func(t *testing.T) {
		got, err := decodeSession([]byte("{\"session_id\":\"s\",\"session_name\":\"a\xff\\ud800b\\udc00\xe2\x82\"}"))
		require.NoError(t, err)
		require.Equal(t, "a\ufffd\ufffdb\ufffd\ufffd\ufffd", got.SessionName)
	})

	t.Run("the last of a duplicate wins", func(t *testing.T) {
		got, err := decodeSession([]byte(`{"session_id":"a","session_id":"b","x":1,"x":2,"feature_flags":["a"],"feature_flags":["b"],` +
			`"participants":[{"participant_id":"p","state":"s"}],"participants":[{"participant_id":"q"}]}`))
		require.NoError(t, err)
		require.Equal(t, &Session{
			SessionID: "b", FeatureFlags: []string{"b"}, Participants: []Participant{{ParticipantID: "q"}},
			Extra: map[string]json.RawMessage{"x": json.RawMessage("2")},
		}, got)
	})
}

func TestFault33_Dates(t *testing.T) {
	for _, shape := range []string{"session_minimal", "session_rfc1123", "session_offset_dates"} {
		got, err := decodeSession(reply(t, shape))
		require.NoError(t, err)
		require.Equal(t, utc(2, 9, 0), got.StartTime, shape)
		require.Equal(t, utc(2, 9, 25), got.EndTime, shape)
	}
	for _, text := range []string{"", "tomorrow", "2026-03-02", "2026-02-30T09:00:00Z", "Mon, 02 Mar 2026 09:00:00 AEDT", "1772442000"} {
		for _, field := range []string{"start_time", "end_time", "canceled_time", "actual_end_time"} {
			_, err := decodeSession([]byte(`{"session_id":"s","` + field + `":"` + text + `"}`))
			requireUnreadable(t, err, field, "unreadable date")
		}
		_, err := decodeParticipantPage([]byte(`[{"participant_id":"p","deleted_at":"` + text + `"}]`))
		requireUnreadable(t, err, "[0].deleted_at", "unreadable date")
	}
}

func TestFault34_PageNumbers(t *testing.T) {
	content := []Session{{SessionID: "s-1", StartTime: utc(2, 9, 0), EndTime: utc(2, 9, 25)}}
	for shape, want := range map[string]SessionPage{
		"session_page_strings":      {Content: content, Page: 1, PageSize: 1},
		"session_page_without_more": {Content: content, More: true},
		"session_page_empty":        {},
		"session_page_null_content": {Page: 4},
	} {
		got, err := decodeSessionPage(reply(t, shape))
		require.NoError(t, err)
		require.Equal(t, &want, got, shape)
	}
	for text, want := range map[string]SessionPage{
		`{"more":false,"content":[]}`: {},
		`{"more":true}`:               {More: true},
		`{"content":null}`:            {},
		`{"content":[],"more":null,"page":null,"page_size":null}`:  {},
		`{"content":[],"more":true,"page":"-3","page_size":"200"}`: {More: true, Page: -3, PageSize: 200},
	} {
		got, err := decodeSessionPage([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, &want, got, text)
	}
	for _, value := range []string{`"x"`, `"1.0"`, `1.5`, `1e3`, `true`, `[1]`, `{}`, `" 1"`, `"+1"`, `"007"`, `1234567890123456789012`} {
		for _, field := range []string{"page", "page_size", "page_count"} {
			_, err := decodeSessionPage([]byte(`{"content":[],"` + field + `":` + value + `}`))
			found, ok := errors.AsType[*jsoncursor.Error](err)
			require.True(t, ok, value)
			require.Equal(t, field, found.Field)
		}
	}
}

func TestFault35_ParticipantsInEveryShape(t *testing.T) {
	content := []Participant{
		{ParticipantID: "p-1", SessionID: "s-1", Role: RoleHost, EntryURL: "https://api.coviu.com/v1/join/p-1"},
		{ParticipantID: "p-2", SessionID: "s-1", Role: RoleGuest, EntryURL: "https://api.coviu.com/v1/join/p-2"},
	}
	for shape, want := range map[string]ParticipantPage{
		"participants_array": {Content: content},
		"participants_page":  {Content: content, PageSize: 2},
		"participants_null":  {},
	} {
		got, err := decodeParticipantPage(reply(t, shape))
		require.NoError(t, err)
		require.Equal(t, &want, got, shape)

		unmarshalled := ParticipantPage{Page: 0}
		require.NoError(t, json.Unmarshal(reply(t, shape), &unmarshalled))
		require.Equal(t, want, unmarshalled, shape)
	}
	for text, want := range map[string]ParticipantPage{
		`[]`:                                   {},
		" \n[ ]\t":                             {},
		`{"content":[]}`:                       {},
		`{"content":[{"participant_id":"p"}]}`: {Content: []Participant{{ParticipantID: "p"}}, More: true},
		`{"content":[{"participant_id":"p"}],"more":false}`: {Content: []Participant{{ParticipantID: "p"}}},
		`{"more":true,"page":"1"}`:                          {More: true, Page: 1},
	} {
		got, err := decodeParticipantPage([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, &want, got, text)
	}
}

// This test lists every difference. FuzzReply compares everything else with
// encoding/json.
func TestDecodingIsStricterThanEncodingJSON(t *testing.T) {
	t.Run("names are matched in their own case", func(t *testing.T) {
		text := []byte(`{"Session_ID":"a","session_id":"b"}`)
		var plain struct {
			ID string `json:"session_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(`{"Session_ID":"a"}`), &plain))
		require.Equal(t, "a", plain.ID)
		got, err := decodeSession(text)
		require.NoError(t, err)
		require.Equal(t, &Session{SessionID: "b", Extra: map[string]json.RawMessage{"Session_ID": json.RawMessage(`"a"`)}}, got)
	})
	t.Run("64 levels are the limit", func(t *testing.T) {
		text := []byte(`{"x":` + strings.Repeat(`[`, 64) + strings.Repeat(`]`, 64) + `}`)
		require.NoError(t, json.Unmarshal(text, new(map[string]any)))
		require.Error(t, json.Unmarshal(text, new(Session)))
	})
	t.Run("a repeated array replaces the first instead of merging into its elements", func(t *testing.T) {
		text := []byte(`{"participants":[{"participant_id":"p","state":"s"}],"participants":[{"participant_id":"q"}]}`)
		var session Session
		require.NoError(t, json.Unmarshal(text, &session))
		require.Equal(t, []Participant{{ParticipantID: "q"}}, session.Participants)
	})
	t.Run("an item without its id is refused even if a repeated array replaces it", func(t *testing.T) {
		_, err := decodeSessionPage([]byte(`{"content":[{}],"content":[{"session_id":"s"}]}`))
		requireUnreadable(t, err, "content[0].session_id", "missing")
		_, err = decodeSession([]byte(`{"session_id":"s","participants":[{}],"participants":null}`))
		requireUnreadable(t, err, "participants[0].participant_id", "missing")
	})
	t.Run("a date must have a year from 0 to 9999 in UTC", func(t *testing.T) {
		text := []byte(`"0000-01-01T00:00:00+01:00"`)
		require.NoError(t, json.Unmarshal(text, new(time.Time)))
		require.Error(t, json.Unmarshal([]byte(`{"start_time":"0000-01-01T00:00:00+01:00"}`), new(Session)))
	})
	t.Run("an error leaves the model as it was", func(t *testing.T) {
		session := Session{SessionID: "a", Extra: map[string]json.RawMessage{"x": json.RawMessage(`1`)}}
		require.Error(t, json.Unmarshal([]byte(`{"session_id":"b","x":2,"start_time":1}`), &session))
		require.Equal(t, Session{SessionID: "a", Extra: map[string]json.RawMessage{"x": json.RawMessage(`1`)}}, session)
	})
}

func TestUnmarshalKeepsFieldsThatAreAbsent(t *testing.T) {
	extra := map[string]json.RawMessage{"x": json.RawMessage(`1`)}
	session := Session{SessionID: "a", SessionName: "n", CanceledTime: new(utc(1, 0, 0)), FeatureFlags: []string{"f"}, Extra: extra}
	require.NoError(t, json.Unmarshal([]byte(`{"session_id":"b","session_name":null,"canceled_time":null,"y":2}`), &session))
	require.Equal(t, Session{
		SessionID: "b", SessionName: "n", FeatureFlags: []string{"f"},
		Extra: map[string]json.RawMessage{"x": json.RawMessage(`1`), "y": json.RawMessage(`2`)},
	}, session)
	require.Len(t, extra, 1, "another session's map was written to")
}

func TestUnmarshalRequiresNoIDs(t *testing.T) {
	for _, text := range []string{`{}`, `null`} {
		require.NoError(t, json.Unmarshal([]byte(text), new(Session)))
		require.NoError(t, json.Unmarshal([]byte(text), new(Participant)))
		require.NoError(t, json.Unmarshal([]byte(text), new(SessionPage)))
		require.NoError(t, json.Unmarshal([]byte(text), new(ParticipantPage)))
		require.NoError(t, json.Unmarshal([]byte(text), new(UnitResponse)))
	}
	require.Error(t, json.Unmarshal([]byte(`{"ok":"yes"}`), new(UnitResponse)))
}

func TestAModelSharesNoMemoryWithTheReply(t *testing.T) {
	for _, shape := range []string{"session", "session_unknown_fields"} {
		body := reply(t, shape)
		got, err := decodeSession(body)
		require.NoError(t, err)
		clear(body)
		want, err := decodeSession(reply(t, shape))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// The items differ in every shared value, in the order of fields and in size, so that
// strings share memory in every possible way.
func TestItemsOfAPageKeepTheirOwnValues(t *testing.T) {
	t.Parallel()
	var sessions []string
	var want []Session
	for i := range 100 {
		id, client := strings.Repeat("s", i%7+1)+string(rune('a'+i%26)), "c"+string(rune('a'+i/3%26))
		other := "elsewhere-" + id
		name := strings.Repeat("n", i*i%997)
		sessions = append(sessions, `{"participants":[{"session_id":"`+other+`","participant_id":"p","client_id":"x"},{"client_id":"`+client+
			`","session_id":"`+id+`","participant_id":"q"}],"session_name":"`+name+`","session_id":"`+id+`","client_id":"`+client+`","team_id":"t"}`)
		want = append(want, Session{SessionID: id, TeamID: "t", ClientID: client, SessionName: name, Participants: []Participant{
			{ParticipantID: "p", SessionID: other, ClientID: "x"}, {ParticipantID: "q", SessionID: id, ClientID: client},
		}})
	}
	body := []byte(`{"content":[` + strings.Join(sessions, ",") + `],"more":false}`)
	var everyone sync.WaitGroup
	for range 4 {
		everyone.Go(func() {
			for range 8 {
				got, err := decodeSessionPage(body)
				if err != nil || !equalJSON(want, got.Content) {
					t.Error("another page than was sent", err)
				}
			}
		})
	}
	everyone.Wait()
}

func equalJSON(a, b any) bool {
	textA, errA := json.Marshal(a)
	textB, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(textA, textB)
}

func TestFieldsOfAPageThatAreLeftOutKeepTheirValues(t *testing.T) {
	page := SessionPage{More: true, Page: 3}
	require.NoError(t, json.Unmarshal([]byte(`{}`), &page))
	require.Equal(t, SessionPage{More: true, Page: 3}, page)
}
