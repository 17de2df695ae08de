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

// The key stands for another booking already: nothing is created, and the error
// holds the session that has the key.
func ExampleSessionService_CreateOnce_conflict() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	if _, err := client.Sessions.CreateOnce(ctx, "appointment-4711", consultation()); err != nil {
		fmt.Println(err)
		return
	}

	moved := consultation()
	moved.StartTime, moved.EndTime = moved.StartTime.Add(time.Hour), moved.EndTime.Add(time.Hour)
	_, err := client.Sessions.CreateOnce(ctx, "appointment-4711", moved)
	if taken, ok := errors.AsType[*coviu.KeyError](err); ok && errors.Is(err, coviu.ErrKeyConflict) {
		// The appointment was booked for another time: move that session.
		_, err = client.Sessions.Update(ctx, taken.Sessions[0].SessionID, &coviu.SessionUpdateRequest{
			StartTime: &moved.StartTime,
			EndTime:   &moved.EndTime,
		})
	}
	fmt.Println(err, server.Sessions()[0].StartTime)
	// Output: <nil> 2026-03-02 16:00:00 +0000 UTC
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

// A canceled session is hidden from then on: the service answers 401.
func ExampleSessionService_Delete() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	id := booked(server).SessionID

	if _, err := client.Sessions.Delete(ctx, id); err != nil {
		fmt.Println(err)
		return
	}
	_, err := client.Sessions.Get(ctx, id, nil)
	fmt.Println(errors.Is(err, coviu.ErrUnauthorized))
	// Output: true
}

// seedDay fills the server with one session an hour, from ten on.
func seedDay(server *coviutest.Server, names ...string) {
	for i, name := range names {
		start := nine.Add(time.Duration(i+1) * time.Hour)
		if _, err := server.Seed(coviu.Session{SessionName: name, StartTime: start, EndTime: start.Add(time.Hour)}); err != nil {
			panic(err)
		}
	}
}

// All sessions of a day. An error is yielded once and ends the loop.
func ExampleSessionService_All() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	seedDay(server, "Check-up", "Physiotherapy", "Second opinion")

	day := &coviu.SessionListOptions{
		StartTime: time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC),
		EndTime:   time.Date(2026, time.March, 3, 0, 0, 0, 0, time.UTC),
		Prefetch:  2,
	}
	for session, err := range client.Sessions.All(ctx, day) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(session.StartTime.Format("15:04"), session.SessionName)
	}
	// Output:
	// 10:00 Check-up
	// 11:00 Physiotherapy
	// 12:00 Second opinion
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
