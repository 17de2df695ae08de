package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// seed fills the server from a file, completely or not at all.
func seed(server *coviutest.Server, file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // the file that the user named is the one to read
	if err != nil {
		// The path is in the message already.
		return errors.Unwrap(err)
	}
	sessions, err := parseSeed(text, server.Now(), origin(server))
	if err != nil {
		return err
	}
	_, err = server.Seed(sessions...)
	return err
}

// seedPage is a reply of the API: a page of sessions, or one session.
type seedPage struct {
	Content []seedSession `json:"content"`
	seedSession
}

// seedSession is a session as in the API's replies. A time may also be relative
// to now. The team is always the emulator's own, or no client would see the
// session.
type seedSession struct {
	TeamID        any               `json:"team_id"`
	ClientID      string            `json:"client_id"`
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
	SessionID     any        `json:"session_id"` // of the session around it
	ClientID      string     `json:"client_id"`
	DisplayName   string     `json:"display_name"`
	Role          coviu.Role `json:"role"`
	State         string     `json:"state"`
	EntryURL      string     `json:"entry_url"`
	Picture       string     `json:"picture"`
	Phone         string     `json:"phone"`
	CoviuUserID   string     `json:"coviu_user_id"`
	UserHint      string     `json:"user_hint"`
	Fee           string     `json:"fee"`
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
	for _, layout := range []string{time.RFC3339, time.RFC1123, time.RFC1123Z} {
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

// parseSeed reads an array of sessions or a reply of the API. Replies may have
// fields that nobody knows yet. In an array, which is written by hand, an unknown
// field is a mistake.
func parseSeed(text []byte, now time.Time, origin string) ([]coviu.Session, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var seeds []seedSession
	var page seedPage
	var err error
	if byHand := bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")); byHand {
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&seeds)
	} else {
		err = decoder.Decode(&page)
		seeds = page.sessions()
	}
	switch {
	case err != nil:
	case seeds == nil:
		err = errors.New("neither an array nor a page of sessions nor a session")
	default:
		if _, trailing := decoder.Token(); !errors.Is(trailing, io.EOF) {
			err = errors.New("something follows the sessions")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", lineOf(text, decoder, err), err)
	}
	sessions := make([]coviu.Session, len(seeds))
	for i, s := range seeds {
		sessions[i] = s.session(now, origin)
	}
	return sessions, nil
}

func (p seedPage) sessions() []seedSession {
	if p.Content == nil && p.SessionID != "" {
		return []seedSession{p.seedSession}
	}
	return p.Content
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

func (s seedSession) session(now time.Time, origin string) coviu.Session {
	made := coviu.Session{
		ClientID:      s.ClientID,
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
		made.Participants = append(made.Participants, p.participant(now, origin))
	}
	return made
}

func (p seedParticipant) participant(now time.Time, origin string) coviu.Participant {
	made := coviu.Participant{
		ParticipantID: p.ParticipantID,
		ClientID:      p.ClientID,
		DisplayName:   p.DisplayName,
		Role:          p.Role,
		State:         p.State,
		Picture:       p.Picture,
		Phone:         p.Phone,
		CoviuUserID:   p.CoviuUserID,
		UserHint:      p.UserHint,
		Fee:           p.Fee,
		DeletedAt:     p.DeletedAt.time(now),
	}
	if link, err := url.Parse(p.EntryURL); err == nil && p.EntryURL != "" {
		// A link of the service would lead into a real call.
		made.EntryURL = origin + entryPath + path.Base(link.EscapedPath())
	}
	return made
}
