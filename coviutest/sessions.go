package coviutest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// createSession answers POST /sessions.
func (s *Server) createSession(c *call) reply {
	body, err := parseObject(c.body)
	if err != nil {
		return badRequest(err.Error())
	}
	made, err := s.newSession(body, c)
	if err != nil {
		return badRequest(err.Error())
	}
	s.store.add(made)
	return ok(s.renderer(false).session(nil, made))
}

func (s *Server) newSession(body object, c *call) (*session, error) {
	start, startErr := body.date("start_time")
	end, endErr := body.date("end_time")
	name, nameErr := body.text("session_name")
	picture, pictureErr := body.text("picture")
	flags, flagsErr := body.texts("feature_flags")
	people, peopleErr := body.objects("participants")
	if err := firstError(startErr, endErr, nameErr, pictureErr, flagsErr, peopleErr); err != nil {
		return nil, err
	}
	switch {
	case s.settings.strict && valueOf(name) == "":
		return nil, errors.New("session_name: missing")
	case start == nil:
		return nil, errors.New("start_time: missing")
	case end == nil:
		return nil, errors.New("end_time: missing")
	case startsInPast(start.ms, c.now):
		return nil, errors.New("start_time: not in the future")
	case end.ms <= start.ms:
		return nil, errEndNotAfterStart
	}
	made := &session{
		id:       newID(),
		team:     c.caller.user.team,
		clientID: c.caller.key.clientID,
		name:     valueOf(name),
		start:    start.ms,
		end:      end.ms,
		canceled: never,
		dates:    start.form,
		flags:    slices.Clip(flags),
	}
	made.setPicture(valueOf(picture))
	if c.listedAfter > 0 {
		made.needRare().listedFrom = c.now.Add(c.listedAfter).UnixMilli()
	}
	for _, person := range people {
		p, err := s.newParticipant(person, c)
		if err != nil {
			return nil, err
		}
		p.session = made
		made.participants = append(made.participants, p)
	}
	made.participants = slices.Clip(made.participants)
	return made, nil
}

// startsInPast compares whole seconds: dates in RFC 1123 have no fraction, so
// that a start of "now" lies up to a second back.
func startsInPast(ms int64, now time.Time) bool {
	return time.UnixMilli(ms).Unix() < now.Unix()
}

var errEndNotAfterStart = errors.New("end_time: not after start_time")

// getSession answers GET /sessions/{session_id}.
func (s *Server) getSession(c *call) reply {
	found, refused := s.sessionOf(c)
	if refused != nil {
		return *refused
	}
	removed, err := removedToo(c)
	if err != nil {
		return badRequest(err.Error())
	}
	return ok(s.renderer(removed).session(make([]byte, 0, 1<<10), found))
}

// updateSession answers PUT /sessions/{session_id}.
func (s *Server) updateSession(c *call) reply {
	found, refused := s.sessionOf(c)
	if refused != nil {
		return *refused
	}
	body, err := parseObject(c.body)
	if err != nil {
		return badRequest(err.Error())
	}
	start, startErr := body.date("start_time")
	end, endErr := body.date("end_time")
	name, nameErr := body.text("session_name")
	picture, pictureErr := body.text("picture")
	if err := firstError(startErr, endErr, nameErr, pictureErr); err != nil {
		return badRequest(err.Error())
	}
	if found.hasFinished(c.now.UnixMilli()) {
		return badRequest("the session has finished")
	}
	from, to := found.start, found.end
	if start != nil {
		from = start.ms
	}
	if end != nil {
		to = end.ms
	}
	if to <= from {
		return badRequest(errEndNotAfterStart.Error())
	}
	s.store.change(found, func() { found.start, found.end = from, to })
	if name != nil {
		found.name = *name
	}
	if picture != nil {
		found.setPicture(*picture)
	}
	return ok(s.renderer(false).session(nil, found))
}

// deleteSession answers DELETE /sessions/{session_id}.
func (s *Server) deleteSession(c *call) reply {
	found, refused := s.sessionOf(c)
	if refused != nil {
		return *refused
	}
	now := c.now.UnixMilli()
	if found.hasStarted(now) {
		return refusal(http.StatusForbidden, "only a session that has not started can be canceled")
	}
	s.store.change(found, func() { found.canceled = now })
	return done()
}

func done() reply { return ok([]byte(`{"ok":true}`)) }

// sessionOf finds the session that the path names. A session of another team is
// not found. A canceled one answers 401.
func (s *Server) sessionOf(c *call) (*session, *reply) {
	found := s.store.sessions[c.id]
	if found == nil || found.team != c.caller.user.team {
		return nil, new(notFound("session"))
	}
	if found.isCanceled() {
		return nil, new(refusal(http.StatusUnauthorized, "the session was canceled"))
	}
	return found, nil
}

func removedToo(c *call) (bool, error) {
	if c.rawQuery == "" {
		return false, nil
	}
	values, err := url.ParseQuery(c.rawQuery)
	if err != nil {
		return false, errQuery
	}
	return query(values).flag("deleted_participants")
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
