package coviu_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// Create books unconditionally. Where the same booking may be asked for twice,
// book with [SessionService.CreateOnce].
func ExampleSessionService_Create() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()

	session, err := client.Sessions.Create(ctx, &coviu.SessionCreationRequest{
		SessionName: "Team meeting",
		StartTime:   three,
		EndTime:     three.Add(time.Hour),
		FeatureFlags: []string{
			"session;enforce-participant-uniqueness",
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.SessionName, session.StartTime, session.SessionID != "")
	// Output: Team meeting 2026-03-02 15:00:00 +0000 UTC true
}

// The service takes no start in the past.
func ExampleSessionService_Create_refused() {
	client, server := connect()
	defer server.Close()
	yesterday := three.AddDate(0, 0, -1)

	_, err := client.Sessions.Create(context.Background(), &coviu.SessionCreationRequest{
		StartTime: yesterday,
		EndTime:   yesterday.Add(time.Hour),
	})
	fmt.Println(errors.Is(err, coviu.ErrBadRequest))
	// Output: true
}

// The reply to the booking is lost, and the program asks again with the same
// key: there is one session.
func ExampleSessionService_CreateOnce() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	server.Fail("POST /sessions", coviutest.LoseReply())
	booking := consultation()

	first, err := client.Sessions.CreateOnce(ctx, "appointment-4711", booking)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := client.Sessions.CreateOnce(ctx, "appointment-4711", booking)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first.SessionID == again.SessionID, len(server.Sessions()))
	// Output: true 1
}

// The service answers 503, and nobody knows whether the session was booked.
// CreateOnce looks for it for up to 30 s. The context ends that earlier, so that the
// person who waits gets an answer.
func ExampleSessionService_CreateOnce_deadline() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	server.Fail("POST /sessions", coviutest.Unavailable().CarriedOut())
	booking := consultation()

	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	session, err := client.Sessions.CreateOnce(ctx, "appointment-4711", booking)
	switch {
	case err == nil:
		fmt.Println("Your appointment is booked:", session.StartTime.In(clinic).Format(time.Kitchen))
	case errors.Is(err, coviu.ErrOutcomeUnknown), errors.Is(err, context.DeadlineExceeded):
		// In the background, call CreateOnce again with the same key and request.
		fmt.Println("We are booking your appointment and will send you the link.")
	default:
		fmt.Println("We could not book your appointment. Please call us.")
	}
	// Output: Your appointment is booked: 4:00PM
}

// The appointment was moved: the key stands for a session with the same people and
// other times. Nothing is created, and the error holds the session to move.
func ExampleSessionService_CreateOnce_conflict() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	if _, err := client.Sessions.CreateOnce(ctx, "appointment-4711", consultation()); err != nil {
		fmt.Println(err)
		return
	}
	booking := consultation()
	booking.StartTime, booking.EndTime = booking.StartTime.Add(time.Hour), booking.EndTime.Add(time.Hour)

	_, err := client.Sessions.CreateOnce(ctx, "appointment-4711", booking)
	if taken, ok := errors.AsType[*coviu.KeyError](err); ok && errors.Is(err, coviu.ErrKeyConflict) {
		switch {
		case taken.People:
			// Perhaps another patient has this key. Move nothing, and ask a person.
			fmt.Println("appointment-4711 is booked for other people")
		case taken.Times:
			// The same people at another time: move the session that is there.
			_, err = client.Sessions.Update(ctx, taken.Sessions[0].SessionID, &coviu.SessionUpdateRequest{
				StartTime: &booking.StartTime,
				EndTime:   &booking.EndTime,
			})
		}
	}
	fmt.Println(err, server.Sessions()[0].StartTime)
	// Output: <nil> 2026-03-02 16:00:00 +0000 UTC
}

// The key stands for another patient: that session must not be touched.
func ExampleKeyError_people() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	if _, err := client.Sessions.CreateOnce(ctx, "appointment-4711", consultation()); err != nil {
		fmt.Println(err)
		return
	}
	booking := consultation()
	booking.Participants[1].DisplayName = "Somebody Else"

	_, err := client.Sessions.CreateOnce(ctx, "appointment-4711", booking)
	if taken, ok := errors.AsType[*coviu.KeyError](err); ok {
		fmt.Println(taken.Times, taken.People)
	}
	fmt.Println(err)
	// Output:
	// false true
	// coviu: key belongs to another booking: other people (1 found)
}

