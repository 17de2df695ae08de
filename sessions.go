package coviu

import "context"

// SessionService groups the session endpoints. Use it as Client.Sessions.
type SessionService struct {
	noPrint
	client *Client
}

const (
	opCreateSession operation = "POST /sessions"
	opListSessions  operation = "GET /sessions"
	opGetSession    operation = "GET /sessions/{session_id}"
	opUpdateSession operation = "PUT /sessions/{session_id}"
	opDeleteSession operation = "DELETE /sessions/{session_id}"
)

// Create books a session (POST /sessions) and returns it with the participants'
// links. If it is called twice, it books twice: [SessionService.CreateOnce] does
// not.
//
// The start has to be in the future and the end after it. Set SessionName and the
// Role of each participant: newer documents of the service require them.
//
// Errors: [ErrBadRequest] if the service refuses the request. An
// [*OutcomeUnknownError] if the session may have been booked, for example because
// the reply was lost; Create never sends such a request again. [*ValidationError]
// for bad input, [*APIError] for other refusals.
func (s *SessionService) Create(ctx context.Context, req *SessionCreationRequest) (*Session, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	c := s.core()
	return call(ctx, c, request{operation: opCreateSession, path: "/sessions", body: c.sessionCreationBody(req)}, decodeSession)
}

// Get returns one session (GET /sessions/{session_id}).
//
// Errors: [ErrNotFound] if the session does not exist. [ErrUnauthorized] if it was
// canceled: the service then shows it only in a list with IncludeCanceled.
// [*ValidationError] for bad input, [*APIError] for other refusals, [*DecodeError]
// if the reply is not a session.
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
// sessions and removed participants are included only if the options ask for them.
//
// The order is that of creation, oldest first. With StartTime or EndTime it is by
// start time. While others book and cancel, sessions move from one page to
// another. To read a whole list, use [SessionService.All] or
// [SessionService.Pages]: they find the sessions that move.
//
// Errors: [*ValidationError] for bad options, [*APIError] for refusals,
// [*DecodeError] if the reply is not a page.
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

// Update changes a session (PUT /sessions/{session_id}) and returns the changed
// session. Fields that the request leaves nil stay as they are. Links stay the
// same. After an error, Update may be called again.
//
// Errors: [ErrBadRequest] if the session has finished, [ErrNotFound] if it does not
// exist, [ErrUnauthorized] if it was canceled. [*ValidationError] for bad input,
// [*APIError] for other refusals, [*DecodeError] if the reply is not a session.
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

// Delete cancels a session (DELETE /sessions/{session_id}). That can't be undone:
// nobody can enter the session any more. Only a session that has not started can
// be canceled.
//
// If the reply was lost, Delete sends the request again. If that one finds the
// session gone, Delete has succeeded. Without a clear answer, the error is an
// [*OutcomeUnknownError]: call Delete again.
//
// Other errors: [ErrNotFound] if the session does not exist, [ErrUnauthorized] if
// it was canceled before or, rarely, if the token was revoked (a list tells which),
// [ErrBadRequest] or [ErrForbidden] if it has started.
// [*ValidationError] for bad input, [*APIError] for other refusals.
func (s *SessionService) Delete(ctx context.Context, sessionID string) (*UnitResponse, error) {
	if err := checkID("sessionID", sessionID); err != nil {
		return nil, err
	}
	return call(ctx, s.core(), request{operation: opDeleteSession, path: "/sessions/" + sessionID}, decodeDeletion)
}

// core returns the client of the service. It is nil for a zero SessionService.
func (s *SessionService) core() *Client {
	if s == nil {
		return nil
	}
	return s.client
}
