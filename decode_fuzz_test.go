package coviu

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
)

// The shadow types read replies with encoding/json alone. Their methods add what this
// package accepts beyond it: dates in RFC 1123, numbers in strings, roles in any case,
// unknown fields, bare arrays of participants.

type (
	shadowSession struct {
		SessionID     string                        `json:"session_id"`
		TeamID        string                        `json:"team_id"`
		ClientID      string                        `json:"client_id"`
		SessionName   string                        `json:"session_name"`
		StartTime     shadowTime                    `json:"start_time"`
		EndTime       shadowTime                    `json:"end_time"`
		Picture       string                        `json:"picture"`
		Participants  shadowList[shadowParticipant] `json:"participants"`
		FeatureFlags  shadowFlags                   `json:"feature_flags"`
		CanceledTime  *shadowTime                   `json:"canceled_time"`
		ActualEndTime *shadowTime                   `json:"actual_end_time"`
		Extra         shadowExtra                   `json:"-"`
	}
	shadowParticipant struct {
		ParticipantID string      `json:"participant_id"`
		SessionID     string      `json:"session_id"`
		ClientID      string      `json:"client_id"`
		DisplayName   string      `json:"display_name"`
		Role          shadowRole  `json:"role"`
		Picture       string      `json:"picture"`
		State         string      `json:"state"`
		EntryURL      string      `json:"entry_url"`
		DeletedAt     *shadowTime `json:"deleted_at"`
		CoviuUserID   string      `json:"coviu_user_id"`
		UserHint      string      `json:"user_hint"`
		Phone         string      `json:"phone"`
		Fee           string      `json:"fee"`
		Extra         shadowExtra `json:"-"`
	}
	shadowPage[T shadowItem] struct {
		Content   shadowList[T] `json:"content"`
		More      shadowBool    `json:"more"`
		Page      shadowInt     `json:"page"`
		PageSize  shadowInt     `json:"page_size"`
		PageCount shadowInt     `json:"page_count"`
	}
	shadowUnit struct {
		OK shadowBool `json:"ok"`
	}
	shadowExtra map[string]json.RawMessage
	shadowFlags []string
	shadowTime  time.Time
	shadowRole  string
	shadowInt   int
)

// shadowBool records whether it had a value.
type shadowBool struct{ value, seen bool }

func (b *shadowBool) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	b.seen = true
	return json.Unmarshal(text, &b.value)
}

// shadowItem is a model with an ID.
type shadowItem interface{ lacksID() bool }

func (s shadowSession) lacksID() bool     { return s.SessionID == "" || s.Participants.lacking }
func (p shadowParticipant) lacksID() bool { return p.ParticipantID == "" }

// shadowList records whether the list was present, null included, and whether any item
// lacked its ID, even an item that a duplicate of the list replaced.
type shadowList[T shadowItem] struct {
	items         []T
	seen, lacking bool
}

func (l *shadowList[T]) UnmarshalJSON(text []byte) error {
	l.seen = true
	err := unmarshalAfresh(text, &l.items)
	l.lacking = l.lacking || slices.ContainsFunc(l.items, T.lacksID)
	return err
}

func (f *shadowFlags) UnmarshalJSON(text []byte) error {
	return unmarshalAfresh(text, (*[]string)(f))
}

// unmarshalAfresh replaces the elements when an array comes a second time.
// encoding/json would merge it into the first.
func unmarshalAfresh[T any](text []byte, list *[]T) error {
	*list = nil
	err := json.Unmarshal(text, list)
	if len(*list) == 0 {
		*list = nil
	}
	return err
}

func (s *shadowSession) UnmarshalJSON(text []byte) error {
	type plain shadowSession
	if err := json.Unmarshal(text, (*plain)(s)); err != nil {
		return err
	}
	return s.Extra.collect(text, s)
}

func (p *shadowParticipant) UnmarshalJSON(text []byte) error {
	type plain shadowParticipant
	if err := json.Unmarshal(text, (*plain)(p)); err != nil {
		return err
	}
	return p.Extra.collect(text, p)
}

func (e *shadowExtra) collect(text []byte, model any) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for name, value := range fields {
		if exactName(name) && knownTo(model, name) {
			continue
		}
		canonical, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if *e == nil {
			*e = shadowExtra{}
		}
		(*e)[name] = canonical
	}
	return nil
}

