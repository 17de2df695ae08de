package apitest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// Endpoint is one of the ten endpoints, with arguments that pass every check.
type Endpoint struct {
	Operation string
	// IDField names the argument that holds an ID. It is empty if there is none.
	IDField string
	// Reply is the name of a fixture that the endpoint can read.
	Reply string
	Call  func(ctx context.Context, c *coviu.Client, id string) (any, error)
}

// Method returns the HTTP method.
func (e Endpoint) Method() string {
	method, _, _ := strings.Cut(e.Operation, " ")
	return method
}

// IsPOST reports whether the method is POST, which must not be sent twice.
func (e Endpoint) IsPOST() bool { return e.Method() == http.MethodPost }

// Endpoints returns all ten endpoints.
func Endpoints() []Endpoint { return slices.Concat(sessionEndpoints(), participantEndpoints()) }

func sessionEndpoints() []Endpoint {
	return []Endpoint{
		{
			"POST /sessions", "", "session.json",
			func(ctx context.Context, c *coviu.Client, _ string) (any, error) {
				return c.Sessions.Create(ctx, Booking())
			},
		},
		{
			"GET /sessions", "", "session_page.json",
			func(ctx context.Context, c *coviu.Client, _ string) (any, error) {
				return c.Sessions.List(ctx, nil)
			},
		},
		{
			"GET /sessions/{session_id}", "sessionID", "session.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Sessions.Get(ctx, id, nil)
			},
		},
		{
			"PUT /sessions/{session_id}", "sessionID", "session.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Sessions.Update(ctx, id, &coviu.SessionUpdateRequest{SessionName: new("n")})
			},
		},
		{
			"DELETE /sessions/{session_id}", "sessionID", "unit_ok.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Sessions.Delete(ctx, id)
			},
		},
	}
}

func participantEndpoints() []Endpoint {
	return []Endpoint{
		{
			"POST /sessions/{session_id}/participants", "sessionID", "participant.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Participants.Add(ctx, id, &coviu.ParticipantCreationRequest{})
			},
		},
		{
			"GET /sessions/{session_id}/participants", "sessionID", "participants_array.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Participants.List(ctx, id, nil)
			},
		},
		{
			"GET /participants/{participant_id}", "participantID", "participant.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Participants.Get(ctx, id)
			},
		},
		{
			"PUT /participants/{participant_id}", "participantID", "participant.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Participants.Update(ctx, id, &coviu.ParticipantUpdateRequest{State: new("s")})
			},
		},
		{
			"DELETE /participants/{participant_id}", "participantID", "unit_ok.json",
			func(ctx context.Context, c *coviu.Client, id string) (any, error) {
				return c.Participants.Delete(ctx, id)
			},
		},
	}
}

// Booking returns a request that holds what is required and nothing else.
func Booking() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{
		StartTime: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		EndTime:   time.Date(2026, 3, 2, 9, 25, 0, 0, time.UTC),
	}
}

// ID holds every kind of character that an ID may have.
const ID = "AZaz09-._~$&+=:@"
