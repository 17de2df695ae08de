package coviu_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// anyID holds every kind of character that an id may have.
const anyID = "AZaz09-._~$&+=:@"

func day(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, time.UTC) }

// wholeSession is session.json.
func wholeSession() *coviu.Session {
	return &coviu.Session{
		SessionID:   "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
		TeamID:      "c56a4180-65aa-42ec-a945-5fd21dec0538",
		ClientID:    "1c9e6679-7425-40de-944b-e07fc1f90ae7",
		SessionName: "Zoë & Dr. Ümit",
		StartTime:   day(9, 0),
		EndTime:     day(9, 25),
		Picture:     "https://static.example.com/sessions/1.png",
		Participants: []coviu.Participant{{
			ParticipantID: "9a3d0001-77aa-4b57-8f0e-000000000001",
			SessionID:     "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
			ClientID:      "1c9e6679-7425-40de-944b-e07fc1f90ae7",
			DisplayName:   "Dr. Ümit",
			Role:          coviu.RoleHost,
			Picture:       "https://static.example.com/pictures/1.png",
			State:         "booking-1",
			EntryURL:      "https://api.coviu.com/v1/join/9a3d0001",
			CoviuUserID:   "77",
			UserHint:      "umit@example.com",
			Phone:         "+61 2 5550 0100",
			Fee:           `{"amount":50,"currency":"AUD"}`,
		}, {
			ParticipantID: "9a3d0002-77aa-4b57-8f0e-000000000001",
			SessionID:     "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
			ClientID:      "1c9e6679-7425-40de-944b-e07fc1f90ae7",
			DisplayName:   "Zoë",
			Role:          coviu.RoleGuest,
			State:         "booking-2",
			EntryURL:      "https://api.coviu.com/v1/join/9a3d0002",
			DeletedAt:     new(time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)),
		}},
		FeatureFlags: []string{"-plugin;whiteboard", "customisation;disable-menu"},
		CanceledTime: new(time.Date(2026, 3, 1, 23, 59, 59, 999e6, time.UTC)),
	}
}

func plainSession() *coviu.Session {
	return &coviu.Session{SessionID: "s-1", StartTime: day(9, 0), EndTime: day(9, 25)}
}

// twoSessions is session_page.json.
func twoSessions() *coviu.SessionPage {
	return &coviu.SessionPage{
		Content: []coviu.Session{{
			SessionID: "s-1", StartTime: day(9, 0), EndTime: day(9, 25),
			Participants: []coviu.Participant{{
				ParticipantID: "p-1", SessionID: "s-1", Role: coviu.RoleHost,
				EntryURL: "https://api.coviu.com/v1/join/p-1",
			}},
		}, {
			SessionID: "s-2", StartTime: day(10, 0), EndTime: day(10, 25),
			CanceledTime: new(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)),
		}},
		More: true, PageSize: 2, PageCount: 3,
	}
}

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

