package coviutest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

var replyRules = []conformance{
	{
		rule: `errors have the form {"error":{"code":404,"message":"…"}}`,
		raw: func(t *testing.T, w *wire) {
			got := w.do("GET", "/sessions/nobody", "").is(404)
			assert.JSONEq(t, `{"error":{"code":404,"message":"session not found"}}`, got.body)
			assert.Equal(t, "application/json", got.header.Get("Content-Type"))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			_, err := c.Sessions.Get(t.Context(), "nobody", nil)
			var refused *coviu.APIError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, "404", refused.Code)
			assert.Equal(t, "session not found", refused.Message)
		},
	},
	{
		rule: "requests without Accept are accepted",
		raw: func(t *testing.T, w *wire) {
			got := w.send("GET", "/sessions", "", "Authorization", "Bearer "+w.token).is(200)
			assert.Equal(t, "application/json", got.header.Get("Content-Type"))
		},
	},
	{
		rule: "Content-Type on a GET or DELETE without a body is accepted",
		raw: func(_ *testing.T, w *wire) {
			id := w.book(time.Hour)
			w.send("GET", "/sessions/"+id, "", "Authorization", "Bearer "+w.token, "Content-Type", "application/json").is(200)
			w.send("DELETE", "/sessions/"+id, "", "Authorization", "Bearer "+w.token, "Content-Type", "application/json").is(200)
		},
	},
	{
		rule: `\/ escapes in JSON are accepted`,
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour, `"picture":"https:\/\/p.example\/1.png"`)
			assert.Equal(t, "https://p.example/1.png", w.do("GET", "/sessions/"+id, "").text("picture"))
		},
	},
	{
		rule: "text is kept, whatever it holds",
		raw: func(t *testing.T, w *wire) {
			id := w.book(time.Hour, `"session_name":"Zoë \"☂\" <b>&amp;\\\u0000\ud83d\ude00"`)
			assert.Equal(t, "Zoë \"☂\" <b>&amp;\\\x00😀", w.do("GET", "/sessions/"+id, "").text("session_name"))
		},
	},
	{
		rule: "participants are always an array, empty included",
		raw: func(t *testing.T, w *wire) {
			w.book(time.Hour)
			assert.Equal(t, []any{}, w.do("GET", "/sessions", "").get("content.0.participants"))
		},
	},
	{
		rule: "no gzip that was not asked for",
		raw: func(t *testing.T, w *wire) {
			got := w.send("GET", "/sessions", "", "Authorization", "Bearer "+w.token, "Accept-Encoding", "identity").is(200)
			assert.Empty(t, got.header.Get("Content-Encoding"))
			assert.Equal(t, "{", got.body[:1])
		},
	},
	{
		rule: "bodies that are no JSON object are refused",
		raw: func(_ *testing.T, w *wire) {
			id := w.book(time.Hour)
			for _, body := range []string{"", "null", "[]", "5", `"x"`, "{", `{"a":1}{}`, `{"a":1} x`, "\ufeff{}", "{'a':1}", strings.Repeat("[", 20_000)} {
				w.do("PUT", "/sessions/"+id, body).is(400)
			}
			w.do("PUT", "/sessions/"+id, `{"session_name":"`+strings.Repeat("x", 1<<20)+`"}`).is(413)
		},
	},
	{
		rule: "the Date header is the server's time",
		raw: func(t *testing.T, w *wire) {
			w.s.Advance(36 * time.Minute)
			assert.Equal(t, "Wed, 01 Jun 2016 09:36:00 GMT", w.do("GET", "/sessions", "").header.Get("Date"))
		},
	},
}
