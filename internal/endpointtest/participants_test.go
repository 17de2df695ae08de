package endpointtest

import (
	"context"
	"testing"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

// onePerson returns what participant.json holds.
func onePerson() *coviu.Participant {
	return &coviu.Participant{
		ParticipantID: "p-1", SessionID: "s-1", ClientID: "c-1", DisplayName: "Dr. Ümit", Role: coviu.RoleHost,
		Picture: "https://static.example.com/1.png", State: "booking-1", EntryURL: "https://api.coviu.com/v1/join/p-1",
	}
}

func addCall(id string, req *coviu.ParticipantCreationRequest) func(context.Context, *coviu.Client) (any, error) {
	return func(ctx context.Context, c *coviu.Client) (any, error) { return c.Participants.Add(ctx, id, req) }
}

func peopleCall(id string, opts *coviu.ParticipantListOptions) func(context.Context, *coviu.Client) (any, error) {
	return func(ctx context.Context, c *coviu.Client) (any, error) { return c.Participants.List(ctx, id, opts) }
}

func changeCall(id string, req *coviu.ParticipantUpdateRequest) func(context.Context, *coviu.Client) (any, error) {
	return func(ctx context.Context, c *coviu.Client) (any, error) { return c.Participants.Update(ctx, id, req) }
}

func TestParticipantRequestsAndReplies(t *testing.T) {
	for _, c := range []sentExactly{
		{
			name:   "Add somebody of whom nothing is known",
			call:   addCall("s-1", &coviu.ParticipantCreationRequest{}),
			method: "POST", uri: "/sessions/s-1/participants",
			body:  `{}`,
			reply: "participant.json", want: onePerson(), responseCode: 201,
		},
		{
			name: "Add with every field",
			call: addCall(apitest.ID, &coviu.ParticipantCreationRequest{
				DisplayName: "Zoë \u2028 \"Z\"", Role: coviu.RoleParticipant, Picture: "https://static.example.com/z.png",
				State: "booking-2", Phone: "+61 2 5550 0101",
			}),
			method: "POST", uri: "/sessions/" + apitest.ID + "/participants",
			body: `{"display_name":"Zoë \u2028 \"Z\"","role":"PARTICIPANT","picture":"https://static.example.com/z.png",` +
				`"state":"booking-2","phone":"+61 2 5550 0101"}`,
			reply: "participant.json", want: onePerson(),
		},
		{
			name:   "Add in a role that is not known yet",
			call:   addCall("s-1", &coviu.ParticipantCreationRequest{Role: "interpreter"}),
			method: "POST", uri: "/sessions/s-1/participants",
			body:  `{"role":"interpreter"}`,
			reply: "participant.json", want: onePerson(),
		},
		{
			name: "List an array", call: peopleCall("s-1", nil),
			method: "GET", uri: "/sessions/s-1/participants",
			reply: "participants_array.json", want: &coviu.ParticipantPage{Content: apitest.TwoParticipants()},
		},
		{
			name: "List a page", call: peopleCall(apitest.ID, &coviu.ParticipantListOptions{}),
			method: "GET", uri: "/sessions/" + apitest.ID + "/participants",
			reply: "participants_page.json", want: &coviu.ParticipantPage{Content: apitest.TwoParticipants(), PageSize: 2},
		},
		{
			name: "List removed ones too", call: peopleCall("s-1", &coviu.ParticipantListOptions{DeletedParticipants: true}),
			method: "GET", uri: "/sessions/s-1/participants?deleted_participants=true",
			reply: "participants_null.json", want: &coviu.ParticipantPage{},
		},
		{
			name: "Get",
			call: func(ctx context.Context, c *coviu.Client) (any, error) {
				return c.Participants.Get(ctx, apitest.ID)
			},
			method: "GET", uri: "/participants/" + apitest.ID,
			reply: "participant.json", want: onePerson(),
		},
		{
			name: "Update everything",
			call: changeCall(apitest.ID, &coviu.ParticipantUpdateRequest{
				DisplayName: new("n"), Role: new(coviu.RoleGuest), Picture: new("p"), State: new("s"),
			}),
			method: "PUT", uri: "/participants/" + apitest.ID,
			body:  `{"display_name":"n","role":"GUEST","picture":"p","state":"s"}`,
			reply: "participant.json", want: onePerson(),
		},
		{
			name:   "Update clears",
			call:   changeCall("p-1", &coviu.ParticipantUpdateRequest{DisplayName: new(""), Picture: new(""), State: new("")}),
			method: "PUT", uri: "/participants/p-1",
			body:  `{"display_name":"","picture":"","state":""}`,
			reply: "participant.json", want: onePerson(),
		},
		{
			name:   "Update the role",
			call:   changeCall("p-1", &coviu.ParticipantUpdateRequest{Role: new(coviu.RoleHost)}),
			method: "PUT", uri: "/participants/p-1",
			body:  `{"role":"HOST"}`,
			reply: "participant.json", want: onePerson(),
		},
		{
			name: "Delete",
			call: func(ctx context.Context, c *coviu.Client) (any, error) {
				return c.Participants.Delete(ctx, apitest.ID)
			},
			method: "DELETE", uri: "/participants/" + apitest.ID,
			reply: "unit_ok.json", want: &coviu.UnitResponse{OK: true},
		},
	} {
		t.Run(c.name, c.run)
	}
}