func TestSessionsAreAskedForAndReadAsTheServiceHasThem(t *testing.T) {
	sydney := time.FixedZone("", 11*60*60)
	rfc1123 := []coviu.Option{coviu.WithRFC1123Dates()}
	for _, c := range []sentExactly{
		{
			name:   "Create with what is required",
			call:   createCall(bookingRequest()),
			method: "POST", uri: "/sessions",
			body:  `{"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z"}`,
			reply: "session_minimal.json", want: plainSession(), responseCode: 201,
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
			reply: "session.json", want: wholeSession(),
		},
		{
			name: "Create in RFC 1123", opts: rfc1123,
			call: createCall(&coviu.SessionCreationRequest{
				StartTime: time.Date(2026, 3, 2, 20, 0, 0, 999999999, sydney),
				EndTime:   time.Date(2026, 3, 2, 20, 25, 0, 0, sydney),
			}),
			method: "POST", uri: "/sessions",
			body:  `{"start_time":"Mon, 02 Mar 2026 09:00:00 GMT","end_time":"Mon, 02 Mar 2026 09:25:00 GMT"}`,
			reply: "session_rfc1123.json", want: plainSession(),
		},
		{
			name: "Create with no people and no flags",
			call: createCall(&coviu.SessionCreationRequest{
				StartTime: day(9, 0), EndTime: day(9, 25),
				Participants: []coviu.ParticipantCreationRequest{}, FeatureFlags: []string{},
			}),
			method: "POST", uri: "/sessions",
			body:  `{"start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z"}`,
			reply: "session_empty_arrays.json", want: plainSession(),
		},
		{
			name: "Get", call: getCall("s-1", nil),
			method: "GET", uri: "/sessions/s-1",
			reply: "session.json", want: wholeSession(),
		},
		{
			name: "Get with options that ask for nothing", call: getCall("s-1", &coviu.SessionGetOptions{}),
			method: "GET", uri: "/sessions/s-1",
			reply: "session_null_fields.json", want: plainSession(),
		},
		{
			name: "Get with removed participants", call: getCall(anyID, &coviu.SessionGetOptions{DeletedParticipants: true}),
			method: "GET", uri: "/sessions/" + anyID + "?deleted_participants=true",
			reply: "session_offset_dates.json", want: plainSession(),
		},
		{
			name: "Get what holds fields of a later service", call: getCall("s-1", nil),
			method: "GET", uri: "/sessions/s-1",
			reply: "session_unknown_fields.json",
			want: &coviu.Session{
				SessionID: "s-1", StartTime: day(9, 0), EndTime: day(9, 25),
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
			reply: "session_page.json", want: twoSessions(),
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
			want:  &coviu.SessionPage{Content: []coviu.Session{*plainSession()}, Page: 1, PageSize: 1},
		},
		{
			name: "List in RFC 1123", opts: rfc1123,
			call:   listCall(&coviu.SessionListOptions{StartTime: day(9, 0), EndTime: day(9, 0).Add(time.Millisecond)}),
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
			want:  &coviu.SessionPage{Content: []coviu.Session{*plainSession()}, More: true},
		},
		{
			name: "Update everything",
			call: updateCall(anyID, &coviu.SessionUpdateRequest{
				SessionName: new("n"), StartTime: new(time.Date(2026, 3, 2, 20, 0, 0, 0, sydney)), EndTime: new(day(9, 25)), Picture: new("p"),
			}),
			method: "PUT", uri: "/sessions/" + anyID,
			body:  `{"session_name":"n","start_time":"2026-03-02T09:00:00.000Z","end_time":"2026-03-02T09:25:00.000Z","picture":"p"}`,
			reply: "session.json", want: wholeSession(),
		},
		{
			name:   "Update clears",
			call:   updateCall("s-1", &coviu.SessionUpdateRequest{SessionName: new(""), Picture: new("")}),
			method: "PUT", uri: "/sessions/s-1",
			body:  `{"session_name":"","picture":""}`,
			reply: "session_minimal.json", want: plainSession(),
		},
		{
			name:   "Update one time",
			call:   updateCall("s-1", &coviu.SessionUpdateRequest{EndTime: new(day(9, 25))}),
			method: "PUT", uri: "/sessions/s-1",
			body:  `{"end_time":"2026-03-02T09:25:00.000Z"}`,
			reply: "session_minimal.json", want: plainSession(),
		},
		{
			name: "Update in RFC 1123", opts: rfc1123,
			call:   updateCall("s-1", &coviu.SessionUpdateRequest{StartTime: new(day(9, 0).Add(time.Second - 1))}),
			method: "PUT", uri: "/sessions/s-1",
			body:  `{"start_time":"Mon, 02 Mar 2026 09:00:00 GMT"}`,
			reply: "session_minimal.json", want: plainSession(),
		},
		{
			name: "Delete",
			call: func(ctx context.Context, c *coviu.Client) (any, error) {
				return c.Sessions.Delete(ctx, anyID)
			},
			method: "DELETE", uri: "/sessions/" + anyID,
			reply: "unit_ok.json", want: &coviu.UnitResponse{OK: true},
		},
	} {
		t.Run(c.name, c.run)
	}
}

func TestAQueryIsReadByTheServiceAsItWasMeant(t *testing.T) {
	far := onLoopback(t, says(200, `{"content":[]}`))
	_, err := far.client(t).Sessions.List(t.Context(), &coviu.SessionListOptions{State: "a+b&c=d %2F\n/ü", StartTime: day(9, 0)})
	require.NoError(t, err)
	sent, err := url.ParseRequestURI(far.received()[0].URI)
	require.NoError(t, err)
	require.Equal(t, url.Values{"state": {"a+b&c=d %2F\n/ü"}, "start_time": {"2026-03-02T09:00:00.000Z"}}, sent.Query())
}

func TestARequestIsNotChangedByBeingSent(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	c := far.client(t)
	booking, change := bookingRequest(), &coviu.SessionUpdateRequest{StartTime: new(day(9, 0))}
	_, err := c.Sessions.Create(t.Context(), booking)
	require.NoError(t, err)
	_, err = c.Sessions.Update(t.Context(), "id", change)
	require.NoError(t, err)
	require.Equal(t, bookingRequest(), booking)
	require.Equal(t, &coviu.SessionUpdateRequest{StartTime: new(day(9, 0))}, change)
}

func TestEveryDocumentedRefusalHasItsKind(t *testing.T) {
	for status, kind := range map[int]error{
		400: coviu.ErrBadRequest, 401: coviu.ErrUnauthorized, 403: coviu.ErrForbidden,
		404: coviu.ErrNotFound, 409: coviu.ErrConflict,
	} {
		for _, e := range tenEndpoints() {
			t.Run(fmt.Sprint(status, " ", e.operation), func(t *testing.T) {
				body := fmt.Sprintf(`{"error":{"code":%d,"message":"that can't be done"}}`, status)
				far := onLoopback(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Request-Id", "request-7")
					says(status, body)(w, r)
				})
				got, err := e.call(t.Context(), far.client(t), "id")
				requireNothing(t, got)
				var refused *coviu.APIError
				require.ErrorAs(t, err, &refused)
				require.Same(t, err, refused, "a definite refusal is nothing else")
				require.Equal(t, e.operation, refused.Operation)
				require.Equal(t, status, refused.StatusCode)
				require.Equal(t, fmt.Sprint(status), refused.Code)
				require.Equal(t, "that can't be done", refused.Message)
				require.Equal(t, "request-7", refused.RequestID)
				require.Equal(t, body, string(refused.Body))
				require.Equal(t, "application/json;UTF-8", refused.Header.Get("Content-Type"))
				// A 401 costs another grant; the far side's is the same again, so nothing is replayed.
				require.Equal(t, 1, refused.Attempts)
				require.Len(t, far.received(), 1)
				for other, sentinel := range sentinels() {
					require.Equal(t, errors.Is(kind, sentinel), isKind(err, sentinel), other)
				}
				require.EqualError(t, err, fmt.Sprintf("coviu: %s: %d %s: \"that can't be done\"", e.operation, status, http.StatusText(status)))
			})
		}
	}
}

