package coviu

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// lookAgainFor is how long a booking whose outcome is unknown is looked for.
	lookAgainFor = 30 * time.Second
	firstLook    = 250 * time.Millisecond
	longestLook  = 4 * time.Second
)

// CreateOnce books a session at most once for each key, across time-outs,
// repeated calls and restarts (GET /sessions, then POST /sessions).
// The service has no such key of its own: sending a booking again after its
// reply was lost may book it twice.
//
// The key travels in the State of a participant: one who has it already, or
// else the first one whose State is empty; a request without room for it is a
// [*ValidationError]. Use an opaque id of the booking, one for each
// appointment: it is sent in a query, where servers and proxies log it. Don't
// change that State afterwards: a session without it is not found again.
//
// CreateOnce first looks for sessions with the key, canceled ones and removed
// participants included. A live one that agrees with req is returned, without
// its removed participants, and nothing is booked. It agrees if it starts and
// ends at the same time, at the precision of the reply (a millisecond at most),
// and has each participant of req, removed or not, by the fields that req sets:
// roles in any case, Phone only where the reply has one. More participants are
// no conflict; SessionName, Picture and FeatureFlags of the session are not
// compared. Otherwise the error is a [*KeyError]: [ErrKeyConflict] if it does not
// agree, [ErrDuplicate] if several live sessions have the key,
// [ErrPreviouslyCanceled] if only canceled ones do.
//
// If the booking's outcome is unknown, CreateOnce looks for it with growing
// pauses, for 30 s at most or until the context ends, and then fails with an
// [*OutcomeUnknownError]. It never sends a booking again that may have been
// carried out. Call it again with the same key and request, from this process or
// another: that finishes the job.
//
// Calls with one key on one Client run one after the other. Two holes remain
// that only the service could close: a booking that it carries out, or lists,
// only after the last look, when another call has booked meanwhile; and two
// processes, or two Clients in one, that book with one key at the same moment.
// The next call with that key then fails with ErrDuplicate, and the error holds
// the sessions, of which all but one can be canceled.
func (s *SessionService) CreateOnce(ctx context.Context, key string, req *SessionCreationRequest) (*Session, error) {
	c := s.core()
	if err := firstError(c.check(ctx), req.check(), checkKey(key)); err != nil {
		return nil, err
	}
	keyed, err := withKey(req, key)
	if err != nil {
		return nil, err
	}
	unlock, err := c.bookings.Lock(ctx, key)
	if err != nil {
		return nil, &callError{operation: string(opCreateSession), err: err}
	}
	defer unlock()
	if session, err := s.lookUp(ctx, key, keyed); session != nil || err != nil {
		return session, err
	}
	session, err := s.Create(ctx, keyed)
	if !errors.Is(err, ErrOutcomeUnknown) {
		return session, err
	}
	return s.lookAgain(ctx, key, keyed, err)
}

// lookAgain waits for a booking to appear of which nobody knows whether it was
// carried out.
func (s *SessionService) lookAgain(ctx context.Context, key string, req *SessionCreationRequest, unknown error) (*Session, error) {
	looking, cancel := context.WithTimeout(ctx, lookAgainFor)
	defer cancel()
	for pause := firstLook; ; pause = min(2*pause, longestLook) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-looking.Done():
			timer.Stop()
			return nil, stillUnknown(ctx, unknown)
		}
		session, err := s.lookUp(looking, key, req)
		if _, taken := errors.AsType[*KeyError](err); session != nil || taken {
			return session, err
		}
	}
}

// stillUnknown adds the end of the caller's context to what left the outcome
// unknown.
func stillUnknown(ctx context.Context, unknown error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(unknown, ended) {
		return &OutcomeUnknownError{
			Operation: string(opCreateSession),
			Err:       &callError{operation: string(opCreateSession), err: ended, earlier: unknown},
		}
	}
	return unknown
}