func knownTo(model any, name string) bool {
	names := sessionNames
	if _, ok := model.(*shadowParticipant); ok {
		names = participantNames
	}
	return strings.Contains(names, " "+name+" ")
}

const (
	sessionNames     = " session_id team_id client_id session_name start_time end_time picture participants feature_flags canceled_time actual_end_time "
	participantNames = " participant_id session_id client_id display_name role picture state entry_url deleted_at coviu_user_id user_hint phone fee "
	otherNames       = " content more page page_size page_count ok "
)

// exactName reports whether name is exactly one of the service's names.
func exactName(name string) bool {
	return name != "" && !strings.Contains(name, " ") && strings.Contains(sessionNames+participantNames+otherNames, " "+name+" ")
}

func (t *shadowTime) UnmarshalJSON(text []byte) error {
	var s *string
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return err
	}
	layouts := []string{time.RFC3339, "2006-01-02T15:04:05-0700", time.RFC1123Z}
	if strings.HasSuffix(*s, " GMT") || strings.HasSuffix(*s, " UTC") {
		layouts = append(layouts, time.RFC1123)
	}
	for _, layout := range layouts {
		if read, err := time.ParseInLocation(layout, *s, time.UTC); err == nil {
			*t = shadowTime(read.UTC())
			_, err := read.UTC().MarshalJSON()
			return err
		}
	}
	return errors.New("unreadable date")
}

func (r *shadowRole) UnmarshalJSON(text []byte) error {
	var s *string
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return err
	}
	*r = shadowRole(strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' {
			return c - 'a' + 'A'
		}
		return c
	}, *s))
	return nil
}

func (n *shadowInt) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		if s == "" {
			*n = 0
			return nil
		}
		if strings.Trim(s, "-0123456789") != "" {
			return errors.New("not an integer")
		}
		text = []byte(s)
	}
	return json.Unmarshal(text, (*int)(n))
}

func (s shadowSession) model() Session {
	m := Session{
		SessionID: s.SessionID, TeamID: s.TeamID, ClientID: s.ClientID, SessionName: s.SessionName,
		StartTime: time.Time(s.StartTime), EndTime: time.Time(s.EndTime), Picture: s.Picture,
		FeatureFlags: s.FeatureFlags, CanceledTime: (*time.Time)(s.CanceledTime),
		ActualEndTime: (*time.Time)(s.ActualEndTime), Extra: s.Extra,
	}
	for _, p := range s.Participants.items {
		m.Participants = append(m.Participants, p.model())
	}
	return m
}

func (p shadowParticipant) model() Participant {
	return Participant{
		ParticipantID: p.ParticipantID, SessionID: p.SessionID, ClientID: p.ClientID, DisplayName: p.DisplayName,
		Role: Role(p.Role), Picture: p.Picture, State: p.State, EntryURL: p.EntryURL, DeletedAt: (*time.Time)(p.DeletedAt),
		CoviuUserID: p.CoviuUserID, UserHint: p.UserHint, Phone: p.Phone, Fee: p.Fee, Extra: p.Extra,
	}
}

func (p shadowPage[T]) promised() bool {
	return (p.Content.seen || p.More.seen) && !p.Content.lacking
}

func (p shadowPage[T]) more() bool {
	if p.More.seen {
		return p.More.value
	}
	return len(p.Content.items) > 0
}

func (p shadowPage[T]) sessions(model func(T) Session) SessionPage {
	page := SessionPage{More: p.more(), Page: int(p.Page), PageSize: int(p.PageSize), PageCount: int(p.PageCount)}
	for _, item := range p.Content.items {
		page.Content = append(page.Content, model(item))
	}
	return page
}

func (p shadowPage[T]) participants(model func(T) Participant) ParticipantPage {
	page := ParticipantPage{More: p.more(), Page: int(p.Page), PageSize: int(p.PageSize), PageCount: int(p.PageCount)}
	for _, item := range p.Content.items {
		page.Content = append(page.Content, model(item))
	}
	return page
}

