package coviu_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

func isKind(err, kind error) bool { return errors.Is(err, kind) }

func sentinels() map[string]error {
	return map[string]error{
		"ErrInvalidRequest": coviu.ErrInvalidRequest, "ErrBadRequest": coviu.ErrBadRequest,
		"ErrUnauthorized": coviu.ErrUnauthorized, "ErrForbidden": coviu.ErrForbidden,
		"ErrNotFound": coviu.ErrNotFound, "ErrConflict": coviu.ErrConflict,
		"ErrRateLimited": coviu.ErrRateLimited, "ErrServer": coviu.ErrServer,
		"ErrUnexpectedResponse": coviu.ErrUnexpectedResponse, "ErrAuthentication": coviu.ErrAuthentication,
		"ErrReauthorize": coviu.ErrReauthorize, "ErrOutcomeUnknown": coviu.ErrOutcomeUnknown,
		"ErrKeyConflict": coviu.ErrKeyConflict, "ErrPreviouslyCanceled": coviu.ErrPreviouslyCanceled,
		"ErrDuplicate": coviu.ErrDuplicate,
	}
}

func requireKinds(t *testing.T, err error, want ...string) {
	t.Helper()
	var got []string
	for name, kind := range sentinels() {
		if isKind(err, kind) {
			got = append(got, name)
		}
	}
	require.ElementsMatch(t, want, got)
}

