package coviutest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// variantRules are the options for what the service's documents contradict each
// other in.
var variantRules = []conformance{
	{
		rule:    "end_time by the end: only sessions that end before it",
		options: options(coviutest.WithEndTimeByEnd()),
		raw: func(t *testing.T, w *wire) {
			bookThree(w) // a starts at 3 h, b at 1 h, c at 2 h; each lasts an hour
			assert.Equal(t, []string{"b"}, w.names(escaped("end_time", in(3*time.Hour))))
			assert.Equal(t, []string{"b", "c"}, w.names(escaped("end_time", in(3*time.Hour+time.Millisecond))))
			assert.Equal(t, []string{"b", "c"}, w.names(escaped("end_time", "2016-06-01T12:00:00.0000001Z")))
			assert.Empty(t, w.names(escaped("end_time", in(2*time.Hour))))
			both := escaped("start_time", in(2*time.Hour)) + "&" + escaped("end_time", in(24*time.Hour))
			assert.Equal(t, []string{"c", "a"}, w.names(both))
			assert.Equal(t, []string{"a"}, w.names("order=reverse&page_size=1&"+both))
			assert.Equal(t, []string{"a", "b", "c"}, w.names(""))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			early, late := bookWith(t, c, time.Hour), bookWith(t, c, 2*time.Hour)
			page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{EndTime: late.EndTime})
			require.NoError(t, err)
			require.Len(t, page.Content, 1)
			assert.Equal(t, early.SessionID, page.Content[0].SessionID)
		},
	},
	{
		rule:    "end_time by the end and state: both hold",
		options: options(coviutest.WithEndTimeByEnd()),
		raw: func(t *testing.T, w *wire) {
			a, b, _ := bookThree(w)
			w.invite(a, `{"state":"x"}`)
			w.invite(b, `{"state":"x"}`)
			assert.Equal(t, []string{"b"}, w.names("state=x&"+escaped("end_time", in(4*time.Hour))))
		},
	},
	{
		rule:    "page_size of the content: the number of sessions in the page",
		options: options(coviutest.WithPageSizeOfContent()),
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			for page, want := range []float64{2, 1, 0} {
				got := w.do("GET", fmt.Sprintf("/sessions?page_size=2&page=%d", page), "").is(200)
				assert.Equal(t, want, got.get("page_size"))
				assert.Nil(t, got.get("page_count"))
			}
		},
	},
	{
		rule:    "page_count: the number of pages of the list",
		options: options(coviutest.WithPageCount(), coviutest.WithParticipantPages()),
		raw: func(t *testing.T, w *wire) {
			count := func(query string) any { return w.do("GET", "/sessions?"+query, "").is(200).get("page_count") }
			assert.InDelta(t, 0, count(""), 0)
			_, b, _ := bookThree(w)
			w.invite(b, `{"state":"x"}`)
			assert.InDelta(t, 1, count(""), 0)
			assert.InDelta(t, 2, count("page_size=2&page=9"), 0)
			assert.InDelta(t, 3, count("page_size=1"), 0)
			assert.InDelta(t, 1, count("page_size=1&state=x"), 0)
			assert.InDelta(t, 2, count("page_size=1&"+escaped("start_time", in(2*time.Hour))), 0)
			assert.InDelta(t, 1, w.do("GET", "/sessions/"+b+"/participants", "").get("page_count"), 0)
			w.do("DELETE", "/sessions/"+b, "").is(200)
			assert.InDelta(t, 2, count("page_size=1"), 0)
			assert.InDelta(t, 3, count("page_size=1&include_canceled=1"), 0)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			bookWith(t, c, time.Hour)
			page, err := c.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, 1, page.PageCount)
		},
	},
	{
		rule: "by default session_name and role may be left out",
		raw: func(_ *testing.T, w *wire) {
			w.invite(w.book(time.Hour, `"participants":[{}]`), `{}`)
		},
	},
	{
		rule:    "strict: session_name and role are required",
		options: options(coviutest.WithStrict()),
		raw: func(t *testing.T, w *wire) {
			book := func(members string) answer {
				return w.do("POST", "/sessions", "{"+timesJSON(time.Hour, 2*time.Hour)+members+"}")
			}
			assert.Contains(t, book("").is(400).text("error.message"), "session_name")
			assert.Contains(t, book(`,"session_name":""`).is(400).text("error.message"), "session_name")
			assert.Contains(t, book(`,"session_name":null`).is(400).text("error.message"), "session_name")
			assert.Contains(t, book(`,"session_name":"x","participants":[{"role":"host"},{}]`).is(400).text("error.message"), "role")
			id := book(`,"session_name":"x","participants":[{"role":"host"}]`).is(200).text("session_id")
			assert.Contains(t, w.do("POST", "/sessions/"+id+"/participants", `{"display_name":"x"}`).is(400).text("error.message"), "role")
			person := w.invite(id, `{"role":"Guest"}`)
			w.do("PUT", "/sessions/"+id, `{"picture":"p"}`).is(200)
			w.do("PUT", "/participants/"+person, `{"picture":"p"}`).is(200)
			assert.Len(t, w.s.Sessions(), 1)
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			_, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{StartTime: day.Add(time.Hour), EndTime: day.Add(2 * time.Hour)})
			require.ErrorIs(t, err, coviu.ErrBadRequest)
		},
	},
	{
		rule: "fee is kept and can be changed",
		raw: func(t *testing.T, w *wire) {
			const fee = `{"fee":"{\"amount\":90}"}`
			id := w.book(time.Hour, `"participants":[`+fee+`]`)
			assert.Equal(t, `{"amount":90}`, w.do("GET", "/sessions/"+id, "").text("participants.0.fee"))
			person := w.invite(id, fee)
			assert.Equal(t, `{"amount":90}`, w.do("GET", "/participants/"+person, "").text("fee"))
			w.do("PUT", "/participants/"+person, `{"display_name":"x"}`).is(200)
			assert.Equal(t, `{"amount":90}`, w.do("GET", "/participants/"+person, "").text("fee"))
			assert.Equal(t, "free", w.do("PUT", "/participants/"+person, `{"fee":"free"}`).text("fee"))
			assert.Nil(t, w.do("PUT", "/participants/"+person, `{"fee":""}`).get("fee"))
			w.do("PUT", "/participants/"+person, `{"fee":90}`).is(400)
			w.do("POST", "/sessions/"+id+"/participants", `{"fee":{}}`).is(400)
		},
	},
}
