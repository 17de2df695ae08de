package listtest_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestFault57_ListsWithoutEnd(t *testing.T) {
	t.Parallel()
	const emptyPage = `{"content":[],"more":true,"page":0,"page_size":2}`
	const onePage = `{"content":[{"session_id":"s0","start_time":"2030-01-01T01:00:00Z"},` +
		`{"session_id":"s1","start_time":"2030-01-01T02:00:00Z"}],"more":true,"page":0,"page_size":2}`
	replies := map[string]func(page string) string{
		"more, and nothing in it": func(string) string { return emptyPage },
		"nothing more after one page": func(page string) string {
			if page == "" {
				return onePage
			}
			return emptyPage
		},
		"the same page again and again": func(string) string { return onePage },
	}
	for name, reply := range replies {
		t.Run(name, func(t *testing.T) {
			inListModes(t, []int{0, 4}, func(t *testing.T, o coviu.SessionListOptions) {
				synctest.Test(t, func(t *testing.T) {
					s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
					t.Cleanup(s.Close)
					transport := &endlessList{next: s.Transport(), reply: reply}
					client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: transport}))
					o.PageSize = 2
					ids, err := readAll(t.Context(), client, o)
					var stopped *coviu.ListError
					require.ErrorAs(t, err, &stopped)
					require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
					assert.LessOrEqual(t, len(ids), 2)
					assert.LessOrEqual(t, int(transport.asked.Load()), 1+3+o.Prefetch)
				})
			})
		})
	}
}

// endlessList answers GET /sessions with reply(page), after a second.
type endlessList struct {
	next  http.RoundTripper
	reply func(page string) string
	asked atomic.Int32
}

func (l *endlessList) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v1/sessions" {
		return l.next.RoundTrip(r)
	}
	l.asked.Add(1)
	if err := pause(r.Context(), time.Second); err != nil {
		return nil, err
	}
	body := l.reply(r.URL.Query().Get("page"))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// A server that alternates between two pages has a list without end, too.
func TestFault57_PagesThatAlternate(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 4}, func(t *testing.T, o coviu.SessionListOptions) {
		s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
		t.Cleanup(s.Close)
		ids := seedList(t, s, 100)
		var asked atomic.Int32
		s.Fail("GET /sessions", coviutest.Rewrite(func(r *coviutest.Reply) {
			page := ids[:50]
			if asked.Add(1)%2 == 0 {
				page = ids[50:]
			}
			r.Body = []byte(`{"content":[{"session_id":"` + strings.Join(page, `"},{"session_id":"`) + `"}],"more":true}`)
		}).Always())
		o.PageSize = 50
		_, err := readAll(t.Context(), s.Client(t), o)
		require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
		assert.Less(t, s.Count("GET /sessions"), 100)
	})
}

// A list with an end can show whole pages of known sessions again, if as many new
// ones were booked.
func TestFault57_ManyBookingsAreNotEndless(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sessions, pageSize, booked int }{{12, 1, 4}, {100, 10, 30}, {250, 10, 200}, {2_400, 200, 2_000}} {
		for name, o := range map[string]coviu.SessionListOptions{
			"by creation": {Order: coviu.OrderReverse},
			"by start":    {Order: coviu.OrderReverse, StartTime: listClock()},
		} {
			t.Run(fmt.Sprintf("%s, %d", name, c.booked), func(t *testing.T) {
				w := newListWorld(t)
				ids := seedList(t, w.server, c.sessions)
				w.gate.before = func(number int) {
					if number == c.sessions/c.pageSize-1 {
						bookAtTheEnd(t, w.server, c.booked)
					}
				}
				o.PageSize = c.pageSize
				got, err := readAll(t.Context(), w.readers[false], o)
				require.NoError(t, err)
				assert.Equal(t, slices.Sorted(slices.Values(ids)), slices.Sorted(slices.Values(got)))
			})
		}
	}
}

func bookAtTheEnd(t *testing.T, s *coviutest.Server, n int) {
	t.Helper()
	at := listClock().AddDate(1, 0, 0)
	_, err := s.Seed(slices.Repeat([]coviu.Session{{StartTime: at, EndTime: at.Add(time.Hour)}}, n)...)
	require.NoError(t, err)
}
