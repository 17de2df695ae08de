package coviutest

import (
	"encoding/json"
	"maps"
	"math"
	"net/url"
	"slices"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// never is the value of a time that is not set. Times are held in milliseconds,
// the precision of the service, because a large server then needs less memory.
const never = math.MinInt64

// session is a coviu.Session on the server. Fields that few sessions have are in
// rare.
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
	picture    string
	actualEnd  int64
	listedFrom int64 // when lists begin to show the session
	extra      map[string]json.RawMessage
}

type participant struct {
	id       string
	session  *session
	clientID string
	name     string
	role     coviu.Role
	state    string
	entry    string // the URL of a seeded participant; empty for the server's own form
	removed  int64
	rare     *rareParticipant
}

type rareParticipant struct {
	picture, phone, userID, hint, fee string
	entered, left                     int64
	extra                             map[string]json.RawMessage
}

func (s *session) isCanceled() bool            { return s.canceled != never }
func (s *session) hasStarted(now int64) bool   { return now >= s.start }
func (s *session) hasFinished(now int64) bool  { return now >= s.end }
func (p *participant) isRemoved() bool         { return p.removed != never }
func (p *participant) shown(removed bool) bool { return removed || !p.isRemoved() }
func (s *session) listed(canceled bool) bool   { return canceled || !s.isCanceled() }

func (s *session) picture() string {
	if s.rare == nil {
		return ""
	}
	return s.rare.picture
}

func (s *session) setPicture(picture string) {
	if s.rare != nil || picture != "" {
		s.needRare().picture = picture
	}
}

func (s *session) needRare() *rareSession {
	if s.rare == nil {
		s.rare = &rareSession{actualEnd: never, listedFrom: never}
	}
	return s.rare
}

func (s *session) listedFrom() int64 {
	if s.rare == nil {
		return never
	}
	return s.rare.listedFrom
}

func (p *participant) setPicture(picture string) {
	if p.rare != nil || picture != "" {
		p.needRare().picture = picture
	}
}

func (p *participant) needRare() *rareParticipant {
	if p.rare == nil {
		p.rare = &rareParticipant{entered: never, left: never}
	}
	return p.rare
}

func (p *participant) entryURL(origin string) string {
	if p.entry != "" {
		return p.entry
	}
	return origin + entryPath + url.PathEscape(p.id)
}

// clone copies s and its participants. Later changes do not reach the copy.
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