// shadowRead decodes a reply with encoding/json, and reports whether the reply has the
// fields that the service must send.
func shadowRead(text []byte, model any) (want any, promised bool, err error) {
	switch model.(type) {
	case *Session:
		var s shadowSession
		err = json.Unmarshal(text, &s)
		m := s.model()
		return &m, !s.lacksID(), err
	case *Participant:
		var p shadowParticipant
		err = json.Unmarshal(text, &p)
		m := p.model()
		return &m, !p.lacksID(), err
	case *SessionPage:
		var p shadowPage[shadowSession]
		err = json.Unmarshal(text, &p)
		m := p.sessions(shadowSession.model)
		return &m, p.promised(), err
	case *ParticipantPage:
		var p shadowPage[shadowParticipant]
		text = bytes.TrimLeft(text, " \t\r\n")
		if bytes.HasPrefix(text, []byte("[")) {
			err = json.Unmarshal(text, &p.Content)
			p.More.seen = true
		} else {
			err = json.Unmarshal(text, &p)
		}
		p.More.seen = p.More.seen || bytes.HasPrefix(text, []byte("n"))
		m := p.participants(shadowParticipant.model)
		return &m, p.promised(), err
	default:
		var u shadowUnit
		err = json.Unmarshal(text, &u)
		return &UnitResponse{OK: u.OK.value}, u.OK.seen, err
	}
}

// traits are properties of a text that encoding/json and this package treat
// differently.
type traits struct {
	tooDeep bool
	// foldedName means that a string differs from one of the service's names only in
	// case.
	foldedName bool
}

func traitsOf(text []byte) (found traits) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var depth int
	for {
		token, err := decoder.Token()
		if err != nil {
			return found
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			found.tooDeep = found.tooDeep || depth > jsoncursor.MaxDepth
		case string:
			found.foldedName = found.foldedName || foldsToKnown(token)
		}
	}
}

