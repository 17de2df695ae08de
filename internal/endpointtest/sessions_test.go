package endpointtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func createCall(req *coviu.SessionCreationRequest) func(context.Context, *coviu.Client) (any, error) {
	return func(ctx context.Context, c *coviu.Client) (any, error) { return c.Sessions.Create(ctx, req) }
}

func updateCall(id string, req *coviu.SessionUpdateRequest) func(context.Context, *coviu.Client) (any, error) {
	return func(ctx context.Context, c *coviu.Client) (any, error) { return c.Sessions.Update(ctx, id, req) }
}

func listCall(opts *coviu.SessionListOptions) func(context.Context, *coviu.Client) (any, error) {
	return func(ctx context.Context, c *coviu.Client) (any, error) { return c.Sessions.List(ctx, opts) }
}

func getCall(id string, opts *coviu.SessionGetOptions) func(context.Context, *coviu.Client) (any, error) {
	return func(ctx context.Context, c *coviu.Client) (any, error) { return c.Sessions.Get(ctx, id, opts) }
}

func TestSessionRequestsAndReplies(t *testing.T) {
	sydney := time.FixedZone("", 11*60*60)
	rfc1123 := []coviu.Option{coviu.WithRFC1123Dates()}
	for _, c := range []sentExactly{
		{
			name:   "Create with what is required",
			call:   createCall(apitest.Booking()),
			method: "POST", uri: "/sessions",
			body:  `{"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z"}`,
			reply: "session_minimal.json", want: apitest.MinimalSession(), responseCode: 201,
		},
		{
			name: "Create with every field",
			call: createCall(&coviu.SessionCreationRequest{
				SessionName: "Zoë & \"Dr.\" <Ümit>",
				StartTime:   time.Date(2026, 3, 2, 20, 0, 0, 999999999, sydney),
				EndTime:     time.Date(2026, 3, 2, 20, 25, 0, 1e6, sydney),
				Picture:     "https://static.example.com/1.png?a=1&b=2",
				Participants: []coviu.ParticipantCreationRequest{
					{DisplayName: "Dr. Ümit", Role: coviu.RoleHost, Picture: "https://static.example.com/2.png", State: "booking-1", Phone: "+61 2 5550 0100"},
					{Role: "Interpreter"},
					{},
				},
				FeatureFlags: []string{"-plugin;whiteboard", "customisation;exit-url;https://clinic.example.com/?a&b"},
			}),
			method: "POST", uri: "/sessions",
			body: `{"session_name":"Zoë & \"Dr.\" <Ümit>","start_time":"2026-03-02T09:00:00.999Z","end_time":"2026-03-02T09:25:00.001Z",` +
				`"picture":"https://static.example.com/1.png?a=1&b=2",` +
				`"participants":[{"display_name":"Dr. Ümit","role":"HOST","picture":"https://static.example.com/2.png","state":"booking-1","phone":"+61 2 5550 0100"},` +
				`{"role":"Interpreter"},{}],` +
				`"feature_flags":["-plugin;whiteboard","customisation;exit-url;https://clinic.example.com/?a&b"]}`,
			reply: "session.json", want: apitest.FullSession(),
		},
		{
			name: "Create in RFC 1123", opts: rfc1123,
			call: createCall(&coviu.SessionCreationRequest{
				StartTime: time.Date(2026, 3, 2, 20, 0, 0, 999999999, sydney),
				EndTime:   time.Date(2026, 3, 2, 20, 25, 0, 0, sydney),
			}),
			method: "POST", uri: "/sessions",
			body:  `{"start_time":"Mon, 02 Mar 2026 09:00:00 GMT","end_time":"Mon, 02 Mar 2026 09:25:00 GMT"}`,
			reply: "session_rfc1123.json", want: apitest.MinimalSession(),
		},
		{
			name: "Create with no people and no flags",
			call: createCall(&coviu.SessionCreationRequest{
				StartTime: apitest.Clock(9, 0), EndTime: apitest.Clock(9, 25),
				Participants: []coviu.ParticipantCreationRequest{}, FeatureFlags: []string{},
			}),
			method: "POST", uri: "/sessions",
			body:  `{"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z"}`,
			reply: "session_empty_arrays.json", want: apitest.MinimalSession(),
		},
		{
			name: "Get", call: getCall("s-1", nil),
			method: "GET", uri: "/sessions/s-1",
			reply: "session.json", want: apitest.FullSession(),
		},
		{
			name: "Get with options that ask for nothing", call: getCall("s-1", &coviu.SessionGetOptions{}),
			method: "GET", uri: "/sessions/s-1",
			reply: "session_null_fields.json", want: apitest.MinimalSession(),
		},
		{
			name: "Get with removed participants", call: getCall(apitest.ID, &coviu.SessionGetOptions{DeletedParticipants: true}),
			method: "GET", uri: "/sessions/" + apitest.ID + "?deleted_participants=true",
			reply: "session_offset_dates.json", want: apitest.MinimalSession(),
		},
		{
			name: "Get what holds fields of a later service", call: getCall("s-1", nil),
			method: "GET", uri: "/sessions/s-1",
			reply: "session_unknown_fields.json",
			want: &coviu.Session{
				SessionID: "s-1", StartTime: apitest.Clock(9, 0), EndTime: apitest.Clock(9, 25),
				Participants: []coviu.Participant{{
					ParticipantID: "p-1", SessionID: "s-1", Role: coviu.RoleGuest,
					Extra: map[string]json.RawMessage{"seat": json.RawMessage("12")},
				}},
				Extra: map[string]json.RawMessage{
					"location": json.RawMessage(`{"room":"5 \u0026 6","floor":[1,2]}`),
					"recorded": json.RawMessage("false"), "note": json.RawMessage("null"),
				},
			},
		},
		{
			name: "List without options", call: listCall(nil),
			method: "GET", uri: "/sessions",
			reply: "session_page.json", want: apitest.SessionPage(),
		},
		{
			name: "List with options that ask for nothing", call: listCall(&coviu.SessionListOptions{}),
			method: "GET", uri: "/sessions",
			reply: "session_page_empty.json", want: &coviu.SessionPage{},
		},
		{
			name: "List with every option",
			call: listCall(&coviu.SessionListOptions{
				Page: 3, PageSize: 200, Prefetch: 64,
				StartTime:       time.Date(2026, 3, 2, 20, 0, 0, 999999999, sydney),
				EndTime:         time.Date(2026, 3, 3, 20, 0, 0, 0, sydney),
				IncludeCanceled: true, DeletedParticipants: true,
				State: "Zoë & co/1?#%+ ", Order: coviu.OrderReverse,
			}),
			method: "GET",
			uri: "/sessions?deleted_participants=true&end_time=2026-03-03T09%3A00%3A00.000Z&include_canceled=true&order=reverse" +
				"&page=3&page_size=200&start_time=2026-03-02T09%3A00%3A00.999Z&state=Zo%C3%AB+%26+co%2F1%3F%23%25%2B+",
			reply: "session_page_strings.json",
			want:  &coviu.SessionPage{Content: []coviu.Session{*apitest.MinimalSession()}, Page: 1, PageSize: 1},
		},
		{
			name: "List in RFC 1123", opts: rfc1123,
			call:   listCall(&coviu.SessionListOptions{StartTime: apitest.Clock(9, 0), EndTime: apitest.Clock(9, 0).Add(time.Millisecond)}),
			method: "GET",
			uri: "/sessions?end_time=Mon%2C+02+Mar+2026+09%3A00%3A00+GMT" +
				"&start_time=Mon%2C+02+Mar+2026+09%3A00%3A00+GMT",
			reply: "session_page_null_content.json", want: &coviu.SessionPage{Page: 4},
		},
		{
			name:   "List forward",
			call:   listCall(&coviu.SessionListOptions{Order: coviu.OrderForward, PageSize: 1}),
			method: "GET", uri: "/sessions?order=forward&page_size=1",
			reply: "session_page_without_more.json",
			want:  &coviu.SessionPage{Content: []coviu.Session{*apitest.MinimalSession()}, More: true},
		},
		{
			name: "Update everything",
			call: updateCall(apitest.ID, &coviu.SessionUpdateRequest{
				SessionName: new("n"), StartTime: new(time.Date(2026, 3, 2, 20, 0, 0, 0, sydney)), EndTime: new(apitest.Clock(9, 25)), Picture: new("p"),
			}),
			method: "PUT", uri: "/sessions/" + apitest.ID,
			body:  `{"session_name":"n","start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z","picture":"p"}`,
			reply: "session.json", want: apitest.FullSession(),
		},
		{
			name:   "Update clears",
			call:   updateCall("s-1", &coviu.SessionUpdateRequest{SessionName: new(""), Picture: new("")}),
			method: "PUT", uri: "/sessions/s-1",
			body:  `{"session_name":"","picture":""}`,
			reply: "session_minimal.json", want: apitest.MinimalSession(),
		},
		{
			name:   "Update one time",
			call:   updateCall("s-1", &coviu.SessionUpdateRequest{EndTime: new(apitest.Clock(9, 25))}),
			method: "PUT", uri: "/sessions/s-1",
			body:  `{"end_time":"2026-03-02T09:25:00.000Z"}`,
			reply: "session_minimal.json", want: apitest.MinimalSession(),
		},
		{
			name: "Update in RFC 1123", opts: rfc1123,
			call:   updateCall("s-1", &coviu.SessionUpdateRequest{StartTime: new(apitest.Clock(9, 0).Add(time.Second - 1))}),
			method: "PUT", uri: "/sessions/s-1",
			body:  `{"start_time":"Mon, 02 Mar 2026 09:00:00 GMT"}`,
			reply: "session_minimal.json", want: apitest.MinimalSession(),
		},
		{
			name: "Delete",
			call: func(ctx context.Context, c *coviu.Client) (any, error) {
				return c.Sessions.Delete(ctx, apitest.ID)
			},
			method: "DELETE", uri: "/sessions/" + apitest.ID,
			reply: "unit_ok.json", want: &coviu.UnitResponse{OK: true},
		},
	} {
		t.Run(c.name, c.run)
	}
}

