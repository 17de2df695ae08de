package coviu

import "context"

// ParticipantService groups the participant endpoints. Use it as
// Client.Participants.
type ParticipantService struct {
	noPrint
	client *Client
}

const (
	opAddParticipant    operation = "POST /sessions/{session_id}/participants"
	opListParticipants  operation = "GET /sessions/{session_id}/participants"
	opGetParticipant    operation = "GET /participants/{participant_id}"
	opUpdateParticipant operation = "PUT /participants/{participant_id}"
	opDeleteParticipant operation = "DELETE /participants/{participant_id}"
)

// Add adds a participant to a session
// (POST /sessions/{session_id}/participants) and returns them with their EntryURL.
// A session that has started still takes participants.
//
// If the participant may have been added, for example because the reply was lost,
// the error is an [*OutcomeUnknownError]. Add never sends such a request again.
// Give the participant a State, and look for it with [Session.WithState] before
// you add them again.
//
// Other errors: [ErrBadRequest] if the session has finished, [ErrNotFound] if it
// does not exist, [ErrUnauthorized] if it was canceled. [*ValidationError] for bad
// input, [*APIError] for other refusals.
func (p *ParticipantService) Add(ctx context.Context, sessionID string, req *ParticipantCreationRequest) (*Participant, error) {
	if err := checkID("sessionID", sessionID); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	r := request{
		operation: opAddParticipant,
		path:      "/sessions/" + sessionID + "/participants",
		body:      encode(req),
	}
	return call(ctx, p.core(), r, decodeParticipant)
}

// List returns the participants of a session
// (GET /sessions/{session_id}/participants). Removed ones are included only if the
// options ask for them. Servers answer with a page or with an array; both become a
// page. Even if More is true, there is no next page to ask for.
//
// Errors: [ErrNotFound] if the session does not exist, [ErrUnauthorized] if it was
// canceled. [*ValidationError] for bad input, [*APIError] for other refusals,
// [*DecodeError] if the reply is neither a page nor an array.
func (p *ParticipantService) List(ctx context.Context, sessionID string, opts *ParticipantListOptions) (*ParticipantPage, error) {
	if err := checkID("sessionID", sessionID); err != nil {
		return nil, err
	}
	r := request{operation: opListParticipants, path: "/sessions/" + sessionID + "/participants"}
	if opts != nil && opts.DeletedParticipants {
		r.query = deletedParticipants
	}
	return call(ctx, p.core(), r, decodeParticipantPage)
}

// Get returns one participant (GET /participants/{participant_id}).
//
// Errors: [ErrNotFound] if the participant does not exist or was removed,
// [ErrUnauthorized] if the session was canceled. [*ValidationError] for bad input,
// [*APIError] for other refusals, [*DecodeError] if the reply is not a participant.
func (p *ParticipantService) Get(ctx context.Context, participantID string) (*Participant, error) {
	if err := checkID("participantID", participantID); err != nil {
		return nil, err
	}
	return call(ctx, p.core(), request{operation: opGetParticipant, path: "/participants/" + participantID}, decodeParticipant)
}

// Update changes a participant (PUT /participants/{participant_id}) and returns the
// changed participant. Fields that the request leaves nil stay as they are. The
// link stays the same: for another person, remove the participant and add a new
// one. Don't change a State that holds a key of [SessionService.CreateOnce].
//
// Errors: [ErrNotFound] if the participant does not exist, [ErrBadRequest] if the
// session has finished, [ErrUnauthorized] if it was canceled. [*ValidationError]
// for bad input, [*APIError] for other refusals, [*DecodeError] if the reply is not
// a participant.
func (p *ParticipantService) Update(ctx context.Context, participantID string, req *ParticipantUpdateRequest) (*Participant, error) {
	if err := checkID("participantID", participantID); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	r := request{
		operation: opUpdateParticipant,
		path:      "/participants/" + participantID,
		body:      encode(req),
	}
	return call(ctx, p.core(), r, decodeParticipant)
}

// Delete removes a participant (DELETE /participants/{participant_id}). Their
// EntryURL no longer lets anybody in. A participant can't be removed after the
// session has finished.
//
// If the reply was lost, Delete sends the request again. If that one finds the
// participant gone, Delete has succeeded. Without a clear answer, the error is an
// [*OutcomeUnknownError]: call Delete again.
//
// Other errors: [ErrNotFound] if the participant does not exist, [ErrUnauthorized]
// if the session was canceled, [ErrBadRequest] or [ErrForbidden] if it has
// finished. [*ValidationError] for bad input, [*APIError] for other refusals.
func (p *ParticipantService) Delete(ctx context.Context, participantID string) (*UnitResponse, error) {
	if err := checkID("participantID", participantID); err != nil {
		return nil, err
	}
	return call(ctx, p.core(), request{operation: opDeleteParticipant, path: "/participants/" + participantID}, decodeDeletion)
}

// core returns the client of the service. It is nil for a zero ParticipantService.
func (p *ParticipantService) core() *Client {
	if p == nil {
		return nil
	}
	return p.client
}
