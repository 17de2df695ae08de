package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// seed fills the server from a file, completely or not at all.
func seed(server *coviutest.Server, path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the file that the user named is the one to read
	if err != nil {
		// The path is in the message already.
		return errors.Unwrap(err)
	}
	sessions, err := parseSeed(text, server.Now())
	if err != nil {
		return err
	}
	_, err = server.Seed(sessions...)
	return err
}

// seedSession is a session as in the API's replies, but for its times.
type seedSession struct {
	SessionID     string            `json:"session_id"`
	SessionName   string            `json:"session_name"`
	StartTime     *moment           `json:"start_time"`
	EndTime       *moment           `json:"end_time"`
	CanceledTime  *moment           `json:"canceled_time"`
	ActualEndTime *moment           `json:"actual_end_time"`
	Picture       string            `json:"picture"`
	FeatureFlags  []string          `json:"feature_flags"`
	Participants  []seedParticipant `json:"participants"`
}

type seedParticipant struct {
	ParticipantID string     `json:"participant_id"`
	DisplayName   string     `json:"display_name"`
	Role          coviu.Role `json:"role"`
	State         string     `json:"state"`
	Picture       string     `json:"picture"`
	Phone         string     `json:"phone"`
	DeletedAt     *moment    `json:"deleted_at"`
}

// moment is a date, or a time relative to now: a seed file with dates alone
// would hold nothing but finished sessions after a while.
type moment struct {
	at     time.Time
	offset time.Duration
}

func (m *moment) UnmarshalJSON(text []byte) error {
	var value string
	if err := json.Unmarshal(text, &value); err != nil {
		return errors.New("a time is no string")
	}
	if offset, err := time.ParseDuration(value); err == nil {
		m.offset = offset
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.RFC1123} {
		if at, err := time.Parse(layout, value); err == nil {
			m.at = at
			return nil
		}
	}
	return fmt.Errorf("%q is neither a date nor relative to now", value)
}

func (m *moment) time(now time.Time) *time.Time {
	switch {
	case m == nil:
		return nil
	case m.at.IsZero():
		return new(now.Add(m.offset))
	}
	return &m.at
}

func parseSeed(text []byte, now time.Time) ([]coviu.Session, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var seeds []seedSession
	err := decoder.Decode(&seeds)
	if err == nil {
		if _, trailing := decoder.Token(); !errors.Is(trailing, io.EOF) {
			err = errors.New("something follows the array")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", lineOf(text, decoder, err), err)
	}
	sessions := make([]coviu.Session, len(seeds))
	for i, s := range seeds {
		sessions[i] = s.session(now)
	}
	return sessions, nil
}

func lineOf(text []byte, decoder *json.Decoder, err error) int {
	at := decoder.InputOffset()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = syntax.Offset
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at = mismatch.Offset
	}
	return 1 + bytes.Count(text[:min(at, int64(len(text)))], []byte("\n"))
}

func (s seedSession) session(now time.Time) coviu.Session {
	made := coviu.Session{
		SessionID:     s.SessionID,
		SessionName:   s.SessionName,
		CanceledTime:  s.CanceledTime.time(now),
		ActualEndTime: s.ActualEndTime.time(now),
		Picture:       s.Picture,
		FeatureFlags:  s.FeatureFlags,
	}
	if start := s.StartTime.time(now); start != nil {
		made.StartTime = *start
	}
	if end := s.EndTime.time(now); end != nil {
		made.EndTime = *end
	}
	for _, p := range s.Participants {
		made.Participants = append(made.Participants, coviu.Participant{
			ParticipantID: p.ParticipantID,
			DisplayName:   p.DisplayName,
			Role:          p.Role,
			State:         p.State,
			Picture:       p.Picture,
			Phone:         p.Phone,
			DeletedAt:     p.DeletedAt.time(now),
		})
	}
	return made
}
