package dotest_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// recorder is a transport that keeps the request line of each request and answers
// none.
type recorder struct{ lines []string }

var errNoAnswer = errors.New("no answer")

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return nil, err
	}
	line, _, _ := strings.Cut(wire.String(), "\r\n")
	r.lines = append(r.lines, line)
	return nil, errNoAnswer
}

func (r *recorder) client(t testing.TB) *coviu.Client {
	t.Helper()
	return clientOver(t, r, fixedToken(), coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
}

func TestFault76_RoutesThatCannotBeSent(t *testing.T) {
	id := []string{"a"}
	rows := []struct {
		name, field string
		call        coviu.Call
	}{
		{"nothing", "Route", coviu.Call{}},
		{"no path", "Route", coviu.Call{Route: "GET"}},
		{"an empty path", "Route", coviu.Call{Route: "GET "}},
		{"only a slash", "Route", coviu.Call{Route: "GET /"}},
		{"no verb", "Route", coviu.Call{Route: "/user/team"}},
		{"no slash", "Route", coviu.Call{Route: "GET user/team"}},
		{"PATCH", "Route", coviu.Call{Route: "PATCH /user/team"}},
		{"HEAD", "Route", coviu.Call{Route: "HEAD /user/team"}},
		{"CONNECT", "Route", coviu.Call{Route: "CONNECT /user/team"}},
		{"lower case", "Route", coviu.Call{Route: "get /user/team"}},
		{"a tab", "Route", coviu.Call{Route: "GET\t/user/team"}},
		{"two blanks", "Route", coviu.Call{Route: "GET  /user/team"}},
		{"a blank at the start", "Route", coviu.Call{Route: " GET /user/team"}},
		{"a blank at the end", "Route", coviu.Call{Route: "GET /user/team "}},
		{"a protocol", "Route", coviu.Call{Route: "GET /user/team HTTP/1.1"}},
		{"a dot segment", "Route", coviu.Call{Route: "GET /user/./team"}},
		{"two dots", "Route", coviu.Call{Route: "GET /user/../team"}},
		{"two dots at the end", "Route", coviu.Call{Route: "GET /user/.."}},
		{"a query", "Route", coviu.Call{Route: "GET /user/team?x=1"}},
		{"a fragment", "Route", coviu.Call{Route: "GET /user/team#x"}},
		{"percent", "Route", coviu.Call{Route: "GET /user%2fteam"}},
		{"encoded dots", "Route", coviu.Call{Route: "GET /%2e%2e/team"}},
		{"a backslash", "Route", coviu.Call{Route: `GET /user\team`}},
		{"a semicolon", "Route", coviu.Call{Route: "GET /user;x/team"}},
		{"a host", "Route", coviu.Call{Route: "GET //example.com/team"}},
		{"a URL", "Route", coviu.Call{Route: "GET https://example.com/team"}},
		{"an empty segment", "Route", coviu.Call{Route: "GET /user//team"}},
		{"a slash at the end", "Route", coviu.Call{Route: "GET /user/team/"}},
		{"a line break", "Route", coviu.Call{Route: "GET /user/team\r\nHost: example.com"}},
		{"NUL", "Route", coviu.Call{Route: "GET /user/te\x00am"}},
		{"not ASCII", "Route", coviu.Call{Route: "GET /user/té"}},
		{"a long segment", "Route", coviu.Call{Route: "GET /" + strings.Repeat("a", 129)}},
		{"text before a placeholder", "Route", coviu.Call{Route: "GET /s-{id}", Args: id}},
		{"text behind a placeholder", "Route", coviu.Call{Route: "GET /{id}.json", Args: id}},
		{"two placeholders in a segment", "Route", coviu.Call{Route: "GET /{a}{b}", Args: id}},
		{"a placeholder in a placeholder", "Route", coviu.Call{Route: "GET /{{id}}", Args: id}},
		{"no closing brace", "Route", coviu.Call{Route: "GET /{id", Args: id}},
		{"no opening brace", "Route", coviu.Call{Route: "GET /id}", Args: id}},
		{"one brace", "Route", coviu.Call{Route: "GET /{", Args: id}},
		{"a slash between braces", "Route", coviu.Call{Route: "GET /{a/b}", Args: id}},
		{"a placeholder without a name", "Route", coviu.Call{Route: "GET /{}", Args: id}},
		{"a line break in a name", "Route", coviu.Call{Route: "GET /{a\r\nb}", Args: id}},
		{"a blank in a name", "Route", coviu.Call{Route: "GET /{a b}", Args: id}},
		{"no arguments", "Args", coviu.Call{Route: "GET /{id}"}},
		{"too few arguments", "Args", coviu.Call{Route: "GET /{a}/x/{b}", Args: id}},
		{"too many arguments", "Args", coviu.Call{Route: "GET /{id}", Args: []string{"a", "b"}}},
		{"an argument without a placeholder", "Args", coviu.Call{Route: "GET /user/team", Args: id}},
		{"an empty argument", "Args", coviu.Call{Route: "GET /{id}", Args: []string{""}}},
		{"dots as an argument", "Args", coviu.Call{Route: "GET /{id}", Args: []string{".."}}},
		{"a slash in an argument", "Args", coviu.Call{Route: "GET /{id}", Args: []string{"a/b"}}},
		{"a query in an argument", "Args", coviu.Call{Route: "GET /{id}", Args: []string{"a?b"}}},
		{"a placeholder as an argument", "Args", coviu.Call{Route: "GET /{id}", Args: []string{"{id}"}}},
		{"a body that JSON can't hold", "Body", coviu.Call{Route: "POST /x", Body: make(chan int)}},
		{"Into is no pointer", "Into", coviu.Call{Route: "GET /x", Into: struct{}{}}},
		{"Into is a nil pointer", "Into", coviu.Call{Route: "GET /x", Into: (*int)(nil)}},
		{"Into is a nil writer", "Into", coviu.Call{Route: "GET /x", Into: (*bytes.Buffer)(nil)}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var sent recorder
			err := sent.client(t).Do(t.Context(), row.call)
			requireInvalid(t, err, row.field)
			require.Empty(t, sent.lines)
			for _, arg := range row.call.Args {
				if len(arg) > 1 {
					require.NotContains(t, err.Error(), arg)
				}
			}
		})
	}
}

