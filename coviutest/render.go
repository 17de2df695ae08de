package coviutest

import (
	"encoding/json"
	"maps"
	"slices"
)

// renderer writes JSON without reflection, which would be most of the cost of a
// request.
type renderer struct {
	origin  string
	dates   DateForm
	removed bool // show removed participants
}

func (s *Server) renderer(removed bool) renderer {
	return renderer{origin: s.origin, dates: s.settings.dates, removed: removed}
}

func (r renderer) session(b []byte, s *session) []byte {
	form := r.form(s)
	b = appendMember(b, '{', "session_id", s.id)
	b = appendMember(b, ',', "team_id", s.team.id)
	b = appendOptional(b, "client_id", s.clientID)
	b = appendOptional(b, "session_name", s.name)
	b = appendDateMember(b, "start_time", s.start, form)
	b = appendDateMember(b, "end_time", s.end, form)
	b = appendOptional(b, "picture", s.picture())
	b = append(b, `,"participants":`...)
	b = r.participants(b, s)
	if len(s.flags) > 0 {
		b = append(b, `,"feature_flags":`...)
		for i, flag := range s.flags {
			b = appendString(append(b, separator(i)), flag)
		}
		b = append(b, ']')
	}
	b = appendDateMember(b, "canceled_time", s.canceled, form)
	if s.rare != nil {
		b = appendDateMember(b, "actual_end_time", s.rare.actualEnd, form)
		b = appendExtra(b, s.rare.extra)
	}
	return append(b, '}')
}

func (r renderer) participants(b []byte, s *session) []byte {
	n := 0
	for _, p := range s.participants {
		if p.shown(r.removed) {
			b = r.participant(append(b, separator(n)), p)
			n++
		}
	}
	if n == 0 {
		b = append(b, '[')
	}
	return append(b, ']')
}

func (r renderer) participant(b []byte, p *participant) []byte {
	b = appendMember(b, '{', "participant_id", p.id)
	b = appendMember(b, ',', "session_id", p.session.id)
	b = appendOptional(b, "client_id", p.clientID)
	b = appendOptional(b, "display_name", p.name)
	b = appendMember(b, ',', "role", string(p.role))
	b = appendOptional(b, "state", p.state)
	b = appendMember(b, ',', "entry_url", p.entryURL(r.origin))
	b = appendDateMember(b, "deleted_at", p.removed, r.form(p.session))
	if rare := p.rare; rare != nil {
		b = appendOptional(b, "picture", rare.picture)
		b = appendOptional(b, "coviu_user_id", rare.userID)
		b = appendOptional(b, "user_hint", rare.hint)
		b = appendOptional(b, "phone", rare.phone)
		b = appendOptional(b, "fee", rare.fee)
		b = appendExtra(b, rare.extra)
	}
	return append(b, '}')
}

func (r renderer) form(s *session) DateForm {
	if r.dates != DatesEcho {
		return r.dates
	}
	return s.dates
}

func separator(i int) byte {
	if i == 0 {
		return '['
	}
	return ','
}

func appendMember(b []byte, before byte, name, value string) []byte {
	b = append(b, before, '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

func appendOptional(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendMember(b, ',', name, value)
}

func appendDateMember(b []byte, name string, ms int64, form DateForm) []byte {
	if ms == never {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':', '"')
	return append(appendDate(b, ms, form), '"')
}

func appendExtra(b []byte, extra map[string]json.RawMessage) []byte {
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		b = append(b, ',')
		b = appendString(b, name)
		b = append(b, ':')
		b = append(b, extra[name]...)
	}
	return b
}

func appendString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text)
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
