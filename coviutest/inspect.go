package coviutest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// Sessions returns the sessions of all teams in the order of their creation. It
// includes canceled sessions and removed participants.
func (s *Server) Sessions() []coviu.Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	held := s.store.all()
	models := make([]coviu.Session, len(held))
	for i, h := range held {
		models[i] = h.model(s.origin)
	}
	return models
}

// Session returns one session, whatever its state, or false.
func (s *Server) Session(sessionID string) (coviu.Session, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	held := s.store.sessions[sessionID]
	if held == nil {
		return coviu.Session{}, false
	}
	return held.model(s.origin), true
}

// Seed adds sessions in any state: past, running, canceled, with removed
// participants. It returns them with empty ids, entry URLs, roles and states
// filled in. An empty TeamID is the server's own team. An empty StartTime is an
// hour from now, an empty EndTime half an hour after the start. Times are cut to
// milliseconds.
//
// An id that is taken, or an end that is not after its start, is an error, and
// then Seed adds no session.
func (s *Server) Seed(sessions ...coviu.Session) ([]coviu.Session, error) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	seeds := make([]*session, len(sessions))
	taken := map[string]bool{}
	for i, m := range sessions {
		seeds[i] = s.newSeed(m, now)
		if err := s.store.accepts(seeds[i], taken); err != nil {
			return nil, fmt.Errorf("coviutest: session %d: %w", i, err)
		}
	}
	models := make([]coviu.Session, len(seeds))
	for i, seed := range seeds {
		s.store.add(seed)
		models[i] = seed.model(s.origin)
	}
	return models, nil
}

func (st *store) accepts(s *session, taken map[string]bool) error {
	if s.end <= s.start {
		return errEndNotAfterStart
	}
	if st.sessions[s.id] != nil || taken["s"+s.id] {
		return errors.New("session_id: taken")
	}
	taken["s"+s.id] = true
	for j, p := range s.participants {
		if st.participants[p.id] != nil || taken["p"+p.id] {
			return fmt.Errorf("participants[%d]: participant_id: taken", j)
		}
		taken["p"+p.id] = true
	}
	return nil
}

func (s *Server) newSeed(m coviu.Session, now time.Time) *session {
	if m.StartTime.IsZero() {
		m.StartTime = now.Add(time.Hour)
	}
	if m.EndTime.IsZero() {
		m.EndTime = m.StartTime.Add(30 * time.Minute)
	}
	seed := &session{
		id:       orMade(m.SessionID, newID),
		team:     s.teamOrOwn(m.TeamID),
		clientID: orMade(m.ClientID, func() string { return s.accounts.keys[s.APIKey].clientID }),
		name:     m.SessionName,
		start:    m.StartTime.UnixMilli(),
		end:      m.EndTime.UnixMilli(),
		canceled: optionalMillis(m.CanceledTime),
		dates:    DatesISO,
		flags:    slices.Clone(m.FeatureFlags),
	}
	if m.Picture != "" || m.ActualEndTime != nil || len(m.Extra) > 0 {
		rare := seed.needRare()
		rare.picture, rare.actualEnd, rare.extra = m.Picture, optionalMillis(m.ActualEndTime), maps.Clone(m.Extra)
	}
	for _, p := range m.Participants {
		seed.participants = append(seed.participants, newSeedParticipant(p, seed))
	}
	return seed
}

func newSeedParticipant(m coviu.Participant, in *session) *participant {
	id, state := newParticipantNames()
	made := func(name string) func() string { return func() string { return name } }
	p := &participant{
		id:       orMade(m.ParticipantID, made(id)),
		session:  in,
		clientID: orMade(m.ClientID, made(in.clientID)),
		name:     m.DisplayName,
		role:     coviu.Role(strings.ToUpper(orMade(string(m.Role), made(string(coviu.RoleGuest))))),
		state:    orMade(m.State, made(state)),
		entry:    m.EntryURL,
		removed:  optionalMillis(m.DeletedAt),
	}
	if m.Picture+m.Phone+m.CoviuUserID+m.UserHint+m.Fee != "" || len(m.Extra) > 0 {
		rare := p.needRare()
		rare.picture, rare.phone, rare.userID, rare.hint, rare.fee = m.Picture, m.Phone, m.CoviuUserID, m.UserHint, m.Fee
		rare.extra = maps.Clone(m.Extra)
	}
	return p
}

func orMade(given string, made func() string) string {
	if given != "" {
		return given
	}
	return made()
}

// Snapshot is a copy of a server's sessions; see [Server.Snapshot].
type Snapshot struct {
	sessions []*session
	offset   int64
}

// Snapshot copies the sessions, the participants and the offset of the clock.
// [Server.Restore] returns to it any number of times: a table test seeds once and
// restores before each row.
func (s *Server) Snapshot() *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	snap := &Snapshot{offset: s.offset.Load()}
	for _, held := range s.store.all() {
		snap.sessions = append(snap.sessions, held.clone())
	}
	return snap
}

// Restore replaces the sessions and the offset of the clock with those of snap.
// Credentials, tokens, faults and counts stay as they are, so that clients go on
// working.
func (s *Server) Restore(snap *Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.reset()
	for _, kept := range snap.sessions {
		held := kept.clone()
		held.team = s.store.team(held.team.id)
		s.store.add(held)
	}
	s.offset.Store(snap.offset)
}
