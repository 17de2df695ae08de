package coviu

import (
	"encoding/json"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/jsonextra"
)

// The types below have the fields of the models and none of their methods, so that
// encoding/json writes them by their tags.
type (
	plainSession         Session
	plainParticipant     Participant
	plainSessionPage     SessionPage
	plainParticipantPage ParticipantPage
)

// MarshalJSON writes the session as the service does, with dates in RFC 3339
// and UTC with all their digits, and with the unknown fields of Extra.
func (s Session) MarshalJSON() ([]byte, error) {
	s.StartTime, s.EndTime = s.StartTime.UTC(), s.EndTime.UTC()
	s.CanceledTime, s.ActualEndTime = inUTC(s.CanceledTime), inUTC(s.ActualEndTime)
	s.Participants = orEmpty(s.Participants)
	return jsonextra.Marshal(plainSession(s), s.Extra)
}

// MarshalJSON writes the participant as the service does, with dates in RFC
// 3339 and UTC with all their digits, and with the unknown fields of Extra.
func (p Participant) MarshalJSON() ([]byte, error) {
	p.DeletedAt = inUTC(p.DeletedAt)
	return jsonextra.Marshal(plainParticipant(p), p.Extra)
}

// MarshalJSON writes the page as the service does.
func (p SessionPage) MarshalJSON() ([]byte, error) {
	p.Content = orEmpty(p.Content)
	return json.Marshal(plainSessionPage(p))
}

// MarshalJSON writes the page as an object, also if the service sent an array.
func (p ParticipantPage) MarshalJSON() ([]byte, error) {
	p.Content = orEmpty(p.Content)
	return json.Marshal(plainParticipantPage(p))
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.UTC())
}

// orEmpty returns an empty list for nil: JSON gets [] instead of null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