// unreadable are replies in place of one session or participant.
var unreadable = map[string]http.HandlerFunc{
	"200 without a body": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") },
	"201 without a body": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) },
	"204":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"205":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusResetContent) },
	"206":                says(206, `{"session_id":"s","participant_id":"p","content":[],"ok":true}`),
	"null":               says(200, `null`),
	"[]":                 says(200, `[]`),
	"{}":                 says(200, `{}`),
	`""`:                 says(200, `""`),
	"0":                  says(200, `0`),
	"true":               says(200, `true`),
	"no id":              says(200, `{"start_time":"2026-03-02T09:00:00Z"}`),
	"empty id":           says(200, `{"session_id":"","participant_id":""}`),
	"null id":            says(200, `{"session_id":null,"participant_id":null}`),
	"item without id":    says(200, `{"content":[{"session_id":null}],"more":false}`),
	"items without id":   says(200, `[{"display_name":"x"}]`),
	"empty item":         says(200, `{"content":[{}]}`),
	"null item":          says(200, `{"content":[null]}`),
	"blank":              says(200, " \n"),
}

// readable are those of them that an endpoint may take.
var readable = map[string][]string{
	"GET /sessions/{session_id}/participants": {"null", "[]"},
	"DELETE /sessions/{session_id}":           {"200 without a body", "201 without a body", "204", "205"},
	"DELETE /participants/{participant_id}":   {"200 without a body", "201 without a body", "204", "205"},
}

