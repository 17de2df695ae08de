package coviu

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-querystring/query"
)

// SessionService is the calls about sessions; it is a [Client]'s Sessions.
type SessionService struct {
	client *Client
}

const (
	opCreateSession operation = "POST /sessions"
	opListSessions  operation = "GET /sessions"
	opGetSession    operation = "GET /sessions/{session_id}"
	opUpdateSession operation = "PUT /sessions/{session_id}"
	opDeleteSession operation = "DELETE /sessions/{session_id}"
)

// Create books a session (POST /sessions).
//
// The service takes a start in the future and an end after it, and refuses
// anything else as [ErrBadRequest]. It has no way to recognise a repeated
// booking, so a request that may have been carried out is not sent again: it
// ends as an [*OutcomeUnknownError]. [SessionService.CreateOnce] books safely
// in spite of that. Bad input is a [*ValidationError], every other refusal an
// [*APIError].
func (s *SessionService) Create(ctx context.Context, req *SessionCreationRequest) (*Session, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	c := s.core()
	return call(ctx, c, request{operation: opCreateSession, path: "/sessions", body: c.sessionCreationBody(req)}, decodeSession)
}

// Get returns one session (GET /sessions/{session_id}).
//
// A session that does not exist is [ErrNotFound]. One that was canceled is
// [ErrUnauthorized]: the service no longer shows it, except in a list with
// IncludeCanceled. Bad input is a [*ValidationError], every other refusal an
// [*APIError], and a reply that is no session a [*DecodeError].
func (s *SessionService) Get(ctx context.Context, sessionID string, opts *SessionGetOptions) (*Session, error) {
	if err := checkID("sessionID", sessionID); err != nil {
		return nil, err
	}
	r := request{operation: opGetSession, path: "/sessions/" + sessionID}
	if opts != nil && opts.DeletedParticipants {
		r.query = deletedParticipants
	}
	return call(ctx, s.core(), r, decodeSession)
}

// List returns one page of the sessions (GET /sessions), 200 at most. Canceled
// sessions and removed participants are in it only if the options say so.
//
// Sessions come in the order of their creation, oldest first, or by start time
// once StartTime or EndTime is given. While others book and cancel, the pages
// of such a list shift: to read all of it use [SessionService.All] or
// [SessionService.Pages], which allow for that. Bad options are a
// [*ValidationError], refusals an [*APIError], and a reply that is no page a
// [*DecodeError].
func (s *SessionService) List(ctx context.Context, opts *SessionListOptions) (*SessionPage, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	c := s.core()
	q, err := c.sessionQuery(opts)
	if err != nil {
		return nil, err
	}
	return call(ctx, c, request{operation: opListSessions, path: "/sessions", query: q}, decodeSessionPage)
}

// Update changes a session (PUT /sessions/{session_id}) and returns it as it is
// then. Fields that the request leaves nil stay as they are.
//
// The service refuses to change a session that has finished, as
// [ErrBadRequest], and one that does not exist, as [ErrNotFound]. Bad input is
// a [*ValidationError], every other refusal an [*APIError], and a reply that is
// no session a [*DecodeError].
func (s *SessionService) Update(ctx context.Context, sessionID string, req *SessionUpdateRequest) (*Session, error) {
	if err := checkID("sessionID", sessionID); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	c := s.core()
	return call(ctx, c, request{operation: opUpdateSession, path: "/sessions/" + sessionID, body: c.sessionUpdateBody(req)}, decodeSession)
}

// Delete cancels a session (DELETE /sessions/{session_id}). That can't be
// undone; nobody can enter the session any more.
//
// Only a session that has not started can be canceled; the service refuses
// others as [ErrBadRequest], and one that does not exist as [ErrNotFound]. Bad
// input is a [*ValidationError], every other refusal an [*APIError]. If a reply
// was lost and the repeated request met no definite answer, the error is an
// [*OutcomeUnknownError]; a repeated request that finds the session gone is a
// success.
func (s *SessionService) Delete(ctx context.Context, sessionID string) (*UnitResponse, error) {
	if err := checkID("sessionID", sessionID); err != nil {
		return nil, err
	}
	return call(ctx, s.core(), request{operation: opDeleteSession, path: "/sessions/" + sessionID}, decodeDeletion)
}

// core is the client behind the service, nil for a service that has none.
func (s *SessionService) core() *Client {
	if s == nil {
		return nil
	}
	return s.client
}

const deletedParticipants = "deleted_participants=true"

type sessionQuery struct {
	Page                int    `url:"page,omitempty"`
	PageSize            int    `url:"page_size,omitempty"`
	StartTime           string `url:"start_time,omitempty"`
	EndTime             string `url:"end_time,omitempty"`
	IncludeCanceled     bool   `url:"include_canceled,omitempty"`
	DeletedParticipants bool   `url:"deleted_participants,omitempty"`
	State               string `url:"state,omitempty"`
	Order               Order  `url:"order,omitempty"`
}

func (c *Client) sessionQuery(o *SessionListOptions) (string, error) {
	if o == nil {
		return "", nil
	}
	values, err := query.Values(sessionQuery{
		Page:                o.Page,
		PageSize:            o.PageSize,
		StartTime:           c.date(o.StartTime),
		EndTime:             c.date(o.EndTime),
		IncludeCanceled:     o.IncludeCanceled,
		DeletedParticipants: o.DeletedParticipants,
		State:               o.State,
		Order:               o.Order,
	})
	if err != nil {
		return "", &ValidationError{"options", "can't be written as a query"}
	}
	return values.Encode(), nil
}

// date writes t as the service reads it, and a zero t as nothing.
func (c *Client) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(appendDate(nil, t, c != nil && c.config.rfc1123))
}

// errNotOK is a deletion that the service answers with a success and ok: false.
var errNotOK = errors.New("not ok")

// decodeDeletion reads the reply to a deletion, which may be empty.
func decodeDeletion(body []byte) (*UnitResponse, error) {
	if len(body) == 0 {
		return &UnitResponse{OK: true}, nil
	}
	unit, err := decodeUnitResponse(body)
	if err == nil && !unit.OK {
		return nil, errNotOK
	}
	return unit, err
}
