package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// sessionsPerPage is small, so that a short list has several pages.
const sessionsPerPage = 2

// tour is the life of one session, told step by step.
type tour struct {
	client *coviu.Client
	out    io.Writer
	steps  int
}

func (t *tour) run(ctx context.Context, start time.Time) error {
	session, err := t.book(ctx, start)
	if err != nil {
		return err
	}
	if err := t.change(ctx, session, start); err != nil {
		return t.tidyUp(ctx, session, err)
	}
	if err := t.cancel(ctx, session); err != nil {
		return err
	}
	return t.showError(ctx, session)
}

// change is what can go wrong while the session is booked.
func (t *tour) change(ctx context.Context, session *coviu.Session, start time.Time) error {
	if err := t.move(ctx, session); err != nil {
		return err
	}
	if err := t.addAndRemove(ctx, session); err != nil {
		return err
	}
	return t.list(ctx, start)
}

func (t *tour) book(ctx context.Context, start time.Time) (*coviu.Session, error) {
	t.step("Book a session with a host and a guest")
	session, err := t.client.Sessions.Create(ctx, &coviu.SessionCreationRequest{
		SessionName: "Quickstart consultation",
		StartTime:   start,
		EndTime:     start.Add(30 * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest},
		},
	})
	if err != nil {
		return nil, err
	}
	t.say("%s, %s", session.SessionName, span(session))
	// The order of the participants says nothing about who is who.
	for _, role := range []coviu.Role{coviu.RoleHost, coviu.RoleGuest} {
		for _, participant := range session.WithRole(role) {
			t.say("%-6s %-14s %s", role, participant.DisplayName, participant.EntryURL)
		}
	}
	t.say("Whoever has such a link gets in under that name: hand it to that person only.")
	return session, nil
}

func (t *tour) move(ctx context.Context, session *coviu.Session) error {
	t.step("Move it by an hour")
	moved, err := t.client.Sessions.Update(ctx, session.SessionID, &coviu.SessionUpdateRequest{
		StartTime: new(session.StartTime.Add(time.Hour)),
		EndTime:   new(session.EndTime.Add(time.Hour)),
	})
	if err != nil {
		return err
	}
	t.say("was %s", span(session))
	t.say("now %s", span(moved))
	return nil
}

func (t *tour) addAndRemove(ctx context.Context, session *coviu.Session) error {
	t.step("Add an interpreter, and remove them again")
	interpreter, err := t.client.Participants.Add(ctx, session.SessionID, &coviu.ParticipantCreationRequest{
		DisplayName: "Ines Duarte",
		Role:        coviu.RoleGuest,
	})
	if err != nil {
		return err
	}
	if err := t.count(ctx, session, "with Ines"); err != nil {
		return err
	}
	if _, err := t.client.Participants.Delete(ctx, interpreter.ParticipantID); err != nil {
		return err
	}
	return t.count(ctx, session, "without")
}

func (t *tour) count(ctx context.Context, session *coviu.Session, when string) error {
	page, err := t.client.Participants.List(ctx, session.SessionID, nil)
	if err != nil {
		return err
	}
	t.say("%-9s %d participants", when, len(page.Content))
	return nil
}

func (t *tour) list(ctx context.Context, start time.Time) error {
	t.step("List that day, page by page")
	midnight := time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, start.Location())
	number := 0
	for page, err := range t.client.Sessions.Pages(ctx, &coviu.SessionListOptions{
		StartTime: midnight,
		EndTime:   midnight.AddDate(0, 0, 1),
		PageSize:  sessionsPerPage,
	}) {
		if err != nil {
			return err
		}
		number++
		for i := range page.Content {
			session := &page.Content[i]
			t.say("page %d   %s   %s", number, session.StartTime.Local().Format("15:04 MST"), session.SessionName)
		}
	}
	return nil
}

func (t *tour) cancel(ctx context.Context, session *coviu.Session) error {
	t.step("Cancel it")
	if _, err := t.client.Sessions.Delete(ctx, session.SessionID); err != nil {
		return err
	}
	t.say("Nobody can enter it any more, and that can't be undone.")
	return nil
}

// tidyUp cancels the session that a failure would otherwise leave in the account.
func (t *tour) tidyUp(ctx context.Context, session *coviu.Session, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if _, err := t.client.Sessions.Delete(ctx, session.SessionID); err != nil {
		return fmt.Errorf("%w (and the session could not be canceled: %w)", failure, err)
	}
	return fmt.Errorf("%w (the session was canceled)", failure)
}

// showError asks for the session that was just canceled, which the service no
// longer shows.
func (t *tour) showError(ctx context.Context, canceled *coviu.Session) error {
	t.step("See what an error looks like: ask for the canceled session")
	_, err := t.client.Sessions.Get(ctx, canceled.SessionID, nil)
	refusal, ok := errors.AsType[*coviu.APIError](err)
	switch {
	case err == nil:
		return errors.New("the service still shows a session that was canceled")
	case !ok:
		return err
	}
	t.say("err.Error()                              %s", err)
	t.say("errors.Is(err, coviu.ErrUnauthorized)    %t", errors.Is(err, coviu.ErrUnauthorized))
	t.say("errors.Is(err, coviu.ErrNotFound)        %t", errors.Is(err, coviu.ErrNotFound))
	t.say("errors.AsType[*coviu.APIError](err)      StatusCode %d, Attempts %d", refusal.StatusCode, refusal.Attempts)
	if refusal.StatusCode == http.StatusUnauthorized {
		t.say("The service hides a canceled session behind a 401.")
	}
	t.say("No error of this library shows an id, a name, a link or a token.")
	return nil
}

func (t *tour) step(title string) {
	t.steps++
	fmt.Fprintf(t.out, "\n%d  %s\n", t.steps, title)
}

func (t *tour) say(format string, args ...any) {
	fmt.Fprintf(t.out, "   "+format+"\n", args...)
}

func span(s *coviu.Session) string {
	return s.StartTime.Local().Format("Mon 2 Jan 2006, 15:04") + " to " + s.EndTime.Local().Format("15:04 MST")
}
