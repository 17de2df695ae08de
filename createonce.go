package coviu

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coviu/coviu-go-sdk/internal/matching"
)

const (
	// searchPeriod is how long a booking whose outcome is unknown is looked for.
	searchPeriod = 30 * time.Second
	firstPause   = 250 * time.Millisecond
	longestPause = 4 * time.Second
)

// CreateOnce books a session at most once for each key, across time-outs, repeated
// calls and restarts (GET /sessions, then POST /sessions). It returns the session
// that has the key, or books one. Call it again after any error, with the same key
// and request, from this process or another.
//
// If the outcome of a booking is unknown, as after one 503 or a lost reply,
// CreateOnce looks for the session for 30 s, or until ctx ends. It then fails with
// an [*OutcomeUnknownError]. Give ctx a deadline if a person waits: the next call
// with this Client looks for the rest of the 30 s before it books.
//
// The key is stored in the State of a participant: one who has it already, or else
// the first one whose State is empty. Don't change that State: the session would not
// be found again. The key must be opaque: it is sent in a query, which servers log.
//
// A session agrees with req if its times are the same and it has each participant
// of req, by the fields that req sets. Participants who were added or removed don't
// matter, and neither do the session's name, picture and feature flags. Otherwise
// the error is a [*KeyError] and nothing is booked: [ErrKeyConflict] if the session
// does not agree, [ErrDuplicate] if several live sessions have the key,
// [ErrPreviouslyCanceled] if only canceled ones have it.
//
// Two holes remain. The service may carry out or list a booking after the last
// look, and the next call then books again. Another Client, in this process or
// another, does not know of a booking under way; [WithBookingLedger] prevents that.
// A later call with the key then fails with ErrDuplicate.
func (s *SessionService) CreateOnce(ctx context.Context, key string, req *SessionCreationRequest) (*Session, error) {
	c := s.core()
	if err := cmp.Or(c.check(ctx), req.check(), checkKey(key)); err != nil {
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
	if c.config.ledger == nil {
		return s.bookOnce(ctx, key, keyed, &heldKey{Booking: Booking{Unsettled: c.unsettled.Left(key)}, read: time.Now()})
	}
	return s.bookWithLedger(ctx, key, keyed)
}

// bookOnce returns the session that key stands for, and books it if there is none.
func (s *SessionService) bookOnce(ctx context.Context, key string, req *SessionCreationRequest, held *heldKey) (*Session, error) {
	session, err := s.find(ctx, key, req, held)
	if session != nil || err != nil {
		return session, err
	}
	if err := held.begin(ctx); err != nil {
		// Nothing was sent, but the intent may have been recorded all the same.
		held.settle(ctx, "")
		return nil, err
	}
	session, err = s.Create(ctx, req)
	switch {
	case err == nil:
		held.settle(ctx, session.SessionID)
	case !errors.Is(err, ErrOutcomeUnknown):
		held.settle(ctx, "")
	default:
		s.client.unsettled.Set(key, time.Now().Add(searchPeriod))
		session, err = s.searchRepeatedly(ctx, key, req, searchPeriod, err)
		if session != nil {
			held.settle(ctx, session.SessionID)
		}
	}
	return session, err
}

// find returns the session that key stands for, or nil if there is none and none
// can turn up any more.
func (s *SessionService) find(ctx context.Context, key string, req *SessionCreationRequest, held *heldKey) (*Session, error) {
	known, err := s.fetchRecorded(ctx, held.SessionID)
	if err != nil {
		return nil, err
	}
	var session *Session
	if known != nil && !held.Overdue {
		session, err = adopt([]Session{*known}, req)
	} else {
		session, err = s.search(ctx, key, req, known)
	}
	if session == nil && err == nil && held.unsettled() > 0 {
		session, err = s.searchRepeatedly(ctx, key, req, min(held.unsettled(), searchPeriod), errEarlierBooking())
		if errors.Is(err, ErrOutcomeUnknown) && ctx.Err() == nil && held.unsettled() <= 0 {
			// The earlier booking can't turn up any more. A last look makes sure.
			session, err = s.search(ctx, key, req, nil)
		}
	}
	switch {
	case session != nil && session.SessionID != held.SessionID:
		held.settle(ctx, session.SessionID)
	case session == nil && err == nil && held.SessionID != "":
		return s.adoptRecorded(ctx, held.SessionID, req)
	}
	return session, err
}

// adoptRecorded is for a recorded session that was not shown, nor listed as
// canceled. The first 401 may have been about a token, which the search has
// renewed, and the list may be late.
func (s *SessionService) adoptRecorded(ctx context.Context, sessionID string, req *SessionCreationRequest) (*Session, error) {
	session, err := s.fetchRecorded(ctx, sessionID)
	if session == nil && err == nil {
		return nil, &KeyError{kind: ErrPreviouslyCanceled}
	}
	if err != nil {
		return nil, err
	}
	return adopt([]Session{*session}, req)
}

// errEarlierBooking is for a key under which an earlier call sent a booking whose
// outcome nobody knows yet.
func errEarlierBooking() error {
	return &OutcomeUnknownError{
		Operation: string(opCreateSession),
		Err:       errors.New("an earlier booking with this key may still be carried out"),
	}
}

// fetchRecorded returns the session that the ledger has recorded for the key. It
// returns nil if the ledger has none, or if the service doesn't show it any more.
func (s *SessionService) fetchRecorded(ctx context.Context, sessionID string) (*Session, error) {
	if sessionID == "" {
		return nil, nil
	}
	session, err := s.Get(ctx, sessionID, &SessionGetOptions{DeletedParticipants: true})
	if errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return session, err
}

// searchRepeatedly waits for a booking whose outcome is unknown to appear in the list.
// After the time given it returns the error unknown.
func (s *SessionService) searchRepeatedly(
	ctx context.Context, key string, req *SessionCreationRequest, d time.Duration, unknown error,
) (*Session, error) {
	looking, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-looking.Done():
			timer.Stop()
			return nil, stillUnknown(ctx, unknown)
		}
		session, err := s.search(looking, key, req, nil)
		if _, taken := errors.AsType[*KeyError](err); session != nil || taken {
			return session, err
		}
	}
}

