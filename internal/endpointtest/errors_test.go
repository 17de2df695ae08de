package endpointtest

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
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func TestEveryErrorHasItsSentinelsAndOneLineOfText(t *testing.T) {
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
		{&coviu.TokenError{Grant: "client_credentials", StatusCode: 200}, "coviu: token request (client_credentials): 200 OK: the reply has no token", nil},
		{
			&coviu.TokenError{Grant: "client_credentials", StatusCode: 401, Code: "invalid_client", Description: "hidden"},
			`coviu: token request (client_credentials): 401 Unauthorized: "invalid_client" (check the API key and the key secret)`,
			[]string{"ErrAuthentication"},
		},
		{&coviu.TokenError{Grant: "client_credentials", StatusCode: 400, Code: "invalid_grant"}, `coviu: token request (client_credentials): 400 Bad Request: "invalid_grant" (check the API key and the key secret)`, []string{"ErrAuthentication"}},
		{
			&coviu.TokenError{Grant: "refresh_token", Code: "invalid_grant"},
			`coviu: token request (refresh_token): "invalid_grant" (nothing was sent: there is no usable refresh token)`,
			[]string{"ErrAuthentication", "ErrReauthorize"},
		},
		{&coviu.TokenError{Grant: "client_credentials", StatusCode: 403}, "coviu: token request (client_credentials): 403 Forbidden (check the API key and the key secret)", []string{"ErrAuthentication"}},
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
		{&coviu.TokenError{Grant: "refresh_token", StatusCode: 404}, "coviu: token request (refresh_token): 404 Not Found (check the base URL: it ends in \"/v1\" by default)", nil},
		{
			&coviu.OutcomeUnknownError{Operation: "POST /sessions", Err: &coviu.APIError{Operation: "POST /sessions", StatusCode: 503}},
			"coviu: POST /sessions: outcome unknown: 503 Service Unavailable",
			[]string{"ErrOutcomeUnknown", "ErrServer"},
		},
		{&coviu.OutcomeUnknownError{Operation: "POST /sessions", Err: context.Canceled}, "coviu: POST /sessions: outcome unknown: context canceled", []string{"ErrOutcomeUnknown"}},
		{&coviu.OutcomeUnknownError{Operation: "POST /sessions"}, "coviu: POST /sessions: outcome unknown", []string{"ErrOutcomeUnknown"}},
		{
			&coviu.ListError{Page: 4, PageSize: 20, Err: &coviu.APIError{Operation: "GET /sessions", StatusCode: 404}},
			"coviu: list stopped at page 4: GET /sessions: 404 Not Found (check the base URL: it ends in \"/v1\" by default)",
			[]string{"ErrNotFound"},
		},
		{&coviu.ListError{}, "coviu: list stopped at page 0", nil},
		{&coviu.KeyError{Sessions: []coviu.Session{{SessionID: "s"}}}, "coviu: key taken", nil},
	} {
		t.Run(c.text, func(t *testing.T) {
			require.EqualError(t, c.err, c.text)
			require.NotContains(t, c.text, "\n")
			apitest.RequireKinds(t, c.err, c.kinds...)
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
			apitest.RequireKinds(t, err)
			require.NoError(t, errors.Unwrap(err))
			require.NotPanics(t, func() { _ = fmt.Sprintf("%v %+v %#v %q %d", err, err, err, err, err) })
		})
	}
}

func TestAnErrorTextNamesTheOperationOnce(t *testing.T) {
	for name, c := range map[string]struct {
		answer, grant http.HandlerFunc
		create, get   string
	}{
		"a refusal": {
			answer: apitest.Reply(404, `{"message":"no such thing"}`),
			create: `coviu: POST /sessions: 404 Not Found: "no such thing"`,
			get:    `coviu: GET /sessions/{session_id}: 404 Not Found: "no such thing"`,
		},
		"an outage": {
			answer: apitest.Reply(503, ``),
			create: `coviu: POST /sessions: outcome unknown: 503 Service Unavailable`,
			get:    `coviu: GET /sessions/{session_id}: 503 Service Unavailable (3 attempts)`,
		},
		"nonsense": {
			answer: apitest.Reply(200, `{"session_id":7}`),
			create: `coviu: POST /sessions: outcome unknown: 200 OK: unexpected response: session_id: `,
			get:    `coviu: GET /sessions/{session_id}: 200 OK: unexpected response: session_id: `,
		},
		"a lost connection": {
			answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			create: `coviu: POST /sessions: outcome unknown: connection closed before a reply`,
			get:    `coviu: GET /sessions/{session_id}: connection closed before a reply (3 attempts)`,
		},
		"no token": {
			grant:  apitest.Reply(401, `{"error":"invalid_client","error_description":"no such key"}`),
			create: `coviu: POST /sessions: token request (client_credentials): 401 Unauthorized: "invalid_client" (check the API key and the key secret)`,
			get:    `coviu: GET /sessions/{session_id}: token request (client_credentials): 401 Unauthorized: "invalid_client"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := apitest.NewInMemoryServer(t, c.answer)
				api.TokenAnswer = c.grant
				client := api.Client(t)
				_, err := client.Sessions.Create(t.Context(), apitest.Booking())
				require.ErrorContains(t, err, c.create)
				require.True(t, strings.HasPrefix(err.Error(), c.create), err.Error())
				_, err = client.Sessions.Get(t.Context(), "id", nil)
				require.True(t, strings.HasPrefix(err.Error(), c.get), err.Error())
			})
		})
	}
}

func TestANumericErrorCodeKeepsAllDigits(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	server.Fail("GET /sessions", coviutest.Status(http.StatusBadRequest, nil, `{"error":{"code":9007199254740993}}`))
	_, err := server.Client(t).Sessions.List(t.Context(), nil)
	answer, ok := errors.AsType[*coviu.APIError](err)
	require.True(t, ok)
	require.Equal(t, "9007199254740993", answer.Code)
}
