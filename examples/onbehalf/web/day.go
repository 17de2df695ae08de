package web

import (
	"context"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// call is a session as the page shows it.
type call struct {
	ID, Name, Start, End string
	Started, Over        bool
	// Enter is the link of the only host, Links are those to hand on.
	Enter string
	Links []link
	// NewStart is what the form for another start shows, which is Open after a
	// failure.
	NewStart string
	Open     bool
}

type link struct{ Name, URL string }

// listDay lists the sessions that start today. The service's documents disagree on
// what EndTime bounds, so that the list has a margin.
func listDay(ctx context.Context, client *coviu.Client, now time.Time, p *problem) ([]call, error) {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	tomorrow := midnight.AddDate(0, 0, 1)
	var calls []call
	day := &coviu.SessionListOptions{StartTime: midnight, EndTime: tomorrow.Add(12 * time.Hour)}
	for session, err := range client.Sessions.All(ctx, day) {
		if err != nil {
			return nil, err
		}
		if session.StartTime.Before(midnight) || !session.StartTime.Before(tomorrow) {
			continue
		}
		c := newCall(session, now)
		if p != nil && p.session == c.ID {
			c.NewStart, c.Open = p.start, true
		}
		calls = append(calls, c)
	}
	return calls, nil
}

func newCall(s *coviu.Session, now time.Time) call {
	c := call{
		ID:      s.SessionID,
		Name:    s.SessionName,
		Start:   s.StartTime.In(now.Location()).Format("15:04"),
		End:     s.EndTime.In(now.Location()).Format("15:04"),
		Started: !s.StartTime.After(now),
		Over:    !s.EndTime.After(now),
	}
	c.NewStart = c.Start
	hosts := s.WithRole(coviu.RoleHost)
	if len(hosts) == 1 {
		c.Enter, hosts = hosts[0].EntryURL, nil
	}
	for _, people := range [][]coviu.Participant{hosts, s.WithRole(coviu.RoleGuest), s.WithRole(coviu.RoleParticipant)} {
		for _, p := range people {
			c.Links = append(c.Links, link{Name: p.DisplayName, URL: p.EntryURL})
		}
	}
	return c
}

// zoneOf names the time zone of all times on the page.
func zoneOf(now time.Time) string {
	name, offset := now.Zone()
	if offset == 0 && name == "UTC" {
		return name
	}
	return now.Format("MST (UTC-07:00)")
}
