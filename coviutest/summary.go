package coviutest

import (
	"errors"
	"time"
)

// SetAttendance makes GET /sessions/{session_id}/summary report when a
// participant entered the call and left it. A zero time means that they did not.
// A participant that does not exist is an error.
func (s *Server) SetAttendance(participantID string, entered, left time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.store.participants[participantID]
	if p == nil {
		return errors.New("coviutest: no such participant")
	}
	rare := p.needRare()
	rare.entered, rare.left = millisOrNever(entered), millisOrNever(left)
	return nil
}

func millisOrNever(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMilli()
}

// getSummary answers GET /sessions/{session_id}/summary.
func (s *Server) getSummary(c *call) reply {
	found, refused := s.sessionOf(c)
	if refused != nil {
		return *refused
	}
	return ok(s.renderer(false).summary(nil, found))
}

func (r renderer) summary(b []byte, s *session) []byte {
	form := r.form(s)
	b = appendMember(b, '{', "session_id", s.id)
	b = appendDateMember(b, "start_time", s.start, form)
	b = appendDateMember(b, "end_time", s.end, form)
	if s.rare != nil {
		b = appendDateMember(b, "actual_end_time", s.rare.actualEnd, form)
	}
	b = append(b, `,"participants":`...)
	for i, p := range s.participants {
		b = appendMember(append(b, separator(i)), '{', "participant_id", p.id)
		b = appendMember(b, ',', "role", string(p.role))
		if rare := p.rare; rare != nil {
			b = appendDateMember(b, "entry_time", rare.entered, form)
			if rare.left != never {
				b = append(b, `,"exit_time":{"left_reason":"left"`...)
				b = append(appendDateMember(b, "left_at", rare.left, form), '}')
			}
		}
		b = append(b, '}')
	}
	if len(s.participants) == 0 {
		b = append(b, '[')
	}
	return append(b, "]}"...)
}
