package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/coviu/coviu-go-sdk/internal/bench/oapigen"
	"github.com/coviu/coviu-go-sdk/internal/bench/ogengen"
)

// The clients of two generators are not kept in the repository: `make bench` and every other target
// that needs them generate them first.
//
//go:generate mkdir -p oapigen
//go:generate go tool oapi-codegen -config oapi-codegen.yaml openapi.yaml
//go:generate go tool ogen -config ogen.yaml -package ogengen -target ogengen -clean openapi.yaml

var errRefused = errors.New("the reply is no success")

func newOapiCodegen(baseURL string, hc *http.Client) (client, error) {
	c, err := oapigen.NewClientWithResponses(baseURL, oapigen.WithHTTPClient(hc),
		oapigen.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+accessToken)
			request.Header.Set("Accept", "application/json")
			return nil
		}))
	if err != nil {
		return client{}, err
	}
	prove := func(s *oapigen.Session) (proof, error) {
		if s == nil {
			return proof{}, errRefused
		}
		people := *s.Participants
		return proof{sessions: 1, entryURL: people[len(people)-1].EntryUrl}, nil
	}
	booking := oapigen.SessionCreationRequest{
		SessionName: new(bookedName),
		StartTime:   bookedStart,
		EndTime:     bookedEnd,
		Participants: &[]oapigen.ParticipantRequest{
			{DisplayName: new(hostName), Role: new("HOST")},
			{DisplayName: new(guestName), Role: new("GUEST"), State: new(bookedState)},
		},
	}
	return client{name: "oapi-codegen", calls: map[string]call{
		opGet: func(ctx context.Context) (proof, error) {
			response, err := c.GetSessionByIdWithResponse(ctx, sessionID, &oapigen.GetSessionByIdParams{})
			if err != nil {
				return proof{}, err
			}
			return prove(response.JSON200)
		},
		opCreate: func(ctx context.Context) (proof, error) {
			response, err := c.CreateSessionWithResponse(ctx, booking)
			if err != nil {
				return proof{}, err
			}
			return prove(response.JSON201)
		},
		opPage: func(ctx context.Context) (proof, error) {
			response, err := c.GetSessionPageWithResponse(ctx, &oapigen.GetSessionPageParams{Page: new(0), PageSize: new(pageSize)})
			if err != nil {
				return proof{}, err
			}
			if response.JSON200 == nil {
				return proof{}, errRefused
			}
			content := response.JSON200.Content
			last, err := prove(&content[len(content)-1])
			return proof{sessions: len(content), entryURL: last.entryURL}, err
		},
	}}, nil
}

type ogenToken struct{}

func (ogenToken) Bearer(context.Context, ogengen.OperationName) (ogengen.Bearer, error) {
	return ogengen.Bearer{Token: accessToken}, nil
}

// acceptJSON sends the header that ogen's client leaves out and the others send.
type acceptJSON struct{ http *http.Client }

func (a acceptJSON) Do(request *http.Request) (*http.Response, error) {
	request.Header.Set("Accept", "application/json")
	return a.http.Do(request)
}

func newOgen(baseURL string, hc *http.Client) (client, error) {
	c, err := ogengen.NewClient(baseURL, ogenToken{}, ogengen.WithClient(acceptJSON{hc}))
	if err != nil {
		return client{}, err
	}
	prove := func(s *ogengen.Session) proof {
		people := s.Participants.Value
		return proof{sessions: 1, entryURL: people[len(people)-1].EntryURL}
	}
	booking := &ogengen.SessionCreationRequest{
		SessionName: ogengen.NewOptString(bookedName),
		StartTime:   bookedStart,
		EndTime:     bookedEnd,
		Participants: []ogengen.ParticipantRequest{{
			DisplayName: ogengen.NewOptString(hostName),
			Role:        ogengen.NewOptString("HOST"),
		}, {
			DisplayName: ogengen.NewOptString(guestName),
			Role:        ogengen.NewOptString("GUEST"),
			State:       ogengen.NewOptString(bookedState),
		}},
	}
	return client{name: "ogen", calls: map[string]call{
		opGet: func(ctx context.Context) (proof, error) {
			s, err := c.GetSessionById(ctx, ogengen.GetSessionByIdParams{SessionID: sessionID})
			if err != nil {
				return proof{}, err
			}
			return prove(s), nil
		},
		opCreate: func(ctx context.Context) (proof, error) {
			s, err := c.CreateSession(ctx, booking)
			if err != nil {
				return proof{}, err
			}
			return prove(s), nil
		},
		opPage: func(ctx context.Context) (proof, error) {
			p, err := c.GetSessionPage(ctx, ogengen.GetSessionPageParams{Page: ogengen.NewOptInt(0), PageSize: ogengen.NewOptInt(pageSize)})
			if err != nil {
				return proof{}, err
			}
			last := prove(&p.Content[len(p.Content)-1])
			return proof{sessions: len(p.Content), entryURL: last.entryURL}, nil
		},
	}}, nil
}
