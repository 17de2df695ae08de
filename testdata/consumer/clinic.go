// Package clinic is a program of somebody else: it imports what the library exports and can't reach
// what is internal to it.
package clinic

import (
	"context"
	"fmt"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// Appointment is an entry of the clinic's own calendar.
type Appointment struct {
	Number          string
	Doctor, Patient string
	At              time.Time
	Length          time.Duration
}

// Links are what the two people click on.
type Links struct{ Doctor, Patient string }

// Book books the video call of an appointment, however often it is asked to.
func Book(ctx context.Context, client *coviu.Client, a Appointment) (Links, error) {
	session, err := client.Sessions.CreateOnce(ctx, a.Number, &coviu.SessionCreationRequest{
		SessionName: "Appointment",
		StartTime:   a.At,
		EndTime:     a.At.Add(a.Length),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: a.Doctor, Role: coviu.RoleHost},
			{DisplayName: a.Patient, Role: coviu.RoleGuest},
		},
	})
	if err != nil {
		return Links{}, fmt.Errorf("booking the call: %w", err)
	}
	var links Links
	for _, participant := range session.Participants {
		switch participant.Role {
		case coviu.RoleHost:
			links.Doctor = participant.EntryURL
		case coviu.RoleGuest:
			links.Patient = participant.EntryURL
		}
	}
	return links, nil
}

// Day lists the calls that start within 24 hours of from.
func Day(ctx context.Context, client *coviu.Client, from time.Time) ([]string, error) {
	var names []string
	for session, err := range client.Sessions.All(ctx, &coviu.SessionListOptions{StartTime: from, EndTime: from.Add(24 * time.Hour)}) {
		if err != nil {
			return nil, fmt.Errorf("listing the day: %w", err)
		}
		names = append(names, session.SessionName)
	}
	return names, nil
}
