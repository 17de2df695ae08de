package coviutest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"
)

// store holds the sessions of all teams.
type store struct {
	teams        map[string]*team
	sessions     map[string]*session
	participants map[string]*participant
	lastSeq      int64
}

type team struct {
	id              string
	name, subdomain string
	byCreation      index
	byStart         index
	lateUntil       int64 // when the last session that is listed late will be listed
}

func newStore() store {
	return store{
		teams:        map[string]*team{},
		sessions:     map[string]*session{},
		participants: map[string]*participant{},
	}
}

// team returns the team with this id, a new one if there is none.
func (st *store) team(id string) *team {
	t := st.teams[id]
	if t == nil {
		t = &team{id: id, byStart: index{byStart: true}, lateUntil: never}
		st.teams[id] = t
	}
	return t
}

func (st *store) add(s *session) {
	if s.seq == 0 {
		st.lastSeq++
		s.seq = st.lastSeq
	}
	st.sessions[s.id] = s
	for _, p := range s.participants {
		st.participants[p.id] = p
	}
	s.team.byCreation.insert(s)
	s.team.byStart.insert(s)
	s.team.lateUntil = max(s.team.lateUntil, s.listedFrom())
}

func (st *store) addParticipant(s *session, p *participant) {
	p.session = s
	s.participants = append(s.participants, p)
	st.participants[p.id] = p
}

// change lets f change the fields by which s is ordered and counted.
func (st *store) change(s *session, f func()) {
	s.team.byCreation.remove(s)
	s.team.byStart.remove(s)
	f()
	s.team.byCreation.insert(s)
	s.team.byStart.insert(s)
}

// all returns the sessions of every team in the order of their creation.
func (st *store) all() []*session {
	all := make([]*session, 0, len(st.sessions))
	for _, s := range st.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.seq, b.seq) })
	return all
}

func (st *store) reset() {
	clear(st.sessions)
	clear(st.participants)
	for _, t := range st.teams {
		t.byCreation.chunks, t.byStart.chunks = nil, nil
	}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return string(appendUUID(make([]byte, 0, 36), b))
}

func appendUUID(dst []byte, b [16]byte) []byte {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	for i, cut := range [][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[cut[0]:cut[1]])
	}
	return dst
}

func newSecret() string {
	var b [24]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newParticipantNames makes an id and a state with one allocation: a server may
// hold half a million of each.
func newParticipantNames() (id, state string) {
	var b [25]byte
	_, _ = rand.Read(b[:])
	text := make([]byte, 0, 36+12)
	text = appendUUID(text, [16]byte(b[:16]))
	text = base64.RawURLEncoding.AppendEncode(text, b[16:])
	names := string(text)
	return names[:36], names[36:]
}
