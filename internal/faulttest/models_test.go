package faulttest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

// unreadable holds replies that are no session, participant or page.
var unreadable = map[string]http.HandlerFunc{
	"200 without a body": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") },
	"201 without a body": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) },
	"204":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"205":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusResetContent) },
	"206":                apitest.Reply(206, `{"session_id":"s","participant_id":"p","content":[],"ok":true}`),
	"null":               apitest.Reply(200, `null`),
	"[]":                 apitest.Reply(200, `[]`),
	"{}":                 apitest.Reply(200, `{}`),
	`""`:                 apitest.Reply(200, `""`),
	"0":                  apitest.Reply(200, `0`),
	"true":               apitest.Reply(200, `true`),
	"no id":              apitest.Reply(200, `{"start_time":"2026-03-02T09:00:00Z"}`),
	"empty id":           apitest.Reply(200, `{"session_id":"","participant_id":""}`),
	"null id":            apitest.Reply(200, `{"session_id":null,"participant_id":null}`),
	"item without id":    apitest.Reply(200, `{"content":[{"session_id":null}],"more":false}`),
	"items without id":   apitest.Reply(200, `[{"display_name":"x"}]`),
	"empty item":         apitest.Reply(200, `{"content":[{}]}`),
	"null item":          apitest.Reply(200, `{"content":[null]}`),
	"blank":              apitest.Reply(200, " \n"),
}

// readable holds the exceptions: these replies are valid for these endpoints.
var readable = map[string][]string{
	"GET /sessions/{session_id}/participants": {"null", "[]"},
	"DELETE /sessions/{session_id}":           {"200 without a body", "201 without a body", "204", "205"},
	"DELETE /participants/{participant_id}":   {"200 without a body", "201 without a body", "204", "205"},
}

func TestFault26_NoModelWhereOneIsDue(t *testing.T) {
	for _, e := range apitest.Endpoints() {
		for name, answer := range unreadable {
			t.Run(e.Operation+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := apitest.NewInMemoryServer(t, answer)
					got, err := e.Call(t.Context(), api.Client(t), "id")
					if slices.Contains(readable[e.Operation], name) {
						require.NoError(t, err)
						return
					}
					require.Nil(t, got)
					var unread *coviu.DecodeError
					require.ErrorAs(t, err, &unread)
					require.Equal(t, e.Operation, unread.Operation)
					require.Equal(t, 2, unread.StatusCode/100)
					require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
					want, unknown := 1, e.IsPOST()
					if name == "blank" && !e.IsPOST() {
						// The rest of the body may have been lost, so the request is repeated.
						want, unknown = 3, e.Method() == http.MethodDelete
					}
					require.Len(t, api.Calls(), want)
					require.Equal(t, unknown, errors.Is(err, coviu.ErrOutcomeUnknown))
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
				api := apitest.NewInMemoryServer(t, answer)
				c := api.Client(t)
				done, err := c.Sessions.Delete(t.Context(), "id")
				require.NoError(t, err)
				require.Equal(t, &coviu.UnitResponse{OK: true}, done)
				done, err = c.Participants.Delete(t.Context(), "id")
				require.NoError(t, err)
				require.Equal(t, &coviu.UnitResponse{OK: true}, done)
				require.Len(t, api.Calls(), 2)
			})
		})
	}
}

func TestFault28_DeletionThatIsNotOK(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "unit_refused.json")))
	c := api.Client(t)
	for _, remove := range []func() (*coviu.UnitResponse, error){
		func() (*coviu.UnitResponse, error) { return c.Sessions.Delete(t.Context(), "id") },
		func() (*coviu.UnitResponse, error) { return c.Participants.Delete(t.Context(), "id") },
	} {
		done, err := remove()
		require.Nil(t, done)
		var refused *coviu.APIError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 200, refused.StatusCode)
		require.Equal(t, 1, refused.Attempts)
		require.JSONEq(t, `{"ok":false}`, string(refused.Body))
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, coviu.ErrUnexpectedResponse)
	}
	require.Len(t, api.Calls(), 2)
}

func TestFault29_HTMLInPlaceOfAReply(t *testing.T) {
	page := apitest.Fixture(t, "error_page.html")
	words := []string{"captive", "portal", "html", "<", "Sign", "canary"}
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(page))
		}
	}
	for status, kind := range map[int]string{200: "ErrUnexpectedResponse", 401: "ErrUnauthorized", 502: "ErrServer", 503: "ErrServer"} {
		for _, e := range apitest.Endpoints() {
			t.Run(fmt.Sprint(status, " ", e.Operation), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := apitest.NewInMemoryServer(t, html(status))
					api.TokenAnswer = freshGrants()
					got, err := e.Call(t.Context(), api.Client(t), "id")
					require.Nil(t, got)
					want, tokens, kinds := 1, 1, []string{kind}
					switch {
					case status == 401:
						// One replay with another token.
						want, tokens = 2, 2
					case e.IsPOST():
						kinds = append(kinds, "ErrOutcomeUnknown")
					case status != 200:
						want = 3
						if e.Method() == http.MethodDelete {
							// Each of the three may have been carried out.
							kinds = append(kinds, "ErrOutcomeUnknown")
						}
					}
					apitest.RequireKinds(t, err, kinds...)
					require.Len(t, api.Calls(), want)
					require.Len(t, api.TokenRequests(), tokens)
					if refused, ok := errors.AsType[*coviu.APIError](err); ok {
						require.Equal(t, status, refused.StatusCode)
						require.Empty(t, refused.Message+refused.Code)
						require.Equal(t, page, string(refused.Body))
						require.Equal(t, want, refused.Attempts)
					}
					for _, text := range apitest.Printed(err) {
						for _, word := range words {
							require.NotContains(t, text, word)
						}
					}
				})
			})
		}
	}
}

// freshGrants answers each token request with a new token.
func freshGrants() http.HandlerFunc {
	granted := 0
	return func(w http.ResponseWriter, r *http.Request) {
		granted++
		apitest.Reply(200, fmt.Sprintf(`{"access_token":"a-%d","refresh_token":"r-%d","expires_in":3600}`, granted, granted))(w, r)
	}
}
