package coviu

import "context"

// ParticipantService is the calls about the people in sessions; it is a
// [Client]'s Participants.
type ParticipantService struct {
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
// (POST /sessions/{session_id}/participants). The reply holds their EntryURL.
//
// A session that has started still takes participants, one that has finished
// does not: the service refuses that as [ErrBadRequest], and a session that does
// not exist as [ErrNotFound]. A request that may have been carried out is not
// sent again and ends as an [*OutcomeUnknownError]. Bad input is a
// [*ValidationError], every other refusal an [*APIError].
func (p *ParticipantService) Add(ctx context.Context, sessionID string, req *ParticipantCreationRequest) (*Participant, error) {
	if err := checkID("sessionID", sessionID); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	c := p.core()
	r := request{
		operation: opAddParticipant,
		path:      "/sessions/" + sessionID + "/participants",
		body:      c.participantCreationBody(req),
	}
	return call(ctx, c, r, decodeParticipant)
}

// List returns the participants of a session
// (GET /sessions/{session_id}/participants), removed ones only if the options
// say so. Servers answer with a page or with an array: both become a page. A
// page with More has no next page to ask for.
//
// A session that does not exist is [ErrNotFound], one that was canceled
// [ErrUnauthorized]. Bad input is a [*ValidationError], every other refusal an
// [*APIError], and a reply that is neither a [*DecodeError].
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
// A participant who does not exist, or was removed, is [ErrNotFound]; one of a
// session that was canceled is [ErrUnauthorized]. Bad input is a
// [*ValidationError], every other refusal an [*APIError], and a reply that is no
// participant a [*DecodeError].
func (p *ParticipantService) Get(ctx context.Context, participantID string) (*Participant, error) {
	if err := checkID("participantID", participantID); err != nil {
		return nil, err
	}
	return call(ctx, p.core(), request{operation: opGetParticipant, path: "/participants/" + participantID}, decodeParticipant)
}

// Update changes a participant (PUT /participants/{participant_id}) and returns
// them as they are then. Fields that the request leaves nil stay as they are.
//
// A participant who does not exist is [ErrNotFound]; the service refuses changes
// in a session that has finished as [ErrBadRequest]. Bad input is a
// [*ValidationError], every other refusal an [*APIError], and a reply that is no
// participant a [*DecodeError].
func (p *ParticipantService) Update(ctx context.Context, participantID string, req *ParticipantUpdateRequest) (*Participant, error) {
	if err := checkID("participantID", participantID); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	c := p.core()
	r := request{
		operation: opUpdateParticipant,
		path:      "/participants/" + participantID,
		body:      c.participantUpdateBody(req),
	}
	return call(ctx, c, r, decodeParticipant)
}

// Delete removes a participant (DELETE /participants/{participant_id}). Their
// EntryURL no longer lets anybody in.
//
// A participant can't be removed once the session has finished: the service
// refuses that as [ErrBadRequest], and a participant who does not exist as
// [ErrNotFound]. Bad input is a [*ValidationError], every other refusal an
// [*APIError]. If a reply was lost and the repeated request met no definite
// answer, the error is an [*OutcomeUnknownError]; a repeated request that finds
// the participant gone is a success.
func (p *ParticipantService) Delete(ctx context.Context, participantID string) (*UnitResponse, error) {
	if err := checkID("participantID", participantID); err != nil {
		return nil, err
	}
	return call(ctx, p.core(), request{operation: opDeleteParticipant, path: "/participants/" + participantID}, decodeDeletion)
}

// core is the client behind the service, nil for a service that has none.
func (p *ParticipantService) core() *Client {
	if p == nil {
		return nil
	}
	return p.client
}
