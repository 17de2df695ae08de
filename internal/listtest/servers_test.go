package listtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// A server that ignores StartTime or EndTime lists more, and is read once all the
// same.
func TestPages_TimesIgnored(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	ids := seedList(t, w.server, 40)
	for _, ignored := range [][]string{{"start_time"}, {"end_time"}, {"start_time", "end_time"}} {
		server := otherServer{next: w.gate.next, request: without(ignored...)}
		client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: &server}))
		for _, order := range []coviu.Order{coviu.OrderForward, coviu.OrderReverse} {
			o := coviu.SessionListOptions{StartTime: listClock(), EndTime: listClock().Add(50 * time.Hour), Order: order}
			switch {
			case slices.Contains(ignored, "end_time"):
				o.EndTime = listClock().Add(20 * time.Hour)
			case slices.Contains(ignored, "start_time"):
				o.StartTime = listClock().Add(20 * time.Hour)
			}
			for o.PageSize = 1; o.PageSize < 6; o.PageSize++ {
				w.server.ClearRequests()
				got, err := readAll(t.Context(), client, o)
				require.NoError(t, err)
				requireSameIDs(t, ids, got)
				require.LessOrEqual(t, w.server.Count("GET /sessions"), countPages(len(ids), o.PageSize)+2,
					"%v ignored, order %q, page size %d", ignored, order, o.PageSize)
			}
		}
	}
}

// Servers describe pages differently, and some ignore filters or page sizes. The
// list is complete with all of them.
func TestPages_ServersThatDiffer(t *testing.T) {
	t.Parallel()
	replace := func(pairs ...string) func([]byte) []byte {
		return func(body []byte) []byte { return []byte(strings.NewReplacer(pairs...).Replace(string(body))) }
	}
	servers := map[string]otherServer{
		"more missing": {reply: replace(`,"more":true`, ``, `,"more":false`, ``)},
		"page and size as strings": {reply: func(body []byte) []byte {
			return regexp.MustCompile(`"(page|page_size)":(\d+)`).ReplaceAll(body, []byte(`"$1":"$2"`))
		}},
		"page counted from one":     {reply: replace(`"page":2`, `"page":3`, `"page":1`, `"page":2`, `"page":0`, `"page":1`)},
		"page and size missing":     {reply: replace(`"page":`, `"p":`, `"page_size":`, `"ps":`)},
		"start_time ignored":        {request: without("start_time")},
		"start and end ignored":     {request: without("start_time", "end_time")},
		"page_size ignored":         {request: without("page_size")},
		"smaller pages than wanted": {request: capPages},
		"content null when empty":   {reply: replace(`"content":[]`, `"content":null`)},
	}
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
				w := newListWorld(t)
				server.next = w.gate.next
				client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: &server}))
				for _, sessions := range []int{0, 1, 4, 13} {
					w.server.Restore(w.emptySnapshot())
					ids := seedShuffledList(t, w.server, sessions)
					for _, pageSize := range []int{0, 1, 4} {
						o.PageSize = pageSize
						got, err := readAll(t.Context(), client, o)
						require.NoError(t, err, "%d sessions, page size %d", sessions, pageSize)
						requireSameIDs(t, ids, got, "%d sessions, page size %d", sessions, pageSize)
					}
				}
			})
		})
	}
}

// A server that ignores the page size makes pages of 200. They are followed by number.
func TestPages_PageSizeIgnoredOnALongList(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	ids := seedShuffledList(t, w.server, 450)
	client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: &otherServer{next: w.gate.next, request: without("page_size")}}))
	inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
		o.PageSize = 4
		w.server.ClearRequests()
		got, err := readAll(t.Context(), client, o)
		require.NoError(t, err)
		requireSameIDs(t, ids, got)
		require.LessOrEqual(t, w.server.Count("GET /sessions"), 4+2*o.Prefetch)
	})
}

// One document of the service says that end_time limits the end of sessions, not
// their start.
func TestPages_ServersWhereEndTimeIsTheEnd(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: endsBefore{w.gate.next}}))
	for _, lengths := range [][]time.Duration{
		{time.Millisecond}, {time.Minute}, {time.Hour}, {1000 * time.Hour}, {time.Millisecond, time.Hour},
	} {
		w.server.Restore(w.emptySnapshot())
		for i := range 13 {
			at := listClock().Add(time.Duration(1+i*7%13) * 20 * time.Minute)
			_, err := w.server.Seed(coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(lengths[i%len(lengths)])})
			require.NoError(t, err)
		}
		inListModes(t, []int{0, 2}, func(t *testing.T, o coviu.SessionListOptions) {
			if o.State != "" {
				return
			}
			whole, err := readAll(t.Context(), client, o)
			require.NoError(t, err)
			require.Len(t, whole, 13)
			for o.PageSize = 1; o.PageSize < 6; o.PageSize++ {
				got, err := readAll(t.Context(), client, o)
				require.NoError(t, err)
				require.Equal(t, whole, got, "page size %d, sessions of %v", o.PageSize, lengths)
			}
		})
	}
}

// endsBefore is a server that lists the sessions that end at end_time or before.
type endsBefore struct{ next http.RoundTripper }

func (s endsBefore) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	until, err := time.Parse(time.RFC3339, q.Get("end_time"))
	if err != nil {
		return s.next.RoundTrip(r)
	}
	number, _ := strconv.Atoi(q.Get("page"))
	size, err := strconv.Atoi(q.Get("page_size"))
	if err != nil {
		size = 200
	}
	q.Set("end_time", "2100-01-01T00:00:00Z")
	q.Set("page", "0")
	q.Set("page_size", "200")
	r = r.Clone(r.Context())
	r.URL.RawQuery = q.Encode()
	reply, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	var list coviu.SessionPage
	if err := json.NewDecoder(reply.Body).Decode(&list); err != nil {
		return nil, err
	}
	ended := slices.DeleteFunc(list.Content, func(s coviu.Session) bool { return s.EndTime.After(until) })
	begin := min(number*size, len(ended))
	end := min(begin+size, len(ended))
	body, err := json.Marshal(coviu.SessionPage{Content: ended[begin:end], More: end < len(ended), Page: number, PageSize: size})
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// without removes parameters from the query.
func without(parameters ...string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		for _, parameter := range parameters {
			q.Del(parameter)
		}
		r.URL.RawQuery = q.Encode()
	}
}

// capPages limits the page size to three.
func capPages(r *http.Request) {
	q := r.URL.Query()
	if size, err := strconv.Atoi(q.Get("page_size")); err != nil || size > 3 {
		q.Set("page_size", "3")
	}
	r.URL.RawQuery = q.Encode()
}

type otherServer struct {
	next    http.RoundTripper
	request func(*http.Request)
	reply   func([]byte) []byte
}

func (s *otherServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.request != nil {
		r = r.Clone(r.Context())
		s.request(r)
	}
	reply, err := s.next.RoundTrip(r)
	if err != nil || s.reply == nil {
		return reply, err
	}
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return nil, err
	}
	body = s.reply(body)
	reply.Body, reply.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	reply.Header.Del("Content-Length")
	return reply, nil
}

// requireSameIDs is require.ElementsMatch, which takes quadratic time.
func requireSameIDs(t *testing.T, want, got []string, message ...any) {
	t.Helper()
	require.Equal(t, slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)), message...)
}