func TestFault76_ClientAndContextAreChecked(t *testing.T) {
	call := coviu.Call{Route: "GET /user/team"}
	requireInvalid(t, (*coviu.Client)(nil).Do(t.Context(), call), "client")
	requireInvalid(t, new(coviu.Client).Do(t.Context(), call), "client")
	var sent recorder
	requireInvalid(t, sent.client(t).Do(nil, call), "context") //nolint:staticcheck // it is what is tested
	require.Empty(t, sent.lines)
}

func TestFault76_RoutesThatAreSent(t *testing.T) {
	rows := []struct {
		route string
		args  []string
		line  string
	}{
		{"GET /user/team", nil, "GET /v1/user/team HTTP/1.1"},
		{"GET /sessions/{session_id}/summary", []string{"s-1"}, "GET /v1/sessions/s-1/summary HTTP/1.1"},
		{"PUT /{a}/x/{b}", []string{"b", "a"}, "PUT /v1/b/x/a HTTP/1.1"},
		{"DELETE /{a}/{a}", []string{"1", "2"}, "DELETE /v1/1/2 HTTP/1.1"},
		{"POST /waiting/{teamId}/calls/{call-id}", []string{"a@b", "...:80"}, "POST /v1/waiting/a@b/calls/...:80 HTTP/1.1"},
	}
	for _, row := range rows {
		var sent recorder
		require.ErrorIs(t, sent.client(t).Do(t.Context(), coviu.Call{Route: row.route, Args: row.args}), errNoAnswer)
		require.Equal(t, []string{row.line}, sent.lines)
	}
}

// FuzzFault76_Route holds every route and argument to one of two results: it is
// refused and nothing is sent, or each argument is one segment of the path.
func FuzzFault76_Route(f *testing.F) {
	for _, route := range []string{
		"GET /user/team", summaryRoute, "POST /{a}/{b}", "PATCH /x", "GET /../x", "GET //host/x", "GET /x?y", "GET /x#y",
		"GET /%2e", `GET /a\b`, "GET /a\r\nb", "GET /a//b", "GET /a{b}c", "GET /{a", "GET /a}", "GET /{a}{b}", "GET /{}", "GET /{\n}",
	} {
		f.Add(route, "a", "b", byte(0))
		f.Add(route, sessionID, "..", byte(1))
		f.Add(route, "a/b", "%2f", byte(2))
	}
	f.Fuzz(func(t *testing.T, route, first, second string, count byte) {
		args := []string{first, second}[:count%3]
		var sent recorder
		err := sent.client(t).Do(t.Context(), coviu.Call{Route: route, Args: args})
		if errors.Is(err, coviu.ErrInvalidRequest) {
			require.Empty(t, sent.lines)
			return
		}
		require.ErrorIs(t, err, errNoAnswer)
		require.Contains(t, err.Error(), route)
		require.NotContains(t, route, "\n")
		method, path, _ := strings.Cut(route, " ")
		want := strings.Split("/v1"+path, "/")
		for i, segment := range want {
			if strings.HasPrefix(segment, "{") {
				require.NotContains(t, segment[1:len(segment)-1], "{")
				want[i], args = args[0], args[1:]
			}
			require.NotContains(t, []string{".", ".."}, want[i])
			require.False(t, strings.ContainsAny(want[i], "?#%\\ {}"), "%q", want[i])
		}
		require.Empty(t, args)
		require.Equal(t, []string{method + " " + strings.Join(want, "/") + " HTTP/1.1"}, sent.lines)
	})
}
