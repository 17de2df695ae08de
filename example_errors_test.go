package coviu_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// One switch over the sentinels. ErrOutcomeUnknown comes first: such an error is
// also whatever caused it, and must not be taken for a plain failure.
func Example_errors() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	server.Fail("POST /sessions", coviutest.Unavailable().CarriedOut())
	booking := consultation()

	_, err := client.Sessions.Create(ctx, booking)
	switch {
	case err == nil:
		fmt.Println("booked")
	case errors.Is(err, coviu.ErrOutcomeUnknown):
		fmt.Println("perhaps booked: look for it before booking again")
	case errors.Is(err, coviu.ErrInvalidRequest), errors.Is(err, coviu.ErrBadRequest):
		fmt.Println("a mistake in the request: tell whoever made it")
	case errors.Is(err, coviu.ErrNotFound), errors.Is(err, coviu.ErrUnauthorized):
		fmt.Println("not there, or canceled")
	case errors.Is(err, coviu.ErrReauthorize):
		fmt.Println("send the user to the consent page again")
	case errors.Is(err, coviu.ErrAuthentication):
		fmt.Println("check the API key and its secret")
	case errors.Is(err, coviu.ErrRateLimited), errors.Is(err, coviu.ErrServer), errors.Is(err, context.DeadlineExceeded):
		fmt.Println("not now: try again later")
	default:
		fmt.Println("unexpected:", err)
	}
	// Output: perhaps booked: look for it before booking again
}

// A booking that may have been carried out is found by the State of one of its
// participants. CreateOnce does all of this by itself.
func ExampleOutcomeUnknownError() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	server.Fail("POST /sessions", coviutest.LoseReply())

	booking := consultation()
	booking.Participants[0].State = "appointment-4711"
	_, err := client.Sessions.Create(ctx, booking)
	if errors.Is(err, coviu.ErrOutcomeUnknown) {
		for session, err := range client.Sessions.All(ctx, &coviu.SessionListOptions{State: "appointment-4711"}) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("it was booked:", session.StartTime.Format(time.Kitchen))
		}
	}
	// Output: it was booked: 3:00PM
}

func ExampleAPIError() {
	client, server := connect()
	defer server.Close()

	_, err := client.Sessions.Get(context.Background(), "no-such-session", nil)
	if refusal, ok := errors.AsType[*coviu.APIError](err); ok {
		fmt.Println(refusal.Operation, refusal.StatusCode, refusal.Message, refusal.Attempts)
	}
	// The text never shows the id.
	fmt.Println(err)
	// Output:
	// GET /sessions/{session_id} 404 session not found 1
	// coviu: GET /sessions/{session_id}: 404 Not Found: "session not found"
}

func ExampleValidationError() {
	client, server := connect()
	defer server.Close()

	_, err := client.Sessions.Get(context.Background(), "../participants", nil)
	fmt.Println(err)
	fmt.Println(errors.Is(err, coviu.ErrInvalidRequest), server.Count(coviutest.AnyOperation))
	// Output:
	// coviu: invalid sessionID: holds a character that no id has
	// true 0
}

func ExampleDecodeError() {
	client, server := connect()
	defer server.Close()
	id := booked(server).SessionID
	server.Fail("GET /sessions/{session_id}", coviutest.Rewrite(func(reply *coviutest.Reply) {
		reply.Body = []byte(`{"session_id":"s-1","start_time":"tomorrow"}`)
	}))

	_, err := client.Sessions.Get(context.Background(), id, nil)
	if broken, ok := errors.AsType[*coviu.DecodeError](err); ok {
		fmt.Println(broken.Operation, broken.Field)
	}
	// Output: GET /sessions/{session_id} start_time
}

func ExampleTokenError() {
	_, server := connect()
	defer server.Close()
	client, err := coviu.NewClient(server.APIKey, "a secret of last year", coviu.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()

	_, err = client.Sessions.List(context.Background(), nil)
	if refusal, ok := errors.AsType[*coviu.TokenError](err); ok {
		fmt.Println(refusal.StatusCode, refusal.Code, errors.Is(err, coviu.ErrAuthentication))
	}
	// Output: 401 invalid_client true
}

// Two live sessions have the key, because two processes booked at the same
// moment: keep one of them.
func ExampleKeyError() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	for range 2 {
		booking := consultation()
		booking.Participants[0].State = "appointment-4711"
		if _, err := client.Sessions.Create(ctx, booking); err != nil {
			fmt.Println(err)
			return
		}
	}

	_, err := client.Sessions.CreateOnce(ctx, "appointment-4711", consultation())
	if taken, ok := errors.AsType[*coviu.KeyError](err); ok && errors.Is(err, coviu.ErrDuplicate) {
		for _, extra := range taken.Sessions[1:] {
			if _, err := client.Sessions.Delete(ctx, extra.SessionID); err != nil {
				fmt.Println(err)
				return
			}
		}
	}
	_, err = client.Sessions.CreateOnce(ctx, "appointment-4711", consultation())
	fmt.Println(err)
	// Output: <nil>
}

// Fields that this version does not know survive being stored and read again.
func ExampleSession() {
	var session coviu.Session
	stored := `{"session_id":"s-1","start_time":"2026-03-02T15:00:00Z","end_time":"2026-03-02T15:30:00Z","mood":"calm"}`
	if err := json.Unmarshal([]byte(stored), &session); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.SessionID, string(session.Extra["mood"]))

	// Printed, a session shows no id and no name; json.Marshal keeps everything.
	fmt.Println(session)
	// Output:
	// s-1 "calm"
	// coviu.Session{2026-03-02T15:00:00Z to 2026-03-02T15:30:00Z, 0 participants}
}