func foldsToKnown(name string) bool {
	for known := range strings.FieldsSeq(sessionNames + participantNames + otherNames) {
		if name != known && strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}

func checkAgainstEncodingJSON[T any](t *testing.T, text []byte, decode func([]byte) (*T, error)) {
	t.Helper()
	found := traitsOf(text)
	if found.foldedName {
		return
	}
	before := bytes.Clone(text)
	want, promised, shadowErr := shadowRead(text, new(T))

	got := new(T)
	err := json.Unmarshal(text, got)
	require.Equal(t, shadowErr == nil && !found.tooDeep, err == nil, "unmarshal: shadow %v, got %v", shadowErr, err)

	decoded, err := decode(text)
	require.Equal(t, before, text)
	if err != nil {
		found, ok := errors.AsType[*jsoncursor.Error](err)
		require.True(t, ok)
		require.NotEmpty(t, found.Reason)
		require.Nil(t, decoded)
	}
	require.Equal(t, shadowErr == nil && !found.tooDeep && promised, err == nil, "decode: shadow %v, promised %v, got %v", shadowErr, promised, err)
	if shadowErr != nil || found.tooDeep {
		require.Equal(t, new(T), got, "an error left half a model")
		return
	}
	require.Equal(t, want, any(got))
	if decoded != nil {
		require.Equal(t, got, decoded)
	}
	checkRoundTrip(t, got)
}

func checkRoundTrip[T any](t *testing.T, model *T) {
	t.Helper()
	text, err := json.Marshal(model)
	require.NoError(t, err)
	again := new(T)
	require.NoError(t, json.Unmarshal(text, again), "%s", text)
	require.Equal(t, model, again)
}

func checkAllModels(t *testing.T, text []byte) {
	t.Helper()
	checkAgainstEncodingJSON(t, text, decodeSession)
	checkAgainstEncodingJSON(t, text, decodeParticipant)
	checkAgainstEncodingJSON(t, text, decodeSessionPage)
	checkAgainstEncodingJSON(t, text, decodeParticipantPage)
	checkAgainstEncodingJSON(t, text, decodeUnitResponse)
}

// FuzzReply compares every model with encoding/json: both accept and refuse the same
// replies and read the same values, and a round trip changes nothing. The only
// differences are those of TestDecodingIsStricterThanEncodingJSON.
func FuzzReply(f *testing.F) {
	fixtures, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range fixtures {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range unusualReplies {
		f.Add([]byte(text))
	}
	f.Fuzz(checkAllModels)
}

// unusualReplies are accepted or refused exactly as by encoding/json.
var unusualReplies = []string{
	``, ` `, `null`, `true`, `0`, `""`, `[]`, `{}`, `[null]`, `{"content":[null],"more":null}`, `{"more":true}`, `{"ok":null}`, `{"ok":1}`,
	`{"session_id":"a","session_id":null,"session_id":"b"}`, `{"session_id":"a","session_id":7}`, `{"session_id":7,"session_id":"a"}`,
	`{"session_id":"\ud800\udc00\ud800","session_name":"\u0000\/"}`, "{\"session_id\":\"\xff\xfe\",\"x\xff\":\"\xff\"}",
	`{"session\u005fid":"a","extra":1,"extra":{"a":[ "<&>" ]}}`, `{"session_id":"a","feature_flags":["b",null,"c"]}`,
	`{"session_id":"a","participants":[{"participant_id":"p","role":"hoſt"}],"participants":[{"role":"guest","seat":1}]}`,
	`{"session_id":"a","participants":[{"participant_id":"p"}],"participants":null}`, `{"session_id":"a","canceled_time":"2026-03-02T09:00:00Z","canceled_time":null}`,
	`{"session_id":"a","start_time":""}`, `{"session_id":"a","start_time":"0001-01-01T00:00:00Z","canceled_time":"0001-01-01T00:00:00Z"}`,
	`{"session_id":"a","end_time":"0000-01-01T00:00:00+01:00"}`, `{"session_id":"a","end_time":"9999-12-31T23:59:59.999999999Z"}`,
	`{"content":[],"page":"-1","page_size":-0,"page_count":"2"}`, `{"content":[],"page":1.0}`, `{"content":[],"page":"01"}`, `{"content":{},"page":1}`,
	`{"content":[{"session_id":"a"},{"session_id":"b"}],"content":[{"session_id":"c"}],"more":false,"more":null}`,
	`{"participant_id":"p","deleted_at":"Wed, 08 Jun 2016 04:07:11 GMT","fee":"{\"a\":1}","x":null}`, "\ufeff{}", `{"ok":true}{}`, `{"ok":true,}`,
	strings.Repeat(`{"x":`, 64) + `1` + strings.Repeat(`}`, 64), strings.Repeat(`{"x":`, 65) + `1` + strings.Repeat(`}`, 65),
}

// FuzzRoundTrip starts from models that a program fills in, not from replies.
func FuzzRoundTrip(f *testing.F) {
	f.Add("s-1", "Zoë <b>", int64(1_772_442_000), int64(5), "location", `{"a": [1,2]}`)
	f.Add("", "\u2028", int64(math.MinInt64), int64(-1), "session_id", `null`)
	f.Add("\x00", "\"\\", int64(253_402_300_799), int64(999_999_999), "", `"x"`)
	f.Fuzz(func(t *testing.T, id, name string, seconds, nanoseconds int64, extraName, extra string) {
		at := time.Unix(seconds, nanoseconds%1e9).UTC()
		text := json.RawMessage(extra)
		if _, err := at.MarshalJSON(); err != nil || !json.Valid(text) || traitsOf([]byte(`[[`+extra+`]]`)).tooDeep {
			return
		}
		clean := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		canonical, err := json.Marshal(text)
		require.NoError(t, err)
		p := Participant{ParticipantID: clean(id), DisplayName: clean(name), Role: RoleHost, DeletedAt: &at}
		s := Session{SessionID: clean(id), SessionName: clean(name), StartTime: at, CanceledTime: &at, FeatureFlags: []string{clean(name)}}
		if name := clean(extraName); !exactName(name) {
			p.Extra = map[string]json.RawMessage{name: canonical}
			s.Extra = map[string]json.RawMessage{name: canonical}
		}
		s.Participants = []Participant{p, p}
		checkRoundTrip(t, &s)
		checkRoundTrip(t, &SessionPage{Content: []Session{s, s}, Page: int(int32(seconds)), PageCount: 1})
		checkRoundTrip(t, &ParticipantPage{Content: []Participant{p}, More: seconds > 0})
	})
}