func TestEveryErrorHasItsKindsAndOneLineOfText(t *testing.T) {
	long := strings.Repeat("ä", 150)
	for _, c := range []struct {
		err   error
		text  string
		kinds []string
	}{
		{&coviu.ValidationError{Field: "StartTime", Reason: "is required"}, "coviu: invalid StartTime: is required", []string{"ErrInvalidRequest"}},
		{&coviu.APIError{Operation: "GET /sessions", StatusCode: 400}, "coviu: GET /sessions: 400 Bad Request", []string{"ErrBadRequest"}},
		{&coviu.APIError{Operation: "GET /sessions", StatusCode: 401}, "coviu: GET /sessions: 401 Unauthorized", []string{"ErrUnauthorized"}},
		{&coviu.APIError{Operation: "GET /sessions", StatusCode: 403}, "coviu: GET /sessions: 403 Forbidden", []string{"ErrForbidden"}},
		{
			&coviu.APIError{Operation: "GET /sessions/{session_id}", StatusCode: 404, Code: "404", Message: "session not found", Attempts: 3},
			`coviu: GET /sessions/{session_id}: 404 Not Found: "session not found" (3 attempts)`,
			[]string{"ErrNotFound"},
		},
		{&coviu.APIError{Operation: "PUT /x", StatusCode: 409, Attempts: 1}, "coviu: PUT /x: 409 Conflict", []string{"ErrConflict"}},
		{&coviu.APIError{Operation: "PUT /x", StatusCode: 418}, "coviu: PUT /x: 418 I'm a teapot", nil},
		{&coviu.APIError{Operation: "PUT /x", StatusCode: 429}, "coviu: PUT /x: 429 Too Many Requests", []string{"ErrRateLimited"}},
		{&coviu.APIError{Operation: "PUT /x", StatusCode: 500}, "coviu: PUT /x: 500 Internal Server Error", []string{"ErrServer"}},
		{&coviu.APIError{Operation: "PUT /x", StatusCode: 599}, "coviu: PUT /x: 599", []string{"ErrServer"}},
		{&coviu.APIError{Operation: "PUT /x", StatusCode: 307}, "coviu: PUT /x: 307 Temporary Redirect", nil},
		{&coviu.APIError{Operation: "PUT /x", StatusCode: 200, Message: "a\n\"b\"\x00"}, `coviu: PUT /x: 200 OK: "a\n\"b\"\x00"`, nil},
		{
			&coviu.APIError{Operation: "PUT /x", StatusCode: 400, Message: "x" + long},
			`coviu: PUT /x: 400 Bad Request: "x` + long[:198] + `"`,
			[]string{"ErrBadRequest"},
		},
		{
			&coviu.APIError{Operation: "PUT /x", StatusCode: 400, Message: long},
			`coviu: PUT /x: 400 Bad Request: "` + long[:200] + `"`,
			[]string{"ErrBadRequest"},
		},
		{&coviu.DecodeError{Operation: "GET /sessions", StatusCode: 200}, "coviu: GET /sessions: 200 OK: unexpected response", []string{"ErrUnexpectedResponse"}},
		{
			&coviu.DecodeError{Operation: "GET /sessions", StatusCode: 200, Field: "content[3].start_time"},
			"coviu: GET /sessions: 200 OK: unexpected response: content[3].start_time",
			[]string{"ErrUnexpectedResponse"},
		},
		{&coviu.TokenError{Grant: "client_credentials", StatusCode: 200}, "coviu: token request (client_credentials): 200 OK: the reply is no grant", nil},
		{
			&coviu.TokenError{Grant: "client_credentials", StatusCode: 401, Code: "invalid_client", Description: "hidden"},
			`coviu: token request (client_credentials): 401 Unauthorized: "invalid_client"`,
			[]string{"ErrAuthentication"},
		},
		{&coviu.TokenError{Grant: "client_credentials", StatusCode: 400, Code: "invalid_grant"}, `coviu: token request (client_credentials): 400 Bad Request: "invalid_grant"`, []string{"ErrAuthentication"}},
		{&coviu.TokenError{Grant: "client_credentials", StatusCode: 403}, "coviu: token request (client_credentials): 403 Forbidden", []string{"ErrAuthentication"}},
		{
			&coviu.TokenError{Grant: "refresh_token", StatusCode: 400, Code: "invalid_grant"},
			`coviu: token request (refresh_token): 400 Bad Request: "invalid_grant"`,
			[]string{"ErrAuthentication", "ErrReauthorize"},
		},
		{
			&coviu.TokenError{Grant: "authorization_code", StatusCode: 500, Code: "invalid_grant"},
			`coviu: token request (authorization_code): 500 Internal Server Error: "invalid_grant"`,
			[]string{"ErrAuthentication", "ErrReauthorize", "ErrServer"},
		},
		{&coviu.TokenError{Grant: "refresh_token", StatusCode: 400, Code: "invalid_client"}, `coviu: token request (refresh_token): 400 Bad Request: "invalid_client"`, []string{"ErrAuthentication"}},
		{&coviu.TokenError{Grant: "refresh_token", StatusCode: 429}, "coviu: token request (refresh_token): 429 Too Many Requests", []string{"ErrRateLimited"}},
		{&coviu.TokenError{Grant: "refresh_token", StatusCode: 503}, "coviu: token request (refresh_token): 503 Service Unavailable", []string{"ErrServer"}},
		{&coviu.TokenError{Grant: "refresh_token", StatusCode: 404}, "coviu: token request (refresh_token): 404 Not Found", nil},
		{
			&coviu.OutcomeUnknownError{Operation: "POST /sessions", Err: &coviu.APIError{Operation: "POST /sessions", StatusCode: 503}},
			"coviu: POST /sessions: outcome unknown: 503 Service Unavailable",
			[]string{"ErrOutcomeUnknown", "ErrServer"},
		},
		{&coviu.OutcomeUnknownError{Operation: "POST /sessions", Err: context.Canceled}, "coviu: POST /sessions: outcome unknown: context canceled", []string{"ErrOutcomeUnknown"}},
		{&coviu.OutcomeUnknownError{Operation: "POST /sessions"}, "coviu: POST /sessions: outcome unknown", []string{"ErrOutcomeUnknown"}},
		{
			&coviu.ListError{Page: 4, PageSize: 20, Err: &coviu.APIError{Operation: "GET /sessions", StatusCode: 404}},
			"coviu: list stopped at page 4: GET /sessions: 404 Not Found",
			[]string{"ErrNotFound"},
		},
		{&coviu.ListError{}, "coviu: list stopped at page 0", nil},
		{&coviu.KeyError{Sessions: []coviu.Session{{SessionID: "s"}}}, "coviu: key taken", nil},
	} {
		t.Run(c.text, func(t *testing.T) {
			require.EqualError(t, c.err, c.text)
			require.NotContains(t, c.text, "\n")
			requireKinds(t, c.err, c.kinds...)
			require.Equal(t, "wrapped: "+c.text, fmt.Errorf("wrapped: %w", c.err).Error())
		})
	}
	require.ErrorIs(t, &coviu.OutcomeUnknownError{Err: context.Canceled}, context.Canceled)
	require.ErrorIs(t, &coviu.ListError{Err: context.DeadlineExceeded}, context.DeadlineExceeded)
	require.NotErrorIs(t, &coviu.APIError{StatusCode: 418}, nil)
}

