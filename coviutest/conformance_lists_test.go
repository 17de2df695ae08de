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

// bookThree books sessions whose order by start is not that of their creation.
func bookThree(w *wire) (a, b, c string) {
	return w.book(3*time.Hour, named("a")), w.book(time.Hour, named("b")), w.book(2*time.Hour, named("c"))
}

var listRules = []conformance{
	{
		rule: "page is zero-based",
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			assert.Equal(t, []string{"a", "b"}, w.names("page=0&page_size=2"))
			assert.Equal(t, []string{"c"}, w.names("page=1&page_size=2"))
			assert.Empty(t, w.names("page=2&page_size=2"))
			assert.Empty(t, w.names("page=9223372036854775807&page_size=200"))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			bookWith(t, c, time.Hour)
			second := bookWith(t, c, time.Hour)
			page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{Page: 1, PageSize: 1})
			require.NoError(t, err)
			assert.Equal(t, second.SessionID, page.Content[0].SessionID)
		},
	},
	{
		rule: "page_size is at most 200, and 200 if left out",
		raw: func(t *testing.T, w *wire) {
			sessions := make([]coviu.Session, 201)
			for i := range sessions {
				sessions[i].SessionName = fmt.Sprint(i)
			}
			_, err := w.s.Seed(sessions...)
			require.NoError(t, err)
			assert.Len(t, w.names(""), 200)
			assert.Equal(t, []string{"200"}, w.names("page=1"))
			got := w.do("GET", "/sessions?page_size=200", "").is(200)
			assert.Equal(t, true, got.get("more"))
			assert.InDelta(t, 200, got.get("page_size"), 0)
			w.do("GET", "/sessions?page_size=201", "").is(400)
			w.do("GET", "/sessions?page_size=0", "").is(400)
		},
	},
	{
		rule: "more tells whether sessions follow, page and page_size what was asked",
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			got := w.do("GET", "/sessions?page=0&page_size=2", "").is(200)
			assert.Equal(t, true, got.get("more"))
			got = w.do("GET", "/sessions?page=1&page_size=2", "").is(200)
			assert.Equal(t, false, got.get("more"))
			assert.InDelta(t, 1, got.get("page"), 0)
			assert.InDelta(t, 2, got.get("page_size"), 0)
			assert.Equal(t, false, w.do("GET", "/sessions?page_size=3", "").get("more"))
		},
	},
	{
		rule: "the list is by creation, oldest first",
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			assert.Equal(t, []string{"a", "b", "c"}, w.names(""))
			assert.Equal(t, []string{"a", "b", "c"}, w.names("order=forward"))
		},
	},
	{
		rule: "once start_time or end_time is given, the list is by start time",
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			assert.Equal(t, []string{"b", "c", "a"}, w.names(escaped("start_time", in(0))))
			assert.Equal(t, []string{"b", "c", "a"}, w.names(escaped("end_time", in(24*time.Hour))))
		},
	},
	{
		rule: "order=reverse reverses either",
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			assert.Equal(t, []string{"c", "b", "a"}, w.names("order=reverse"))
			assert.Equal(t, []string{"a", "c", "b"}, w.names("order=reverse&"+escaped("start_time", in(0))))
			assert.Equal(t, []string{"b"}, w.names("order=reverse&page=1&page_size=2&"+escaped("start_time", in(0))))
			assert.Contains(t, w.do("GET", "/sessions?order=backwards", "").is(400).text("error.message"), "use reverse")
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			first := bookWith(t, c, 2*time.Hour)
			second := bookWith(t, c, time.Hour)
			page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{Order: coviu.OrderReverse})
			require.NoError(t, err)
			assert.Equal(t, second.SessionID, page.Content[0].SessionID)
			page, err = c.Sessions.List(t.Context(), &coviu.SessionListOptions{Order: coviu.OrderReverse, StartTime: day})
			require.NoError(t, err)
			assert.Equal(t, first.SessionID, page.Content[0].SessionID)
		},
	},
	{
		rule: "start_time: only sessions that start at or after it",
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			assert.Equal(t, []string{"c", "a"}, w.names(escaped("start_time", in(2*time.Hour))))
			assert.Equal(t, []string{"a"}, w.names(escaped("start_time", in(2*time.Hour+time.Millisecond))))
			assert.Equal(t, []string{"a"}, w.names(escaped("start_time", "2016-06-01T11:00:00.0000001Z")))
		},
	},
	{
		rule: "end_time: only sessions that start up to and including it",
		raw: func(t *testing.T, w *wire) {
			bookThree(w)
			assert.Equal(t, []string{"b", "c"}, w.names(escaped("end_time", in(2*time.Hour))))
			assert.Equal(t, []string{"b"}, w.names(escaped("end_time", in(2*time.Hour-time.Millisecond))))
			both := escaped("start_time", in(2*time.Hour)) + "&" + escaped("end_time", in(2*time.Hour))
			assert.Equal(t, []string{"c"}, w.names(both))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			bookWith(t, c, 3*time.Hour)
			inside := bookWith(t, c, 2*time.Hour)
			page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{StartTime: inside.StartTime, EndTime: inside.StartTime})
			require.NoError(t, err)
			require.Len(t, page.Content, 1)
			assert.Equal(t, *inside, page.Content[0])
		},
	},
	{
		rule: "include_canceled: also sessions that were canceled",
		raw: func(t *testing.T, w *wire) {
			_, b, _ := bookThree(w)
			w.do("DELETE", "/sessions/"+b, "").is(200)
			assert.Equal(t, []string{"a", "c"}, w.names(""))
			assert.Equal(t, []string{"a", "c"}, w.names("include_canceled=false"))
			assert.Equal(t, []string{"a", "b", "c"}, w.names("include_canceled=true"))
			assert.Equal(t, []string{"b", "c", "a"}, w.names("include_canceled=1&"+escaped("start_time", in(0))))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			_, err := c.Sessions.Delete(t.Context(), bookWith(t, c, time.Hour).SessionID)
			require.NoError(t, err)
			page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{IncludeCanceled: true})
			require.NoError(t, err)
			assert.Equal(t, day, *page.Content[0].CanceledTime)
		},
	},
	{
		rule: "deleted_participants: also participants that were removed",
		raw: func(t *testing.T, w *wire) {
			person := w.invite(w.book(time.Hour), `{}`)
			w.do("DELETE", "/participants/"+person, "").is(200)
			assert.Equal(t, []any{}, w.do("GET", "/sessions", "").get("content.0.participants"))
			got := w.do("GET", "/sessions?deleted_participants=1", "").is(200)
			assert.Equal(t, in(0), got.text("content.0.participants.0.deleted_at"))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			person := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{}).Participants[0]
			_, err := c.Participants.Delete(t.Context(), person.ParticipantID)
			require.NoError(t, err)
			page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{DeletedParticipants: true})
			require.NoError(t, err)
			assert.Equal(t, day, *page.Content[0].Participants[0].DeletedAt)
		},
	},
	{
		rule: "state: only sessions with a participant whose state is this value",
		raw: func(t *testing.T, w *wire) {
			a, b, _ := bookThree(w)
			w.invite(a, `{"state":"x y"}`)
			person := w.invite(b, `{"state":"x y"}`)
			assert.Equal(t, []string{"a", "b"}, w.names("state=x+y"))
			assert.Equal(t, []string{"b"}, w.names("state=x%20y&page=1&page_size=1"))
			assert.Empty(t, w.names("state=x"))
			w.do("DELETE", "/participants/"+person, "").is(200)
			assert.Equal(t, []string{"a"}, w.names("state=x+y"))
			assert.Equal(t, []string{"a", "b"}, w.names("state=x+y&deleted_participants=true"))
			w.do("DELETE", "/sessions/"+a, "").is(200)
			assert.Equal(t, []string{"a"}, w.names("state=x+y&include_canceled=true"))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			bookWith(t, c, time.Hour)
			wanted := bookWith(t, c, time.Hour, coviu.ParticipantCreationRequest{State: "a/b&c"})
			page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{State: "a/b&c"})
			require.NoError(t, err)
			assert.Equal(t, []coviu.Session{*wanted}, page.Content)
		},
	},
	{
		rule: "booleans are true or 1, false or 0",
		raw: func(_ *testing.T, w *wire) {
			for _, value := range []string{"true", "1", "false", "0"} {
				w.do("GET", "/sessions?include_canceled="+value+"&deleted_participants="+value, "").is(200)
			}
			for _, value := range []string{"", "yes", "TRUE", "2", "null"} {
				w.do("GET", "/sessions?include_canceled="+value, "").is(400)
			}
		},
	},
	{
		rule: "malformed query values are refused, unknown parameters ignored",
		raw: func(_ *testing.T, w *wire) {
			for _, query := range []string{
				"page=-1", "page=", "page=1.5", "page=99999999999999999999", "page=1&page=2", "page_size=x", "page_size=-1",
				"start_time=", "start_time=tomorrow", "end_time=2016-06-01", "start_time=2016-06-01T11:00:00+10:00", "order=", "order=REVERSE", "state=%zz", "a;b",
			} {
				w.do("GET", "/sessions?"+query, "").is(400)
			}
			w.do("GET", "/sessions?colour=blue&page=0", "").is(200)
		},
	},
}
