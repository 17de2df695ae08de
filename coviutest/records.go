package coviutest

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// never marks a time that did not come: times are held in milliseconds, the
// precision of the service, to keep a large server small.
const never = math.MinInt64

// session is what the server holds of a coviu.Session. Fields that few sessions
// have live behind rare.
type session struct {
	id           string
	seq          int64
	team         *team
	clientID     string
	name         string
	start, end   int64
	canceled     int64
	dates        DateForm
	participants []*participant
	flags        []string
	rare         *rareSession
}

type rareSession struct {
	picture   string
	actualEnd int64
	extra     map[string]json.RawMessage
}

type participant struct {
	id       string
	session  *session
	clientID string
	name     string
	role     coviu.Role
	state    string
	entry    string // a token, or a whole URL for one that was seeded
	removed  int64
	rare     *rareParticipant
}

type rareParticipant struct {
	picture, phone, userID, hint, fee string
	extra                             map[string]json.RawMessage
}

func (s *session) isCanceled() bool              { return s.canceled != never }
func (s *session) hasStarted(now int64) bool     { return now >= s.start }
func (s *session) hasFinished(now int64) bool    { return now >= s.end }
func (p *participant) isRemoved() bool           { return p.removed != never }
func (p *participant) shown(removed bool) bool   { return removed || !p.isRemoved() }
func (s *session) lived(includeCancel bool) bool { return includeCancel || !s.isCanceled() }

func (s *session) picture() string {
	if s.rare == nil {
		return ""
	}
	return s.rare.picture
}

func (s *session) setPicture(picture string) {
	if s.rare == nil {
		if picture == "" {
			return
		}
		s.rare = &rareSession{actualEnd: never}
	}
	s.rare.picture = picture
}

func (p *participant) setPicture(picture string) {
	if p.rare == nil {
		if picture == "" {
			return
		}
		p.rare = new(rareParticipant)
	}
	p.rare.picture = picture
}

func (p *participant) entryURL(origin string) string {
	if strings.Contains(p.entry, "://") {
		return p.entry
	}
	return origin + entryPath + p.entry
}

// clone copies s with its participants, so that a snapshot stays what it was.
func (s *session) clone() *session {
	c := *s
	if s.rare != nil {
		c.rare = new(*s.rare)
	}
	c.participants = make([]*participant, len(s.participants))
	for i, p := range s.participants {
		q := *p
		q.session = &c
		if p.rare != nil {
			q.rare = new(*p.rare)
		}
		c.participants[i] = &q
	}
	return &c
}

func (s *session) model(origin string) coviu.Session {
	m := coviu.Session{
		SessionID:    s.id,
		TeamID:       s.team.id,
		ClientID:     s.clientID,
		SessionName:  s.name,
		StartTime:    instant(s.start),
		EndTime:      instant(s.end),
		Picture:      s.picture(),
		FeatureFlags: slices.Clone(s.flags),
		CanceledTime: optionalInstant(s.canceled),
	}
	if s.rare != nil {
		m.ActualEndTime = optionalInstant(s.rare.actualEnd)
		m.Extra = maps.Clone(s.rare.extra)
	}
	for _, p := range s.participants {
		m.Participants = append(m.Participants, p.model(origin))
	}
	return m
}

func (p *participant) model(origin string) coviu.Participant {
	m := coviu.Participant{
		ParticipantID: p.id,
		SessionID:     p.session.id,
		ClientID:      p.clientID,
		DisplayName:   p.name,
		Role:          p.role,
		State:         p.state,
		EntryURL:      p.entryURL(origin),
		DeletedAt:     optionalInstant(p.removed),
	}
	if r := p.rare; r != nil {
		m.Picture, m.Phone, m.CoviuUserID, m.UserHint, m.Fee = r.picture, r.phone, r.userID, r.hint, r.fee
		m.Extra = maps.Clone(r.extra)
	}
	return m
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func optionalInstant(ms int64) *time.Time {
	if ms == never {
		return nil
	}
	return new(instant(ms))
}

func optionalMillis(t *time.Time) int64 {
	if t == nil {
		return never
	}
	return t.UnixMilli()
}
