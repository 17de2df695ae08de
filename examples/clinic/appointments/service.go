package appointments

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coviu/coviu-go-sdk"
)

// service brings sessions in line with appointments. Everything it does may be
// repeated, by this process or another one.
type service struct {
	*Store
	Config
}

// problemError ends the attempts and calls for a person. Its text is shown.
type problemError string

func (e problemError) Error() string { return string(e) }

const (
	problemCanceled = problemError("The call was canceled in Coviu. Cancel the appointment here, and make a new one.")
	problemGone     = problemError("The call is no longer in Coviu. Cancel the appointment here, and make a new one.")
	problemPeople   = problemError("The call in Coviu is for other people. Compare the two.")
)

var (
	// errChanged says that the appointment was changed: start again with it.
	errChanged = errors.New("the appointment has changed meanwhile")
	// errStillThere is for a session that was canceled, or whose token was revoked,
	// while it was looked at.
	errStillThere = errors.New("the session is listed, but not shown")
	errDiffers    = errors.New("the session still differs after it was changed")
)

// carryOut brings the service to what the appointment asks for. It returns the
// participant ids by the person's Ref.
func (s *service) carryOut(ctx context.Context, a *Appointment) (map[string]string, error) {
	session, err := s.find(ctx, a)
	switch {
	case err != nil:
		return nil, err
	case a.Canceled && session == nil:
		return nil, nil
	case a.Canceled:
		return nil, s.cancel(ctx, session.SessionID)
	}
	return s.align(ctx, a, session)
}

// find returns the appointment's session. It books one if need be. For a canceled
// appointment it returns nil if there is no live session.
func (s *service) find(ctx context.Context, a *Appointment) (*coviu.Session, error) {
	if a.SessionID != "" {
		return s.get(ctx, a)
	}
	if a.Booking == nil && a.Canceled {
		return nil, nil // Nothing was ever sent.
	}
	if err := s.remember(ctx, a); err != nil {
		return nil, err
	}
	session, err := s.bookOnce(ctx, a)
	if session == nil || err != nil {
		return nil, err
	}
	// From now on the session is known by its id, so that it may differ from the
	// first booking.
	_, err = s.pool.Exec(ctx, `UPDATE clinic_appointments SET session_id = $2, in_doubt = false
		WHERE id = $1 AND session_id = ''`, a.ID, session.SessionID)
	a.SessionID = session.SessionID
	return session, err
}

// remember stores the first booking before it is sent. Whoever asks again later,
// when the appointment may have been moved, asks for the same booking and moves the
// session after that.
func (s *service) remember(ctx context.Context, a *Appointment) error {
	if a.Booking != nil {
		return nil
	}
	tag, err := s.pool.Exec(ctx, `UPDATE clinic_appointments SET booking = $3
		WHERE id = $1 AND revision = $2 AND booking IS NULL`, a.ID, a.Revision, a.Wish)
	if err == nil && tag.RowsAffected() == 0 {
		return errChanged
	}
	a.Booking = &a.Wish
	return err
}

// bookOnce asks for the first booking, also if the appointment was canceled since:
// only then does one know what is to be canceled.
func (s *service) bookOnce(ctx context.Context, a *Appointment) (*coviu.Session, error) {
	booking, cancel := context.WithTimeout(ctx, s.BookFor)
	defer cancel()
	session, err := s.Book(booking, key(a.ID), a.request())
	taken, isKeyError := errors.AsType[*coviu.KeyError](err)
	switch {
	case err == nil:
		return session, nil
	case errors.Is(err, coviu.ErrOutcomeUnknown):
		return nil, err
	case errors.Is(err, coviu.ErrPreviouslyCanceled) && a.Canceled:
		return nil, nil
	case errors.Is(err, coviu.ErrPreviouslyCanceled):
		return nil, problemCanceled
	case isKeyError && taken.People:
		return nil, problemPeople
	case isKeyError && taken.Times:
		// Somebody moved it in Coviu. The clinic's times count.
		return &taken.Sessions[0], nil
	case errors.Is(err, coviu.ErrDuplicate):
		// No link of these was given to anybody, because no id is stored yet.
		for _, extra := range taken.Sessions[1:] {
			if err := s.cancel(ctx, extra.SessionID); err != nil {
				return nil, err
			}
		}
		return &taken.Sessions[0], nil
	case isRefusal(err):
		return nil, s.refused(ctx, a, err)
	}
	return nil, err
}

// refused deals with a booking that the service did not carry out, for example
// because its start had passed. The next attempt may be another booking.
func (s *service) refused(ctx context.Context, a *Appointment, cause error) error {
	_, err := s.pool.Exec(ctx, `UPDATE clinic_appointments SET booking = NULL
		WHERE id = $1 AND session_id = '' AND booking = $2`, a.ID, a.Booking)
	switch {
	case err != nil:
		return err
	case !a.Canceled && a.Booking.equal(&a.Wish):
		return problemError(fmt.Sprintf("Coviu refuses the call: %v", cause))
	}
	return errChanged // It was moved or canceled since: start with what it is now.
}

func (a *Appointment) request() *coviu.SessionCreationRequest {
	w := a.Booking
	req := &coviu.SessionCreationRequest{SessionName: w.Title, StartTime: w.Start, EndTime: w.End}
	for _, p := range w.People {
		req.Participants = append(req.Participants, coviu.ParticipantCreationRequest{
			DisplayName: p.Name, Role: p.Role, State: a.State(p),
		})
	}
	return req
}

