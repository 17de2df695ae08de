package coviu

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"time"
)

// MarshalJSON writes the session as the service does, with dates in RFC 3339
// and UTC with all their digits, and with the unknown fields of Extra.
func (s Session) MarshalJSON() ([]byte, error) {
	wire := sessionJSON(s)
	wire.StartTime, wire.EndTime = s.StartTime.UTC(), s.EndTime.UTC()
	wire.CanceledTime, wire.ActualEndTime = inUTC(s.CanceledTime), inUTC(s.ActualEndTime)
	wire.Participants = orEmpty(s.Participants)
	return marshalWithExtra(wire, s.Extra)
}

// MarshalJSON writes the participant as the service does, with dates in RFC
// 3339 and UTC with all their digits, and with the unknown fields of Extra.
func (p Participant) MarshalJSON() ([]byte, error) {
	wire := participantJSON(p)
	wire.DeletedAt = inUTC(p.DeletedAt)
	return marshalWithExtra(wire, p.Extra)
}

// MarshalJSON writes the page as the service does.
func (p SessionPage) MarshalJSON() ([]byte, error) {
	wire := pageJSON[Session](p)
	wire.Content = orEmpty(p.Content)
	return json.Marshal(wire)
}

// MarshalJSON writes the page as an object, however the service wrote it.
func (p ParticipantPage) MarshalJSON() ([]byte, error) {
	wire := pageJSON[Participant](p)
	wire.Content = orEmpty(p.Content)
	return json.Marshal(wire)
}

// MarshalJSON writes the reply as the service does.
func (u UnitResponse) MarshalJSON() ([]byte, error) {
	return json.Marshal(unitResponseJSON(u))
}

// The types below are the models with the service's names. The compiler keeps
// their fields in step: only then do the conversions above compile.

type sessionJSON struct {
	SessionID     string                     `json:"session_id"`
	TeamID        string                     `json:"team_id,omitempty"`
	ClientID      string                     `json:"client_id,omitempty"`
	SessionName   string                     `json:"session_name,omitempty"`
	StartTime     time.Time                  `json:"start_time,omitzero"`
	EndTime       time.Time                  `json:"end_time,omitzero"`
	Picture       string                     `json:"picture,omitempty"`
	Participants  []Participant              `json:"participants"`
	FeatureFlags  []string                   `json:"feature_flags,omitempty"`
	CanceledTime  *time.Time                 `json:"canceled_time,omitempty"`
	ActualEndTime *time.Time                 `json:"actual_end_time,omitempty"`
	Extra         map[string]json.RawMessage `json:"-"`
}

type participantJSON struct {
	ParticipantID string                     `json:"participant_id"`
	SessionID     string                     `json:"session_id,omitempty"`
	ClientID      string                     `json:"client_id,omitempty"`
	DisplayName   string                     `json:"display_name,omitempty"`
	Role          Role                       `json:"role,omitempty"`
	Picture       string                     `json:"picture,omitempty"`
	State         string                     `json:"state,omitempty"`
	EntryURL      string                     `json:"entry_url,omitempty"`
	DeletedAt     *time.Time                 `json:"deleted_at,omitempty"`
	CoviuUserID   string                     `json:"coviu_user_id,omitempty"`
	UserHint      string                     `json:"user_hint,omitempty"`
	Phone         string                     `json:"phone,omitempty"`
	Fee           string                     `json:"fee,omitempty"`
	Extra         map[string]json.RawMessage `json:"-"`
}

type pageJSON[T any] struct {
	Content   []T  `json:"content"`
	More      bool `json:"more"`
	Page      int  `json:"page,omitempty"`
	PageSize  int  `json:"page_size,omitempty"`
	PageCount int  `json:"page_count,omitempty"`
}

type unitResponseJSON struct {
	OK bool `json:"ok"`
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.UTC())
}

// orEmpty makes [] of what would be null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// marshalWithExtra writes model and, behind its fields, those of extra that it
// does not have itself, in the order of their names.
func marshalWithExtra[T any](model T, extra map[string]json.RawMessage) ([]byte, error) {
	text, err := json.Marshal(model)
	if err != nil || len(extra) == 0 {
		return text, err
	}
	unknown := maps.Clone(extra)
	for field := range reflect.TypeFor[T]().Fields() {
		// The field that is not written is tagged "-", which is also a name.
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "-" {
			delete(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return text, nil
	}
	rest, err := json.Marshal(unknown)
	if err != nil {
		return nil, err
	}
	return append(append(text[:len(text)-1], ','), rest[1:]...), nil
}
