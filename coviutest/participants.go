package coviutest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/coviu/coviu-go-sdk"
)

// addParticipant answers POST /sessions/{session_id}/participants.
func (s *Server) addParticipant(c *call) reply {
	found, refused := s.sessionOf(c)
	if refused != nil {
		return *refused
	}
	body, err := parseObject(c.body)
	if err != nil {
		return badRequest(err.Error())
	}
	made, err := s.newParticipant(body, c)
	if err != nil {
		return badRequest(err.Error())
	}
	if found.hasFinished(c.now.UnixMilli()) {
		return badRequest("the session has finished")
	}
	s.store.addParticipant(found, made)
	return ok(s.renderer(false).participant(nil, made))
}

func (s *Server) newParticipant(body object, c *call) (*participant, error) {
	name, nameErr := body.text("display_name")
	role, roleErr := body.role("role")
	picture, pictureErr := body.text("picture")
	state, stateErr := body.text("state")
	phone, phoneErr := body.text("phone")
	fee, feeErr := body.text("fee")
	if err := firstError(nameErr, roleErr, pictureErr, stateErr, phoneErr, feeErr); err != nil {
		return nil, err
	}
	if s.settings.strict && role == nil {
		return nil, errors.New("role: missing")
	}
	made := &participant{
		clientID: c.caller.key.clientID,
		name:     valueOf(name),
		role:     coviu.RoleGuest,
		removed:  never,
	}
	made.id, made.state = newParticipantNames()
	if role != nil {
		made.role = *role
	}
	if valueOf(state) != "" {
		made.state = *state
	}
	made.setPicture(valueOf(picture))
	if phone != nil {
		made.needRare().phone = *phone
	}
	if fee != nil {
		made.needRare().fee = *fee
	}
	return made, nil
}

// listParticipants answers GET /sessions/{session_id}/participants.
func (s *Server) listParticipants(c *call) reply {
	found, refused := s.sessionOf(c)
	if refused != nil {
		return *refused
	}
	removed, err := removedToo(c)
	if err != nil {
		return badRequest(err.Error())
	}
	list := s.renderer(removed)
	if !s.settings.participantPages {
		return ok(list.participants(nil, found))
	}
	shown := 0
	for _, p := range found.participants {
		if p.shown(removed) {
			shown++
		}
	}
	b := list.participants([]byte(`{"content":`), found)
	b = append(b, `,"page":0,"page_size":`...)
	b = strconv.AppendInt(b, int64(shown), 10)
	if s.settings.pageCount {
		b = append(b, `,"page_count":1`...)
	}
	return ok(append(b, `,"more":false}`...))
}

// getParticipant answers GET /participants/{participant_id}.
func (s *Server) getParticipant(c *call) reply {
	found, refused := s.participantOf(c)
	if refused != nil {
		return *refused
	}
	return ok(s.renderer(false).participant(nil, found))
}

// updateParticipant answers PUT /participants/{participant_id}.
func (s *Server) updateParticipant(c *call) reply {
	found, refused := s.participantOf(c)
	if refused != nil {
		return *refused
	}
	body, err := parseObject(c.body)
	if err != nil {
		return badRequest(err.Error())
	}
	name, nameErr := body.text("display_name")
	role, roleErr := body.role("role")
	picture, pictureErr := body.text("picture")
	state, stateErr := body.text("state")
	fee, feeErr := body.text("fee")
	if err := firstError(nameErr, roleErr, pictureErr, stateErr, feeErr); err != nil {
		return badRequest(err.Error())
	}
	if name != nil {
		found.name = *name
	}
	if role != nil {
		found.role = *role
	}
	if picture != nil {
		found.setPicture(*picture)
	}
	if state != nil {
		found.state = *state
	}
	if fee != nil {
		found.needRare().fee = *fee
	}
	return ok(s.renderer(false).participant(nil, found))
}

// deleteParticipant answers DELETE /participants/{participant_id}.
func (s *Server) deleteParticipant(c *call) reply {
	found, refused := s.participantOf(c)
	if refused != nil {
		return *refused
	}
	now := c.now.UnixMilli()
	if found.session.hasFinished(now) {
		return refusal(http.StatusForbidden, "the session has finished")
	}
	found.removed = now
	return done()
}

// participantOf finds the participant that the path names. A removed one, and one
// of another team, is not found.
func (s *Server) participantOf(c *call) (*participant, *reply) {
	found := s.store.participants[c.id]
	if found == nil || found.isRemoved() || found.session.team != c.caller.user.team {
		return nil, new(notFound("participant"))
	}
	if found.session.isCanceled() {
		return nil, new(refusal(http.StatusUnauthorized, "the session was canceled"))
	}
	return found, nil
}
