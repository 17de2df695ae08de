package coviutest_test

import (
	"slices"
	"strings"
	"time"
)

// model is what one team's part of the service does, in the plainest way: a
// slice of sessions that is copied, filtered and sorted for each list.
type model struct {
	sessions []*modelSession
}

type modelSession struct {
	fields     map[string]any // as in a reply, without participants
	start, end time.Duration
	canceled   bool
	people     []*modelPerson
}

type modelPerson struct {
	in      *modelSession
	fields  map[string]any
	removed bool
}

// reply is s as the service shows it.
func (s *modelSession) reply(removed bool) map[string]any {
	shown := map[string]any{"participants": s.peopleReply(removed)}
	for name, value := range s.fields {
		if value != "" {
			shown[name] = value
		}
	}
	return shown
}

func (s *modelSession) peopleReply(removed bool) []any {
	people := []any{}
	for _, p := range s.people {
		if removed || !p.removed {
			people = append(people, p.reply())
		}
	}
	return people
}

func (p *modelPerson) reply() map[string]any {
	shown := map[string]any{}
	for name, value := range p.fields {
		if value != "" {
			shown[name] = value
		}
	}
	return shown
}

type modelQuery struct {
	page, size                 int
	from, to                   *time.Duration
	canceled, removed, reverse bool
	state                      string
}

func (m *model) list(q modelQuery) map[string]any {
	matching := slices.DeleteFunc(slices.Clone(m.sessions), func(s *modelSession) bool { return !q.matches(s) })
	if q.from != nil || q.to != nil {
		slices.SortStableFunc(matching, func(a, b *modelSession) int { return int(a.start - b.start) })
	}
	if q.reverse {
		slices.Reverse(matching)
	}
	content := []any{}
	for _, s := range matching[min(q.page*q.size, len(matching)):min((q.page+1)*q.size, len(matching))] {
		content = append(content, s.reply(q.removed))
	}
	return map[string]any{
		"content": content, "page": float64(q.page), "page_size": float64(q.size),
		"more": (q.page+1)*q.size < len(matching),
	}
}

func (q modelQuery) matches(s *modelSession) bool {
	return (q.canceled || !s.canceled) &&
		(q.from == nil || s.start >= *q.from) &&
		(q.to == nil || s.start <= *q.to) &&
		(q.state == "" || slices.ContainsFunc(s.people, func(p *modelPerson) bool {
			return p.fields["state"] == q.state && (q.removed || !p.removed)
		}))
}

func (m *model) create(from, to, now time.Duration) int {
	if from < now.Truncate(time.Second) || to <= from {
		return 400
	}
	return 200
}

func (m *model) update(s *modelSession, changes map[string]string, from, to *time.Duration, now time.Duration) int {
	switch start, end := orKept(from, s.start), orKept(to, s.end); {
	case s.canceled:
		return 401
	case s.end <= now || end <= start:
		return 400
	default:
		s.start, s.end = start, end
		s.fields["start_time"], s.fields["end_time"] = in(start), in(end)
		for name, value := range changes {
			s.fields[name] = value
		}
		return 200
	}
}

func orKept(changed *time.Duration, kept time.Duration) time.Duration {
	if changed == nil {
		return kept
	}
	return *changed
}

func (m *model) cancel(s *modelSession, now time.Duration) int {
	switch {
	case s.canceled:
		return 401
	case s.start <= now:
		return 403
	}
	s.canceled = true
	s.fields["canceled_time"] = in(now)
	return 200
}

func (m *model) mayAdd(s *modelSession, now time.Duration) int {
	switch {
	case s.canceled:
		return 401
	case s.end <= now:
		return 400
	}
	return 200
}

// sees is the answer to a call that only looks at a participant.
func (p *modelPerson) sees() int {
	switch {
	case p.removed:
		return 404
	case p.in.canceled:
		return 401
	}
	return 200
}

func (p *modelPerson) change(changes map[string]string) int {
	status := p.sees()
	if status == 200 {
		for name, value := range changes {
			if name == "role" {
				value = strings.ToUpper(value)
			}
			p.fields[name] = value
		}
	}
	return status
}

func (p *modelPerson) remove(now time.Duration) int {
	switch status := p.sees(); {
	case status != 200:
		return status
	case p.in.end <= now:
		return 403
	}
	p.removed = true
	p.fields["deleted_at"] = in(now)
	return 200
}
