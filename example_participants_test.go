package coviu_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/coviu/coviu-go-sdk"
)

// Look first, then add: so this can be run again after ErrOutcomeUnknown.
func ExampleParticipantService_Add() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	id := booked(server).SessionID

	session, err := client.Sessions.Get(ctx, id, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	interpreter, ok := session.WithState("interpreter-3")
	if !ok {
		added, err := client.Participants.Add(ctx, id, &coviu.ParticipantCreationRequest{
			DisplayName: "Ines Duarte",
			Role:        coviu.RoleGuest,
			State:       "interpreter-3",
		})
		if err != nil {
			fmt.Println(err) // after ErrOutcomeUnknown, start again with Get
			return
		}
		interpreter = *added
	}
	fmt.Println(interpreter.DisplayName, interpreter.EntryURL != "")
	// Output: Ines Duarte true
}

// The option shows those who were removed as well.
func ExampleParticipantService_List() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	session := booked(server)
	guest := session.WithRole(coviu.RoleGuest)[0]
	if _, err := client.Participants.Delete(ctx, guest.ParticipantID); err != nil {
		fmt.Println(err)
		return
	}

	page, err := client.Participants.List(ctx, session.SessionID, &coviu.ParticipantListOptions{DeletedParticipants: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, participant := range page.Content {
		fmt.Println(participant.DisplayName, participant.DeletedAt != nil)
	}
	// Output:
	// Dr. Ada Nwosu false
	// Ben Okafor true
}

func ExampleParticipantService_Get() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	id := booked(server).WithRole(coviu.RoleHost)[0].ParticipantID

	participant, err := client.Participants.Get(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(participant.Role, participant.DisplayName)

	// Printing the whole value shows nothing personal.
	fmt.Println(participant)
	// Output:
	// HOST Dr. Ada Nwosu
	// coviu.Participant{HOST}
}

// The entry link stays the same: it is the participant's, not the name's.
func ExampleParticipantService_Update() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	guest := booked(server).WithRole(coviu.RoleGuest)[0]

	renamed, err := client.Participants.Update(ctx, guest.ParticipantID, &coviu.ParticipantUpdateRequest{
		DisplayName: new("Benjamin Okafor"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(renamed.Role, renamed.DisplayName, renamed.EntryURL == guest.EntryURL)
	// Output: GUEST Benjamin Okafor true
}

// A link that went astray: remove the participant, and add them again with the same
// State for another link.
func ExampleParticipantService_Delete() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	session := booked(server)
	guest := session.WithRole(coviu.RoleGuest)[0]

	if _, err := client.Participants.Delete(ctx, guest.ParticipantID); err != nil {
		fmt.Println(err)
		return
	}
	again, err := client.Participants.Add(ctx, session.SessionID, &coviu.ParticipantCreationRequest{
		DisplayName: guest.DisplayName,
		Role:        guest.Role,
		State:       guest.State,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.EntryURL != guest.EntryURL)

	_, err = client.Participants.Get(ctx, guest.ParticipantID)
	fmt.Println(errors.Is(err, coviu.ErrNotFound))
	// Output:
	// true
	// true
}