// get returns the session of an appointment. It returns nil if the session is
// canceled and ought to be.
//
// A 401 does not prove that a session was canceled: the token may have been revoked.
// The list asks for a new token if need be, and shows canceled sessions as such.
func (s *service) get(ctx context.Context, a *Appointment) (*coviu.Session, error) {
	session, err := s.Client.Sessions.Get(ctx, a.SessionID, nil)
	if !isHidden(err) {
		return session, err
	}
	listed, err := s.listed(ctx, a)
	if err != nil {
		return nil, err
	}
	if listed == nil || listed.CanceledTime == nil {
		// Lists can be late, and the first answer may have been due to the token.
		session, err := s.Client.Sessions.Get(ctx, a.SessionID, nil)
		if !isHidden(err) {
			return session, err
		}
	}
	switch {
	case listed != nil && listed.CanceledTime == nil:
		return nil, errStillThere
	case a.Canceled:
		return nil, nil
	case listed == nil:
		return nil, problemGone
	}
	return nil, problemCanceled
}

// isHidden recognizes the answers for canceled sessions.
func isHidden(err error) bool {
	return errors.Is(err, coviu.ErrUnauthorized) || errors.Is(err, coviu.ErrNotFound)
}

// listed returns the appointment's session as the list has it, or nil.
func (s *service) listed(ctx context.Context, a *Appointment) (found *coviu.Session, err error) {
	all := &coviu.SessionListOptions{State: key(a.ID), IncludeCanceled: true, DeletedParticipants: true}
	for session, err := range s.Client.Sessions.All(ctx, all) {
		if err != nil {
			return nil, err
		}
		if session.SessionID == a.SessionID {
			found = session
		}
	}
	return found, nil
}

// cancel cancels a session. What it returns for one that is canceled already is
// settled by the next look.
func (s *service) cancel(ctx context.Context, sessionID string) error {
	_, err := s.Client.Sessions.Delete(ctx, sessionID)
	return refusal(err)
}

// refusal turns a definite refusal of a change into a problem. Waiting would not
// help: for example the call has started.
func refusal(err error) error {
	if isRefusal(err) {
		return problemError(fmt.Sprintf("Coviu refuses the change: %v", err))
	}
	return err
}

func isRefusal(err error) bool {
	return !errors.Is(err, coviu.ErrOutcomeUnknown) && (errors.Is(err, coviu.ErrBadRequest) ||
		errors.Is(err, coviu.ErrForbidden) || errors.Is(err, coviu.ErrConflict) || errors.Is(err, coviu.ErrInvalidRequest))
}

// align changes the session until it is as the appointment has it, and returns the
// participant ids. After a change it looks again, because an addition of an earlier
// attempt may have been carried out late.
func (s *service) align(ctx context.Context, a *Appointment, session *coviu.Session) (map[string]string, error) {
	for range 3 {
		changes, ids := s.compare(a, session)
		if len(changes) == 0 {
			return ids, nil
		}
		for _, change := range changes {
			if err := change(ctx); err != nil {
				return nil, refusal(err)
			}
		}
		var err error
		if session, err = s.Client.Sessions.Get(ctx, a.SessionID, nil); err != nil {
			return nil, err
		}
	}
	return nil, errDiffers
}

type change func(ctx context.Context) error

// compare returns what has to change at the service, and the participant ids of
// those who are there. People whom somebody added in Coviu are left alone.
func (s *service) compare(a *Appointment, session *coviu.Session) (changes []change, ids map[string]string) {
	if a.Title != session.SessionName || !a.Start.Equal(session.StartTime) || !a.End.Equal(session.EndTime) {
		changes = append(changes, func(ctx context.Context) error {
			_, err := s.Client.Sessions.Update(ctx, session.SessionID, &coviu.SessionUpdateRequest{
				SessionName: &a.Title, StartTime: &a.Start, EndTime: &a.End,
			})
			return err
		})
	}
	ids = map[string]string{}
	people := map[string]Person{}
	for _, p := range a.People {
		people[a.State(p)] = p
	}
	for _, there := range session.Participants {
		p, expected := people[there.State]
		switch {
		case !a.owns(there.State):
		case expected && ids[p.Ref] == "" && there.DisplayName == p.Name && there.Role == p.Role:
			ids[p.Ref] = there.ParticipantID
		default:
			// Somebody with another name gets a link of their own.
			changes = append(changes, s.remove(there.ParticipantID))
		}
	}
	for _, p := range a.People {
		if ids[p.Ref] == "" {
			changes = append(changes, s.add(session.SessionID, a, p))
		}
	}
	return changes, ids
}

// owns recognizes participants that the clinic added.
func (a *Appointment) owns(state string) bool {
	return state == key(a.ID) || strings.HasPrefix(state, key(a.ID)+".")
}

func (s *service) add(sessionID string, a *Appointment, p Person) change {
	return func(ctx context.Context) error {
		_, err := s.Client.Participants.Add(ctx, sessionID, &coviu.ParticipantCreationRequest{
			DisplayName: p.Name, Role: p.Role, State: a.State(p),
		})
		return err
	}
}

// remove takes a participant out. One who is gone already is what was wanted.
func (s *service) remove(participantID string) change {
	return func(ctx context.Context) error {
		_, err := s.Client.Participants.Delete(ctx, participantID)
		if errors.Is(err, coviu.ErrNotFound) {
			return nil
		}
		return err
	}
}
