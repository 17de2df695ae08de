package main

import (
	"context"

	coviu "github.com/coviu/coviu-go-sdk"
)

func newOursClient(baseURL string) (*coviu.Client, error) {
	return coviu.NewClient("bench-key", "bench-secret", coviu.WithBaseURL(baseURL))
}

// newOurs is this library's client with its defaults: token handling, retries
// and limits are on.
func newOurs(baseURL string) (client, error) {
	c, err := newOursClient(baseURL)
	if err != nil {
		return client{}, err
	}
	booking := newOursCreationRequest()
	return client{name: "coviu-go-sdk", calls: map[string]call{
		opGet: func(ctx context.Context) (proof, error) {
			return proveSession(c.Sessions.Get(ctx, sessionID, nil))
		},
		opCreate: func(ctx context.Context) (proof, error) {
			return proveSession(c.Sessions.Create(ctx, booking))
		},
		opPage: func(ctx context.Context) (proof, error) {
			page, err := c.Sessions.List(ctx, &coviu.SessionListOptions{PageSize: pageSize})
			if err != nil {
				return proof{}, err
			}
			last := page.Content[len(page.Content)-1].Participants
			return proof{sessions: len(page.Content), entryURL: last[len(last)-1].EntryURL}, nil
		},
		opUpdate: func(ctx context.Context) (proof, error) {
			return proveSession(c.Sessions.Update(ctx, sessionID, &coviu.SessionUpdateRequest{SessionName: new(bookedName)}))
		},
		opDelete: func(ctx context.Context) (proof, error) {
			_, err := c.Sessions.Delete(ctx, sessionID)
			return proof{}, err
		},
		opAddParticipant: func(ctx context.Context) (proof, error) {
			return proveParticipant(c.Participants.Add(ctx, sessionID, &coviu.ParticipantCreationRequest{DisplayName: guestName}))
		},
		opListParticipants: func(ctx context.Context) (proof, error) {
			page, err := c.Participants.List(ctx, sessionID, nil)
			if err != nil {
				return proof{}, err
			}
			return proof{entryURL: page.Content[len(page.Content)-1].EntryURL}, nil
		},
		opGetParticipant: func(ctx context.Context) (proof, error) {
			return proveParticipant(c.Participants.Get(ctx, participantID))
		},
		opUpdateParticipant: func(ctx context.Context) (proof, error) {
			return proveParticipant(c.Participants.Update(ctx, participantID, &coviu.ParticipantUpdateRequest{State: new(bookedState)}))
		},
		opDeleteParticipant: func(ctx context.Context) (proof, error) {
			_, err := c.Participants.Delete(ctx, participantID)
			return proof{}, err
		},
	}}, nil
}

func newOursCreationRequest() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{
		SessionName: bookedName,
		StartTime:   bookedStart,
		EndTime:     bookedEnd,
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: hostName, Role: coviu.RoleHost},
			{DisplayName: guestName, Role: coviu.RoleGuest, State: bookedState},
		},
	}
}

func proveSession(s *coviu.Session, err error) (proof, error) {
	if err != nil {
		return proof{}, err
	}
	return proof{sessions: 1, entryURL: s.Participants[len(s.Participants)-1].EntryURL}, nil
}

func proveParticipant(p *coviu.Participant, err error) (proof, error) {
	if err != nil {
		return proof{}, err
	}
	return proof{entryURL: p.EntryURL}, nil
}