func TestFault26_NoModelWhereOneIsDue(t *testing.T) {
	for _, e := range tenEndpoints() {
		for name, answer := range unreadable {
			t.Run(e.operation+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := inMemory(t, answer)
					got, err := e.call(t.Context(), far.client(t), "id")
					if slices.Contains(readable[e.operation], name) {
						require.NoError(t, err)
						return
					}
					requireNothing(t, got)
					var unread *coviu.DecodeError
					require.ErrorAs(t, err, &unread)
					require.Equal(t, e.operation, unread.Operation)
					require.Equal(t, 2, unread.StatusCode/100)
					require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
					want, unknown := 1, e.isPOST()
					if name == "blank" && !e.isPOST() {
						// The rest of the text may have got lost, so it is asked for again.
						want, unknown = 3, e.method() == http.MethodDelete
					}
					require.Len(t, far.received(), want)
					require.Equal(t, unknown, isKind(err, coviu.ErrOutcomeUnknown))
				})
			})
		}
	}
}

func TestFault27_DeletionsWithoutABody(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"204":                   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"200 of no length":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") },
		"200 in empty chunks":   func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"202":                   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) },
		"200 of type text/html": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := inMemory(t, answer)
				c := far.client(t)
				done, err := c.Sessions.Delete(t.Context(), "id")
				require.NoError(t, err)
				require.Equal(t, &coviu.UnitResponse{OK: true}, done)
				done, err = c.Participants.Delete(t.Context(), "id")
				require.NoError(t, err)
				require.Equal(t, &coviu.UnitResponse{OK: true}, done)
				require.Len(t, far.received(), 2)
			})
		})
	}
}

func TestFault28_DeletionThatIsNotOK(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "unit_refused.json")))
	c := far.client(t)
	for _, remove := range []func() (*coviu.UnitResponse, error){
		func() (*coviu.UnitResponse, error) { return c.Sessions.Delete(t.Context(), "id") },
		func() (*coviu.UnitResponse, error) { return c.Participants.Delete(t.Context(), "id") },
	} {
		done, err := remove()
		requireNothing(t, done)
		var refused *coviu.APIError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 200, refused.StatusCode)
		require.Equal(t, 1, refused.Attempts)
		require.JSONEq(t, `{"ok":false}`, string(refused.Body))
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, coviu.ErrUnexpectedResponse)
	}
	require.Len(t, far.received(), 2)
}

func TestTheMediaTypeOfAReplyDoesNotMatter(t *testing.T) {
	for _, mediaType := range []string{"", "application/json", "application/json;UTF-8", "application/json; charset=utf-8", "text/plain", "text/html", ";"} {
		far := onLoopback(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if mediaType != "" {
				w.Header().Set("Content-Type", mediaType)
			}
			_, _ = w.Write([]byte(fixture(t, "session.json")))
		})
		session, err := far.client(t).Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err, mediaType)
		require.Equal(t, wholeSession(), session)
	}
}