// stillUnknown returns the error unknown, with the error of ctx if ctx has ended.
func stillUnknown(ctx context.Context, unknown error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(unknown, ended) {
		cause := &callError{operation: string(opCreateSession), err: ended, earlier: errors.Unwrap(unknown)}
		return &OutcomeUnknownError{Operation: string(opCreateSession), Err: cause}
	}
	return unknown
}

// search searches for the session that key stands for. It returns nil if there is
// none yet, or why the key can't be used. known is a session of the key that the
// list may not show yet, or nil.
func (s *SessionService) search(ctx context.Context, key string, req *SessionCreationRequest, known *Session) (*Session, error) {
	var found []Session
	all := &SessionListOptions{State: key, IncludeCanceled: true, DeletedParticipants: true}
	for session, err := range s.All(ctx, all) {
		switch {
		case err != nil:
			return nil, errors.Unwrap(err) // of the ListError
		case !hasState(session, key):
		case known != nil && session.SessionID == known.SessionID:
			known = session
		default:
			found = append(found, *session)
		}
	}
	if known != nil {
		found = append(found, *known)
	}
	return adopt(found, req)
}

// adopt returns the one live session of a key without its removed participants,
// nil if there is none, or why it can't be used.
func adopt(found []Session, req *SessionCreationRequest) (*Session, error) {
	live := slices.DeleteFunc(slices.Clone(found), func(s Session) bool { return s.CanceledTime != nil })
	switch {
	case len(found) == 0:
		return nil, nil
	case len(live) == 0:
		return nil, &KeyError{Sessions: found, kind: ErrPreviouslyCanceled}
	case len(live) > 1:
		return nil, &KeyError{Sessions: live, kind: ErrDuplicate}
	}
	session := &live[0]
	times := sameTime(session.StartTime, req.StartTime) && sameTime(session.EndTime, req.EndTime)
	people := hasAll(session.Participants, req.Participants)
	if !times || !people {
		return nil, &KeyError{Sessions: live, Times: !times, People: !people, kind: ErrKeyConflict}
	}
	session.Participants = slices.DeleteFunc(session.Participants, isRemoved)
	return session, nil
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
	return nil, &ValidationError{"Participants", "need one participant whose State is empty"}
}

func hasState(s *Session, state string) bool {
	return slices.ContainsFunc(s.Participants, func(p Participant) bool { return p.State == state })
}

func isRemoved(p Participant) bool { return p.DeletedAt != nil }

// sameTime compares at the precision that the reply carries: a server that
// keeps whole seconds, or milliseconds, booked what was asked for.
func sameTime(got, asked time.Time) bool {
	got = got.Truncate(time.Millisecond)
	return got.Equal(asked.Truncate(time.Millisecond)) || got.Equal(asked.Truncate(time.Second))
}

// hasAll reports whether there is a participant for each one that was requested.
func hasAll(got []Participant, asked []ParticipantCreationRequest) bool {
	return matching.Complete(len(asked), len(got), func(i, j int) bool { return fits(&got[j], &asked[i]) })
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
