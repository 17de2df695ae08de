package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

const (
	daysBack  = 1
	daysAhead = 60
)

// calendar is a copy of the account's sessions of the coming weeks. Only run
// changes it.
type calendar struct {
	client   *coviu.Client
	out      io.Writer
	logger   *slog.Logger
	sessions map[string]coviu.Session
}

// run keeps the calendar current. An event is never sent twice, and one that is
// lost is lost for good. So all sessions are listed again every so often: events
// make the copy fresh, reconciliation makes it right.
func (c *calendar) run(ctx context.Context, hints <-chan hint, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	c.reconcile(ctx)
	for {
		select {
		case h := <-hints:
			c.follow(ctx, h)
		case <-ticks.C:
			c.reconcile(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// follow fetches the session that a hint names. The service does not show a
// canceled session, only lists it.
func (c *calendar) follow(ctx context.Context, h hint) {
	if h.sessionID == "" || h.canceled {
		c.reconcile(ctx)
		return
	}
	session, err := c.client.Sessions.Get(ctx, h.sessionID, nil)
	switch {
	case err == nil:
		c.put(*session)
	case errors.Is(err, coviu.ErrUnauthorized), errors.Is(err, coviu.ErrNotFound), errors.Is(err, coviu.ErrInvalidRequest):
		// It was canceled, or the event was wrong. The list tells.
		c.reconcile(ctx)
	default:
		c.logger.WarnContext(ctx, "session not fetched; the next reconciliation will", slog.Any("error", err))
	}
}

// reconcile compares the calendar with the list. A list that could not be read to
// its end changes nothing.
func (c *calendar) reconcile(ctx context.Context) {
	now := time.Now()
	listed := map[string]coviu.Session{}
	for session, err := range c.client.Sessions.All(ctx, &coviu.SessionListOptions{
		StartTime:       now.AddDate(0, 0, -daysBack),
		EndTime:         now.AddDate(0, 0, daysAhead),
		IncludeCanceled: true,
		Prefetch:        2,
	}) {
		if err != nil {
			c.logger.WarnContext(ctx, "sessions not listed", slog.Any("error", err))
			return
		}
		listed[session.SessionID] = *session
	}
	for id := range c.sessions {
		if _, ok := listed[id]; !ok {
			delete(c.sessions, id) // it has left the weeks that the calendar covers
		}
	}
	for _, session := range listed {
		c.put(session)
	}
}

// put notes a session, and tells if that is news. A real program would update its
// own records here. The same news may come twice, by an event and by the list.
func (c *calendar) put(session coviu.Session) {
	before, known := c.sessions[session.SessionID]
	c.sessions[session.SessionID] = session
	switch {
	case session.CanceledTime != nil:
		if known && before.CanceledTime == nil {
			c.tell("canceled", &session)
		}
	case !known:
		c.tell("booked", &session)
	case !before.StartTime.Equal(session.StartTime) || !before.EndTime.Equal(session.EndTime):
		c.tell("moved", &session)
	}
}

func (c *calendar) tell(what string, s *coviu.Session) {
	const layout = "Mon 2 Jan 2006, 15:04 MST"
	fmt.Fprintf(c.out, "%-8s %s  %s, %d hosts, %d guests\n", what, s.SessionID, s.StartTime.Local().Format(layout),
		len(s.WithRole(coviu.RoleHost)), len(s.WithRole(coviu.RoleGuest)))
}
