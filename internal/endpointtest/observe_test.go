package endpointtest

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

// troubled answers 503 twice and then 200 with body, each after a second.
func troubled(body string) http.HandlerFunc {
	asked := 0
	return func(w http.ResponseWriter, r *http.Request) {
		asked++
		<-time.After(time.Second)
		if asked < 3 {
			apitest.Reply(503, `{"message":"busy"}`)(w, r)
			return
		}
		w.Header().Set("X-Request-Id", "request-3")
		apitest.Reply(200, body)(w, r)
	}
}

func TestOneLineIsLoggedForEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := apitest.Fixture(t, "session.json")
		api := apitest.NewInMemoryServer(t, troubled(body))
		var lines bytes.Buffer
		c := api.Client(t, apitest.LogTo(&lines), coviu.WithToken(apitest.UserToken()))
		_, err := c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)

		logged := apitest.LogRecords(t, &lines)
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
		api := apitest.NewInMemoryServer(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		var lines bytes.Buffer
		c := api.Client(t, apitest.LogTo(&lines), coviu.WithToken(apitest.UserToken()))
		_, err := c.Sessions.Create(t.Context(), apitest.Booking())
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		logged := apitest.LogRecords(t, &lines)
		require.Len(t, logged, 1)
		require.Equal(t, 0.0, logged[0]["status"])
		require.Equal(t, 0.0, logged[0]["bytes"])
		require.Equal(t, 1.0, logged[0]["attempt"])
	})
}

func TestTheResponseHookDescribesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := apitest.NewInMemoryServer(t, troubled(apitest.Fixture(t, "session.json")))
		var told []coviu.ResponseInfo
		type key struct{}
		asked := context.WithValue(t.Context(), key{}, "mine")
		c := api.Client(t, coviu.WithToken(apitest.UserToken()), coviu.WithRetry(coviu.RetryPolicy{BaseDelay: 1, MaxDelay: 1}),
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

		api.Answer = apitest.Reply(404, "")
		_, err = c.Participants.Get(asked, "id")
		require.Len(t, told, 2)
		require.Equal(t, "GET /participants/{participant_id}", told[1].Operation)
		require.Equal(t, 404, told[1].StatusCode)
		require.Equal(t, 1, told[1].Attempts)
		require.Same(t, err, told[1].Err)

		api.Answer = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
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
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	var lines bytes.Buffer
	c := api.Client(t, apitest.LogTo(&lines), coviu.WithToken(apitest.UserToken()), coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { panic("of a secret kind") }))
	session, err := c.Sessions.Create(t.Context(), apitest.Booking())
	require.NoError(t, err)
	require.Equal(t, apitest.FullSession(), session)
	logged := apitest.LogRecords(t, &lines)
	require.Len(t, logged, 2)
	require.Equal(t, "ERROR", logged[1]["level"])
	require.Equal(t, "response hook", logged[1]["function"])
	require.NotContains(t, lines.String(), "secret kind")

	c = api.Client(t, coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { panic("nobody is told") }))
	_, err = c.Sessions.Create(t.Context(), apitest.Booking())
	require.NoError(t, err)
}

type panicking struct{ slog.Handler }

func (panicking) Handle(context.Context, slog.Record) error { panic("no disk") }

func (panicking) Enabled(context.Context, slog.Level) bool { return true }

func TestAPanicInALoggerChangesNoResult(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	hooked := 0
	c := api.Client(t, coviu.WithToken(apitest.UserToken()), coviu.WithLogger(slog.New(panicking{slog.DiscardHandler})),
		coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { hooked++; panic("too") }))
	session, err := c.Sessions.Create(t.Context(), apitest.Booking())
	require.NoError(t, err)
	require.Equal(t, apitest.FullSession(), session)
	require.Equal(t, 1, hooked)
	require.Len(t, api.Calls(), 1)
}

func TestAPanicInATokenStoreIsReportedAsAnError(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	var lines bytes.Buffer
	c := api.Client(t, apitest.LogTo(&lines), coviu.WithTokenStore(apitest.TokenStoreFunc(
		func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			panic("of a secret kind")
		})))
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.EqualError(t, err, "coviu: GET /sessions/{session_id}: token store failed")
	require.Empty(t, api.Calls())
	require.Equal(t, "token store", apitest.LogRecords(t, &lines)[0]["function"])
	require.NotContains(t, lines.String(), "secret kind")
}
