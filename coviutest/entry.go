package coviutest

import (
	"errors"

	"github.com/coviu/coviu-go-sdk"
)

// Why a participant can't enter a call; see [Server.Enter].
var (
	// ErrNoSuchEntry is returned for a link that belongs to no participant.
	ErrNoSuchEntry = errors.New("coviutest: nobody has this entry link")
	// ErrNotStarted is returned before the session's start time.
	ErrNotStarted = errors.New("coviutest: the session has not started")
	// ErrFinished is returned from the session's end time on.
	ErrFinished = errors.New("coviutest: the session has finished")
	// ErrCanceled is returned for a canceled session.
	ErrCanceled = errors.New("coviutest: the session was canceled")
	// ErrRemoved is returned for a participant who was removed.
	ErrRemoved = errors.New("coviutest: the participant was removed")
)

// Enter finds the session and the participant of an entry URL. The error is nil
// if the participant can enter the call now, and otherwise [ErrNoSuchEntry],
// [ErrCanceled], [ErrRemoved], [ErrNotStarted] or [ErrFinished]. Session and
// participant are empty with ErrNoSuchEntry only. Enter changes nothing: this
// server has no calls.
func (s *Server) Enter(entryURL string) (coviu.Session, coviu.Participant, error) {
	now := s.Now().UnixMilli()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.store.participants {
		if p.entryURL(s.origin) == entryURL {
			return p.session.model(s.origin), p.model(s.origin), p.mayEnter(now)
		}
	}
	return coviu.Session{}, coviu.Participant{}, ErrNoSuchEntry
}

func (p *participant) mayEnter(now int64) error {
	switch {
	case p.session.isCanceled():
		return ErrCanceled
	case p.isRemoved():
		return ErrRemoved
	case !p.session.hasStarted(now):
		return ErrNotStarted
	case p.session.hasFinished(now):
		return ErrFinished
	}
	return nil
}
