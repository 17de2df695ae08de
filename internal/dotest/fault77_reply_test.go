package dotest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// visit is what a program reads from a reply.
type visit struct {
	Started time.Time `json:"start_time"`
	Minutes int       `json:"minutes"`
	People  []struct {
		Role string `json:"role"`
	} `json:"participants"`
	Code  strictCode     `json:"code"`
	Seats map[string]int `json:"seats"`
}

// strictCode reads itself, and quotes what it can't read.
type strictCode string

var errStrict = errors.New("strict")

func (c *strictCode) UnmarshalJSON(text []byte) error {
	if string(text) != `"ok"` {
		return fmt.Errorf("%w: no code: %s", errStrict, text)
	}
	*c = "ok"
	return nil
}

func TestFault77_IntoIsSetOnlyOnSuccess(t *testing.T) {
	rows := []struct{ name, body, field, secret string }{
		{"wrong type", `{"minutes":"twelve-canary"}`, "minutes", "canary"},
		{"wrong number", `{"minutes":7777777777777777777777}`, "minutes", "7777"},
		{"after good fields", `{"minutes":3,"participants":[{"role":"HOST"},{"role":4711}]}`, "participants.role", "4711"},
		{"the key of a map", `{"seats":{"canary":"x"}}`, "seats", "canary"},
		{"an array", `["canary"]`, "", "canary"},
		{"a string", `"canary"`, "", "canary"},
		{"null", `null`, "", "visit"},
		{"a type that quotes", `{"minutes":3,"code":"canary"}`, "", "canary"},
		{"a date that quotes", `{"minutes":3,"start_time":"canary"}`, "", "canary"},
		{"not JSON", `{"minutes":3} canary`, "", "canary"},
		{"nothing", ``, "", "visit"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(replying(row.body))
				got := visit{Minutes: 1, Code: "ok"}
				before := got
				e := requireDecodeError(t, summary(t.Context(), p.client(t), &got))
				require.Equal(t, before, got)
				require.Equal(t, row.field, e.Field)
				for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
					require.NotContains(t, text, row.secret)
				}
				require.Equal(t, 1, p.count())
			})
		})
	}
}

func TestFault77_CauseOfADecodingErrorIsReachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(replying(`{"code":"x"}`))
		require.ErrorIs(t, summary(t.Context(), p.client(t), new(visit)), errStrict)
	})
}

func TestFault77_IntoIsReplacedAsAWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(replying(`{"minutes":25}`))
		got := visit{Started: time.Now(), Code: "ok"}
		require.NoError(t, summary(t.Context(), p.client(t), &got))
		require.Equal(t, visit{Minutes: 25}, got)

		shared := map[string]int{"old": 1}
		into := shared
		require.NoError(t, summary(t.Context(), p.client(t), &into))
		require.Equal(t, map[string]int{"minutes": 25}, into)
		require.Equal(t, map[string]int{"old": 1}, shared)
	})
}

func TestFault77_NullIsAValueOnlyWhereTheTypeHasOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(replying(" null\n"))
		c := p.client(t)
		for _, into := range []any{new(visit), new(int), new(string), new(bool), new([2]int), new(coviu.Session), new(coviu.SessionPage), new(strictCode)} {
			requireDecodeError(t, summary(t.Context(), c, into))
		}
		pointer, list, table := new(visit), []int{1}, map[string]int{"a": 1}
		var anything any = 1
		var raw json.RawMessage
		for _, into := range []any{&pointer, &list, &table, &anything, &raw} {
			require.NoError(t, summary(t.Context(), c, into))
		}
		require.Nil(t, pointer)
		require.Nil(t, list)
		require.Nil(t, table)
		require.Nil(t, anything)
		require.JSONEq(t, "null", string(raw))
	})
}

func TestFault77_RepliesWithoutABody(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
		for _, status := range []int{http.StatusOK, http.StatusNoContent} {
			t.Run(fmt.Sprint(method, "/", status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPeer(func(conn net.Conn, _ *http.Request, _ int) { sendStatus(conn, status, "") })
					call := coviu.Call{Route: method + " /user/team"}
					require.NoError(t, p.client(t).Do(t.Context(), call), "nobody asked for a body")
					got := visit{Minutes: 1}
					call.Into = &got
					err := p.client(t).Do(t.Context(), call)
					if method == "DELETE" {
						require.NoError(t, err)
					} else {
						requireDecodeError(t, err)
					}
					require.Equal(t, visit{Minutes: 1}, got)
					require.Equal(t, 2, p.count())
				})
			})
		}
	}
}

func TestFault77_DeletionThatWasNotCarriedOut(t *testing.T) {
	rows := []struct {
		body   string
		failed bool
	}{
		{`{"ok":false}`, true},
		{`{"ok":false,"message":"has started"}`, true},
		{`{"ok":true}`, false},
		{`{"deleted":true}`, false},
		{`[]`, false},
		{`gone`, false},
	}
	for _, row := range rows {
		t.Run(row.body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(replying(row.body))
				got := coviu.UnitResponse{OK: true}
				for _, into := range []any{nil, &got} {
					err := p.client(t).Do(t.Context(), coviu.Call{Route: "DELETE /recordings/{id}", Args: []string{"a"}, Into: into})
					e, refused := errors.AsType[*coviu.APIError](err)
					require.Equal(t, row.failed, refused)
					if refused {
						require.Equal(t, http.StatusOK, e.StatusCode)
						require.Equal(t, "DELETE /recordings/{id}", e.Operation)
						require.True(t, got.OK, "Into is left as it was")
					} else if into == nil {
						require.NoError(t, err)
					}
				}
				require.Equal(t, 2, p.count())
			})
		})
	}
}

func TestFault77_BodyAndQueryAreSentAsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(replying("{}"))
		require.NoError(t, p.client(t).Do(t.Context(), coviu.Call{
			Route: "PUT /collections/{teamId}", Args: []string{"t-1"},
			Query: map[string][]string{"a b": {"x&y", "é"}},
			Body:  struct{ Name string }{"café"},
		}))
		r, body := p.request(0)
		require.Equal(t, "/v1/collections/t-1?a+b=x%26y&a+b=%C3%A9", r.RequestURI)
		require.JSONEq(t, `{"Name":"café"}`, body)
		require.Equal(t, []string{"application/json"}, r.Header["Content-Type"])
	})
}

func TestFault77_ErrorsNameTheRouteAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) { conn.Close() })
		call := coviu.Call{
			Route: "POST /sessions/{session_id}/notes", Args: []string{"canary-1"},
			Query: map[string][]string{"q": {"canary-2"}}, Body: "canary-3",
		}
		err := p.client(t).Do(t.Context(), call)
		require.Contains(t, err.Error(), "POST /sessions/{session_id}/notes")
		for _, v := range []any{err, call, &call, []coviu.Call{call}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
				require.NotContains(t, fmt.Sprintf(verb, v), "canary")
			}
		}
	})
}