func TestQueryParametersAreEscaped(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, `{"content":[]}`))
	_, err := api.Client(t).Sessions.List(t.Context(), &coviu.SessionListOptions{State: "a+b&c=d %2F\n/ü", StartTime: apitest.Clock(9, 0)})
	require.NoError(t, err)
	sent, err := url.ParseRequestURI(api.Calls()[0].URI)
	require.NoError(t, err)
	require.Equal(t, url.Values{"state": {"a+b&c=d %2F\n/ü"}, "start_time": {"2026-03-02T09:00:00.000Z"}}, sent.Query())
}

func TestSendingARequestDoesNotChangeIt(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	c := api.Client(t)
	booking, change := apitest.Booking(), &coviu.SessionUpdateRequest{StartTime: new(apitest.Clock(9, 0))}
	_, err := c.Sessions.Create(t.Context(), booking)
	require.NoError(t, err)
	_, err = c.Sessions.Update(t.Context(), "id", change)
	require.NoError(t, err)
	require.Equal(t, apitest.Booking(), booking)
	require.Equal(t, &coviu.SessionUpdateRequest{StartTime: new(apitest.Clock(9, 0))}, change)
}

func TestEveryDocumentedStatusHasItsSentinel(t *testing.T) {
	for status, kind := range map[int]error{
		400: coviu.ErrBadRequest, 401: coviu.ErrUnauthorized, 403: coviu.ErrForbidden,
		404: coviu.ErrNotFound, 409: coviu.ErrConflict,
	} {
		for _, e := range apitest.Endpoints() {
			t.Run(fmt.Sprint(status, " ", e.Operation), func(t *testing.T) {
				body := fmt.Sprintf(`{"error":{"code":%d,"message":"that can't be done"}}`, status)
				api := apitest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Request-Id", "request-7")
					apitest.Reply(status, body)(w, r)
				})
				got, err := e.Call(t.Context(), api.Client(t), "id")
				require.Nil(t, got)
				var refused *coviu.APIError
				require.ErrorAs(t, err, &refused)
				require.Same(t, err, refused, "a definite refusal is nothing else")
				require.Equal(t, e.Operation, refused.Operation)
				require.Equal(t, status, refused.StatusCode)
				require.Equal(t, fmt.Sprint(status), refused.Code)
				require.Equal(t, "that can't be done", refused.Message)
				require.Equal(t, "request-7", refused.RequestID)
				require.Equal(t, body, string(refused.Body))
				require.Equal(t, "application/json;UTF-8", refused.Header.Get("Content-Type"))
				// After a 401 the client fetches a token. It is the same one again, so the request
				// is not repeated.
				require.Equal(t, 1, refused.Attempts)
				require.Len(t, api.Calls(), 1)
				for other, sentinel := range apitest.Sentinels() {
					require.Equal(t, errors.Is(kind, sentinel), errors.Is(err, sentinel), other)
				}
				text := fmt.Sprintf("coviu: %s: %d %s: \"that can't be done\"", e.Operation, status, http.StatusText(status))
				if status == http.StatusNotFound && !strings.Contains(e.Operation, "{") {
					text += ` (check the base URL: it ends in "/v1" by default)`
				}
				require.EqualError(t, err, text)
			})
		}
	}
}

func TestTheMediaTypeOfAReplyDoesNotMatter(t *testing.T) {
	for _, mediaType := range []string{"", "application/json", "application/json;UTF-8", "application/json; charset=utf-8", "text/plain", "text/html", ";"} {
		api := apitest.NewServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if mediaType != "" {
				w.Header().Set("Content-Type", mediaType)
			}
			_, _ = w.Write([]byte(apitest.Fixture(t, "session.json")))
		})
		session, err := api.Client(t).Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err, mediaType)
		require.Equal(t, apitest.FullSession(), session)
	}
}