func TestANilErrorOfEachTypeIsHarmless(t *testing.T) {
	for _, err := range []error{
		(*coviu.ValidationError)(nil), (*coviu.APIError)(nil), (*coviu.DecodeError)(nil), (*coviu.TokenError)(nil),
		(*coviu.OutcomeUnknownError)(nil), (*coviu.ListError)(nil), (*coviu.KeyError)(nil),
	} {
		t.Run(fmt.Sprintf("%T", err), func(t *testing.T) {
			require.True(t, strings.HasPrefix(err.Error(), "coviu: "), err.Error())
			requireKinds(t, err)
			require.NoError(t, errors.Unwrap(err))
			require.NotPanics(t, func() { _ = fmt.Sprintf("%v %+v %#v %q %d", err, err, err, err, err) })
		})
	}
}

func TestFault29_HTMLInPlaceOfAReply(t *testing.T) {
	page := fixture(t, "error_page.html")
	words := []string{"captive", "portal", "html", "<", "Sign", "canary"}
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(page))
		}
	}
	for status, kind := range map[int]string{200: "ErrUnexpectedResponse", 401: "ErrUnauthorized", 502: "ErrServer", 503: "ErrServer"} {
		for _, e := range tenEndpoints() {
			t.Run(fmt.Sprint(status, " ", e.operation), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := inMemory(t, html(status))
					far.grant = freshGrants()
					got, err := e.call(t.Context(), far.client(t), "id")
					requireNothing(t, got)
					want, tokens, kinds := 1, 1, []string{kind}
					switch {
					case status == 401:
						// One replay with another token.
						want, tokens = 2, 2
					case e.isPOST():
						kinds = append(kinds, "ErrOutcomeUnknown")
					case status != 200:
						want = 3
						if e.method() == http.MethodDelete {
							// Each of the three may have been carried out.
							kinds = append(kinds, "ErrOutcomeUnknown")
						}
					}
					requireKinds(t, err, kinds...)
					require.Len(t, far.received(), want)
					require.Len(t, far.tokenRequests(), tokens)
					if refused, ok := errors.AsType[*coviu.APIError](err); ok {
						require.Equal(t, status, refused.StatusCode)
						require.Empty(t, refused.Message+refused.Code)
						require.Equal(t, page, string(refused.Body))
						require.Equal(t, want, refused.Attempts)
					}
					for _, text := range printed(err) {
						for _, word := range words {
							require.NotContains(t, text, word)
						}
					}
				})
			})
		}
	}
}

// freshGrants grants another token each time.
func freshGrants() http.HandlerFunc {
	granted := 0
	return func(w http.ResponseWriter, r *http.Request) {
		granted++
		says(200, fmt.Sprintf(`{"access_token":"a-%d","refresh_token":"r-%d","expires_in":3600}`, granted, granted))(w, r)
	}
}

func TestATextOfAFailureNamesTheOperationOnce(t *testing.T) {
	for name, c := range map[string]struct {
		answer, grant http.HandlerFunc
		create, get   string
	}{
		"a refusal": {
			answer: says(404, `{"message":"no such thing"}`),
			create: `coviu: POST /sessions: 404 Not Found: "no such thing"`,
			get:    `coviu: GET /sessions/{session_id}: 404 Not Found: "no such thing"`,
		},
		"an outage": {
			answer: says(503, ``),
			create: `coviu: POST /sessions: outcome unknown: 503 Service Unavailable`,
			get:    `coviu: GET /sessions/{session_id}: 503 Service Unavailable (3 attempts)`,
		},
		"nonsense": {
			answer: says(200, `{"session_id":7}`),
			create: `coviu: POST /sessions: outcome unknown: 200 OK: unexpected response: session_id: `,
			get:    `coviu: GET /sessions/{session_id}: 200 OK: unexpected response: session_id: `,
		},
		"a lost connection": {
			answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			create: `coviu: POST /sessions: outcome unknown: connection closed before a reply`,
			get:    `coviu: GET /sessions/{session_id}: connection closed before a reply (3 attempts)`,
		},
		"no token": {
			grant:  says(401, `{"error":"invalid_client","error_description":"no such key"}`),
			create: `coviu: POST /sessions: token request (client_credentials): 401 Unauthorized: "invalid_client"`,
			get:    `coviu: GET /sessions/{session_id}: token request (client_credentials): 401 Unauthorized: "invalid_client"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := inMemory(t, c.answer)
				far.grant = c.grant
				client := far.client(t)
				_, err := client.Sessions.Create(t.Context(), bookingRequest())
				require.ErrorContains(t, err, c.create)
				require.True(t, strings.HasPrefix(err.Error(), c.create), err.Error())
				_, err = client.Sessions.Get(t.Context(), "id", nil)
				require.True(t, strings.HasPrefix(err.Error(), c.get), err.Error())
			})
		})
	}
}
