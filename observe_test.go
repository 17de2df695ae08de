package coviu_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

func logInto(lines *bytes.Buffer) coviu.Option {
	return coviu.WithLogger(slog.New(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// records reads what a JSON handler wrote.
func records(t *testing.T, lines *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(lines.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		all = append(all, record)
	}
	return all
}

// troubled answers 503 twice, and then with body, each after a second.
func troubled(body string) http.HandlerFunc {
	asked := 0
	return func(w http.ResponseWriter, r *http.Request) {
		asked++
		<-time.After(time.Second)
		if asked < 3 {
			says(503, `{"message":"busy"}`)(w, r)
			return
		}
		w.Header().Set("X-Request-Id", "request-3")
		says(200, body)(w, r)
	}
}

func TestOneLineIsLoggedForEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := fixture(t, "session.json")
		far := inMemory(t, troubled(body))
		var lines bytes.Buffer
		c := far.client(t, logInto(&lines))
		_, err := c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)

		logged := records(t, &lines)
		require.Len(t, logged, 3)
		for i, record := range logged {
			require.ElementsMatch(t, []string{"time", "level", "msg", "operation", "attempt", "status", "duration", "bytes"}, slices.Collect(maps.Keys(record)))
			delete(record, "time")
			want := map[string]any{
				"level": "DEBUG", "msg": "coviu: attempt", "operation": "GET /sessions/{session_id}",
				"attempt": float64(i + 1), "status": 503.0, "duration": float64(time.Second), "bytes": float64(len(`{"message":"busy"}`)),
			}
			if i == 2 {
				want["status"], want["bytes"] = 200.0, float64(len(body))
			}
			require.Equal(t, want, record)
		}
	})
}

func TestAnAttemptWithoutAReplyIsLoggedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := inMemory(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		var lines bytes.Buffer
		c := far.client(t, logInto(&lines))
		_, err := c.Sessions.Create(t.Context(), bookingRequest())
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		logged := records(t, &lines)
		require.Len(t, logged, 1)
		require.Equal(t, 0.0, logged[0]["status"])
		require.Equal(t, 0.0, logged[0]["bytes"])
		require.Equal(t, 1.0, logged[0]["attempt"])
	})
}

func TestTheResponseHookLearnsHowACallWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := inMemory(t, troubled(fixture(t, "session.json")))
		var told []coviu.ResponseInfo
		type key struct{}
		asked := context.WithValue(t.Context(), key{}, "mine")
		c := far.client(t, coviu.WithRetry(coviu.RetryPolicy{BaseDelay: 1, MaxDelay: 1}),
			coviu.WithResponseHook(func(ctx context.Context, info coviu.ResponseInfo) {
				require.Equal(t, "mine", ctx.Value(key{}))
				told = append(told, info)
			}))
		_, err := c.Sessions.Get(asked, "id", nil)
		require.NoError(t, err)
		require.Len(t, told, 1)
		require.Equal(t, "request-3", told[0].Header.Get("X-Request-Id"))
		told[0].Header = nil
		require.InDelta(t, 3*time.Second, told[0].Duration, 10)
		told[0].Duration = 0
		require.Equal(t, coviu.ResponseInfo{Operation: "GET /sessions/{session_id}", StatusCode: 200, Attempts: 3}, told[0])

		far.answer = says(404, "")
		_, err = c.Participants.Get(asked, "id")
		require.Len(t, told, 2)
		require.Equal(t, "GET /participants/{participant_id}", told[1].Operation)
		require.Equal(t, 404, told[1].StatusCode)
		require.Equal(t, 1, told[1].Attempts)
		require.Same(t, err, told[1].Err)

		far.answer = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		_, err = c.Participants.Add(asked, "id", &coviu.ParticipantCreationRequest{})
		require.Len(t, told, 3)
		require.Zero(t, told[2].StatusCode)
		require.Nil(t, told[2].Header)
		require.Same(t, err, told[2].Err)

		_, err = c.Participants.Get(asked, "")
		require.ErrorIs(t, err, coviu.ErrInvalidRequest)
		require.Len(t, told, 3, "what was never sent has no response")
	})
}

func TestAPanicInAHookChangesNoResult(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	var lines bytes.Buffer
	c := far.client(t, logInto(&lines), coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { panic("of a secret kind") }))
	session, err := c.Sessions.Create(t.Context(), bookingRequest())
	require.NoError(t, err)
	require.Equal(t, wholeSession(), session)
	logged := records(t, &lines)
	require.Len(t, logged, 2)
	require.Equal(t, "ERROR", logged[1]["level"])
	require.Equal(t, "response hook", logged[1]["function"])
	require.NotContains(t, lines.String(), "secret kind")

	c = far.client(t, coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { panic("nobody is told") }))
	_, err = c.Sessions.Create(t.Context(), bookingRequest())
	require.NoError(t, err)
}

type panicking struct{ slog.Handler }

func (panicking) Handle(context.Context, slog.Record) error { panic("no disk") }
func (panicking) Enabled(context.Context, slog.Level) bool  { return true }

func TestAPanicInALoggerChangesNoResult(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	hooked := 0
	c := far.client(t, coviu.WithLogger(slog.New(panicking{slog.DiscardHandler})),
		coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { hooked++; panic("too") }))
	session, err := c.Sessions.Create(t.Context(), bookingRequest())
	require.NoError(t, err)
	require.Equal(t, wholeSession(), session)
	require.Equal(t, 1, hooked)
	require.Len(t, far.received(), 1)
}

func TestAPanicInAnObserverIsItsError(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	var lines bytes.Buffer
	calm := false
	c := far.client(t, logInto(&lines), coviu.WithTokenObserver(func(context.Context, *oauth2.Token) error {
		if !calm {
			panic("of a secret kind")
		}
		return nil
	}))
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.EqualError(t, err, "coviu: GET /sessions/{session_id}: token observer panicked")
	require.Empty(t, far.received())
	require.Equal(t, "token observer", records(t, &lines)[0]["function"])
	require.NotContains(t, lines.String(), "secret kind")
	calm = true
	_, err = c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Len(t, far.tokenRequests(), 1, "the grant was kept")
}