// lookUp returns the session that key stands for, nil if there is none yet, or
// why the key can't be used.
func (s *SessionService) lookUp(ctx context.Context, key string, req *SessionCreationRequest) (*Session, error) {
	var live, canceled []Session
	all := &SessionListOptions{State: key, IncludeCanceled: true, DeletedParticipants: true}
	for session, err := range s.All(ctx, all) {
		switch {
		case err != nil:
			return nil, err
		case !hasState(session, key):
		case session.CanceledTime != nil:
			canceled = append(canceled, *session)
		default:
			live = append(live, *session)
		}
	}
	switch {
	case len(live) > 1:
		return nil, &KeyError{Sessions: live, kind: ErrDuplicate}
	case len(live) == 1 && !agrees(&live[0], req):
		return nil, &KeyError{Sessions: live, kind: ErrKeyConflict}
	case len(live) == 1:
		adopted := &live[0]
		adopted.Participants = slices.DeleteFunc(adopted.Participants, isRemoved)
		return adopted, nil
	case len(canceled) > 0:
		return nil, &KeyError{Sessions: canceled, kind: ErrPreviouslyCanceled}
	}
	return nil, nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return &ValidationError{"key", "is empty"}
	case !utf8.ValidString(key):
		return &ValidationError{"key", "is not UTF-8"}
	}
	return nil
}

// withKey returns a copy of req that carries key.
func withKey(req *SessionCreationRequest, key string) (*SessionCreationRequest, error) {
	keyed := *req
	keyed.Participants = slices.Clone(req.Participants)
	for _, state := range []string{key, ""} {
		i := slices.IndexFunc(keyed.Participants, func(p ParticipantCreationRequest) bool { return p.State == state })
		if i >= 0 {
			keyed.Participants[i].State = key
			return &keyed, nil
		}
	}
	return nil, &ValidationError{"Participants", "have no empty State for the key"}
}

func hasState(s *Session, state string) bool {
	return slices.ContainsFunc(s.Participants, func(p Participant) bool { return p.State == state })
}

func isRemoved(p Participant) bool { return p.DeletedAt != nil }

func agrees(s *Session, req *SessionCreationRequest) bool {
	return sameTime(s.StartTime, req.StartTime) && sameTime(s.EndTime, req.EndTime) &&
		hasAll(s.Participants, req.Participants)
}

// sameTime compares at the precision that the reply carries: a server that
// keeps whole seconds, or milliseconds, booked what was asked for.
func sameTime(got, asked time.Time) bool {
	got = got.Truncate(time.Millisecond)
	if got.Equal(got.Truncate(time.Second)) && got.Equal(asked.Truncate(time.Second)) {
		return true
	}
	return got.Equal(asked.Truncate(time.Millisecond))
}

// hasAll finds a participant of its own for each one that was asked for. Where
// one that fits is taken, the one who took it may have to move.
func hasAll(got []Participant, asked []ParticipantCreationRequest) bool {
	takenBy := make([]int, len(got))
	for i := range takenBy {
		takenBy[i] = -1
	}
	var place func(i int, tried []bool) bool
	place = func(i int, tried []bool) bool {
		for j := range got {
			if tried[j] || !fits(&got[j], &asked[i]) {
				continue
			}
			tried[j] = true
			if takenBy[j] < 0 || place(takenBy[j], tried) {
				takenBy[j] = i
				return true
			}
		}
		return false
	}
	for i := range asked {
		if !place(i, make([]bool, len(got))) {
			return false
		}
	}
	return true
}

// fits compares the fields that were asked for. Phone is newer: a server that
// does not know it can't contradict it.
func fits(got *Participant, asked *ParticipantCreationRequest) bool {
	return (asked.DisplayName == "" || asked.DisplayName == got.DisplayName) &&
		(asked.Role == "" || strings.EqualFold(string(asked.Role), string(got.Role))) &&
		(asked.Picture == "" || asked.Picture == got.Picture) &&
		(asked.State == "" || asked.State == got.State) &&
		(asked.Phone == "" || got.Phone == "" || asked.Phone == got.Phone)
}