// Each person has a State of their own, so that each link can be found. The key takes
// the first State that is empty, here the host's.
func ExampleSession_WithState() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()

	session, err := client.Sessions.CreateOnce(ctx, "appointment-4711", &coviu.SessionCreationRequest{
		SessionName: "Consultation",
		StartTime:   three,
		EndTime:     three.Add(30 * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest, State: "patient-17"},
			{DisplayName: "Ines Duarte", Role: coviu.RoleGuest, State: "interpreter-3"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	patient, ok := session.WithState("patient-17")
	if !ok {
		fmt.Println("the patient is not in the session")
		return
	}
	fmt.Println(patient.DisplayName, patient.EntryURL != "")
	// Output: Ben Okafor true
}

func ExampleSession_WithRole() {
	_, server := connect()
	defer server.Close()
	session := booked(server)

	for _, host := range session.WithRole(coviu.RoleHost) {
		fmt.Println(host.DisplayName, host.EntryURL != "")
	}
	// Output: Dr. Ada Nwosu true
}

func ExampleSessionService_Get() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	id := booked(server).SessionID

	session, err := client.Sessions.Get(ctx, id, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.SessionName, len(session.Participants))
	// Output: Consultation 2
}

func ExampleSessionService_List() {
	client, server := connect()
	defer server.Close()
	booked(server)

	page, err := client.Sessions.List(context.Background(), &coviu.SessionListOptions{PageSize: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Content), page.More)
	// Output: 1 false
}

// Fields that the request leaves nil stay as they are.
func ExampleSessionService_Update() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	session := booked(server)

	moved, err := client.Sessions.Update(ctx, session.SessionID, &coviu.SessionUpdateRequest{
		StartTime: new(session.StartTime.Add(time.Hour)),
		EndTime:   new(session.EndTime.Add(time.Hour)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(moved.SessionName, moved.StartTime.Format(time.Kitchen))
	// Output: Consultation 4:00PM
}

// A canceled session is hidden from then on: the service answers 401. A cancellation
// that is asked for twice is not an error for the program.
func ExampleSessionService_Delete() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	id := booked(server).SessionID

	for range 2 {
		_, err := client.Sessions.Delete(ctx, id)
		switch {
		case err == nil, errors.Is(err, coviu.ErrNotFound):
			fmt.Println("canceled")
		case errors.Is(err, coviu.ErrUnauthorized):
			fmt.Println("canceled before, or the token was revoked: ask the list")
		case errors.Is(err, coviu.ErrOutcomeUnknown):
			fmt.Println("perhaps canceled: cancel again")
		default:
			fmt.Println("not canceled:", err)
		}
	}
	// Output:
	// canceled
	// canceled before, or the token was revoked: ask the list
}

// A 401 does not prove that a session was canceled. The list tells.
func ExampleSessionService_Delete_confirmed() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	session, err := client.Sessions.CreateOnce(ctx, "appointment-4711", consultation())
	if err != nil {
		fmt.Println(err)
		return
	}
	id := session.SessionID
	if _, err := client.Sessions.Delete(ctx, id); err != nil {
		fmt.Println(err)
		return
	}

	all := &coviu.SessionListOptions{State: "appointment-4711", IncludeCanceled: true}
	for session, err := range client.Sessions.All(ctx, all) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if session.SessionID == id {
			fmt.Println("canceled:", session.CanceledTime != nil)
		}
	}
	// Output: canceled: true
}

// A reminder asks for the session first: it may have been moved or canceled.
func ExampleSessionService_Get_reminder() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	id := booked(server).SessionID

	session, err := client.Sessions.Get(ctx, id, nil)
	if errors.Is(err, coviu.ErrUnauthorized) || errors.Is(err, coviu.ErrNotFound) {
		return // It was canceled, or the token was revoked: no reminder now.
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, guest := range session.WithRole(coviu.RoleGuest) {
		fmt.Println(guest.DisplayName, session.StartTime.In(clinic).Format(time.Kitchen), guest.EntryURL != "")
	}
	// Output: Ben Okafor 4:00PM true
}

// seedDay fills the server with one session an hour, from ten on.
func seedDay(server *coviutest.Server, names ...string) {
	for i, name := range names {
		seedAt(server, nine.Add(time.Duration(i+1)*time.Hour), name)
	}
}

func seedAt(server *coviutest.Server, start time.Time, name string) {
	if _, err := server.Seed(coviu.Session{SessionName: name, StartTime: start, EndTime: start.Add(time.Hour)}); err != nil {
		panic(err)
	}
}

// All sessions of a day. The service's documents disagree on whether EndTime bounds the
// start or the end of a session, so ask for more and compare the start yourself. An
// error is yielded once and ends the loop.
func ExampleSessionService_All() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	midnight := time.Date(2026, time.March, 3, 0, 0, 0, 0, clinic)
	seedDay(server, "Check-up", "Physiotherapy")
	seedAt(server, midnight.Add(-15*time.Minute), "Night call")
	seedAt(server, midnight, "Of the next day")

	from := time.Date(2026, time.March, 2, 0, 0, 0, 0, clinic)
	to := from.AddDate(0, 0, 1)
	opts := &coviu.SessionListOptions{
		StartTime: from,
		EndTime:   to.Add(12 * time.Hour), // 12 hours: the longest session
		Prefetch:  2,
	}
	for session, err := range client.Sessions.All(ctx, opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if session.StartTime.Before(from) || !session.StartTime.Before(to) {
			continue // not on this day
		}
		fmt.Println(session.StartTime.In(clinic).Format("15:04"), session.SessionName)
	}
	// Output:
	// 11:00 Check-up
	// 12:00 Physiotherapy
	// 23:45 Night call
}

// An export that failed goes on where it stopped.
func ExampleSessionService_All_resume() {
	client, server := connect(coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
	defer server.Close()
	ctx := context.Background()
	seedDay(server, "Check-up", "Physiotherapy", "Second opinion")
	server.Fail("GET /sessions", coviutest.Unavailable().After(1))

	opts := &coviu.SessionListOptions{PageSize: 2}
	for session, err := range client.Sessions.All(ctx, opts) {
		if stopped, ok := errors.AsType[*coviu.ListError](err); ok {
			fmt.Println("stopped at page", stopped.Page)
			opts.Page, opts.PageSize = stopped.Page, stopped.PageSize
			break
		}
		fmt.Println(session.SessionName)
	}
	for session, err := range client.Sessions.All(ctx, opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(session.SessionName)
	}
	// Output:
	// Check-up
	// Physiotherapy
	// stopped at page 1
	// Second opinion
}

func ExampleSessionService_Pages() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	seedDay(server, "Check-up", "Physiotherapy", "Second opinion")

	for page, err := range client.Sessions.Pages(ctx, &coviu.SessionListOptions{PageSize: 2}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(len(page.Content), page.More)
	}
	// Output:
	// 2 true
	// 1 false
}
