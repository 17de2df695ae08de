package coviutest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// dateForms are the forms in which the vendor's clients send dates, with what
// the creator of a session gets back.
var dateForms = []struct{ start, end, echoed string }{
	{"Wed, 08 Jun 2016 04:07:11 GMT", "Wed, 08 Jun 2016 05:07:11 GMT", "Wed, 08 Jun 2016 04:07:11 GMT"},
	{"Wed, 08 Jun 2016 04:07:11 UTC", "Wed, 08 Jun 2016 05:07:11 UTC", "Wed, 08 Jun 2016 04:07:11 GMT"},
	{"Wed, 08 Jun 2016 14:07:11 +1000", "Wed, 08 Jun 2016 15:07:11 +1000", "Wed, 08 Jun 2016 04:07:11 GMT"},
	{"2016-06-18T12:37:59+00:00", "2016-06-18T13:37:59+00:00", "2016-06-18T12:37:59.000Z"},
	{"2016-06-18T12:37:59.000Z", "2016-06-18T13:37:59.000Z", "2016-06-18T12:37:59.000Z"},
	{"2016-06-18T12:37:59Z", "2016-06-18T13:37:59Z", "2016-06-18T12:37:59.000Z"},
	{"2017-02-15T11:57:40.664+11:00", "2017-02-15T12:57:40.664+11:00", "2017-02-15T00:57:40.664Z"},
	{"2017-02-15T11:57:40.664999999-03:30", "2017-02-15T12:57:40Z", ""},
	{"2017-02-15T11:57:40.664999999-03:30", "2017-02-15T19:57:40Z", "2017-02-15T15:27:40.664Z"},
}

var dateRules = []conformance{
	{
		rule: "dates are read in every form, and echoed in the form of the session's creator",
		raw: func(t *testing.T, w *wire) {
			for _, d := range dateForms {
				got := w.do("POST", "/sessions", `{"start_time":"`+d.start+`","end_time":"`+d.end+`"}`)
				if d.echoed == "" {
					got.is(400)
					continue
				}
				assert.Equal(t, d.echoed, got.is(200).text("start_time"))
				assert.Equal(t, d.echoed, w.do("PUT", "/sessions/"+got.text("session_id"), `{"end_time":"Sat, 18 Jun 2022 13:37:59 GMT"}`).is(200).text("start_time"))
			}
		},
		client: func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
			for _, c := range []*coviu.Client{s.Client(t), s.Client(t, coviu.WithRFC1123Dates())} {
				got := bookWith(t, c, 3600e9)
				assert.Equal(t, day.Add(3600e9), got.StartTime)
			}
		},
	},
	{
		rule: "the other dates of a session go out in its creator's form too",
		raw: func(t *testing.T, w *wire) {
			id := w.do("POST", "/sessions", `{"start_time":"Wed, 08 Jun 2016 04:07:11 GMT","end_time":"2016-06-18T12:37:59Z","participants":[{}]}`).is(200).text("session_id")
			w.do("DELETE", "/participants/"+w.do("GET", "/sessions/"+id, "").text("participants.0.participant_id"), "").is(200)
			w.do("DELETE", "/sessions/"+id, "").is(200)
			got := w.do("GET", "/sessions?include_canceled=1&deleted_participants=1", "")
			assert.Equal(t, "Sat, 18 Jun 2016 12:37:59 GMT", got.text("content.0.end_time"))
			assert.Equal(t, "Wed, 01 Jun 2016 09:00:00 GMT", got.text("content.0.canceled_time"))
			assert.Equal(t, "Wed, 01 Jun 2016 09:00:00 GMT", got.text("content.0.participants.0.deleted_at"))
		},
	},
	{
		rule:    "one fixed form by option: RFC 1123",
		options: options(coviutest.WithDates(coviutest.DatesRFC1123)),
		raw: func(t *testing.T, w *wire) {
			got := w.do("POST", "/sessions", `{"start_time":"2016-06-18T12:37:59.500Z","end_time":"2016-06-18T13:00:00Z"}`)
			assert.Equal(t, "Sat, 18 Jun 2016 12:37:59 GMT", got.text("start_time"))
		},
		client: func(t *testing.T, _ *coviutest.Server, c *coviu.Client) {
			assert.Equal(t, day.Add(3600e9), bookWith(t, c, 3600e9).StartTime)
		},
	},
	{
		rule:    "one fixed form by option: ISO 8601",
		options: options(coviutest.WithDates(coviutest.DatesISO)),
		raw: func(t *testing.T, w *wire) {
			got := w.do("POST", "/sessions", `{"start_time":"Wed, 08 Jun 2016 04:07:11 GMT","end_time":"Wed, 08 Jun 2016 05:07:11 GMT"}`)
			assert.Equal(t, "2016-06-08T04:07:11.000Z", got.text("start_time"))
		},
	},
	{
		rule: "unreadable dates are refused, zone names other than GMT and UTC among them",
		raw: func(t *testing.T, w *wire) {
			for _, text := range []string{
				"", "tomorrow", "2016-06-18", "2016-06-18T12:37:59", "2016-13-18T12:37:59Z", "2016-06-31T12:00:00Z",
				"Wed, 08 Jun 2016 04:07:11 EST", "Wed, 08 Jun 2016 04:07:11", "1466253479",
			} {
				w.do("POST", "/sessions", `{"start_time":"`+text+`","end_time":"2999-01-01T00:00:00Z"}`).is(400)
			}
			w.do("POST", "/sessions", `{"start_time":"2016-06-18T12:37:59Z","end_time":"9999-12-31T23:59:59-12:00"}`).is(400)
			w.do("POST", "/sessions", `{"start_time":1466253479,"end_time":"2999-01-01T00:00:00Z"}`).is(400)
			require.Empty(t, w.s.Sessions())
		},
	},
	{
		rule: "in a query string dates are percent-encoded, in every form",
		raw: func(t *testing.T, w *wire) {
			w.do("POST", "/sessions", `{"start_time":"2016-06-18T12:37:59.000Z","end_time":"2016-06-18T13:00:00Z"}`).is(200)
			for _, text := range []string{"Sat, 18 Jun 2016 12:37:59 GMT", "2016-06-18T12:37:59Z", "2016-06-18T22:37:59+10:00", "2016-06-18T12:37:59.000Z"} {
				both := escaped("start_time", text) + "&" + escaped("end_time", text)
				assert.Len(t, w.do("GET", "/sessions?"+both, "").is(200).list("content", "session_id"), 1, text)
			}
		},
	},
}
