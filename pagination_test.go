package coviu_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
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

// What everybody should know: one cancellation in the part that was read hides a
// session from whoever counts pages, and from nobody else.
func TestFault56_CancellationBetweenPages(t *testing.T) {
	w := newListWorld(t)
	c := listCase{sessions: 6, pageSize: 2}
	schedule := []listChange{{kind: cancelSession, session: 0, before: 1}}
	assert.Equal(t, []string{"s0", "s1", "s2", "s3", "s4", "s5"}, w.walk(t, c, schedule, exact).yielded)
	assert.Equal(t, []string{"s0", "s1", "s3", "s4", "s5"}, w.walk(t, c, schedule, naive).yielded)
}

func TestFault56_ChangesBetweenPages(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(56, 1))
	exactly, naively := newFindings(), newFindings()
	w := newListWorld(t)
	cases := listCases(8, 4, 0, 1, 3)
	for range 600 {
		c := cases[random.IntN(len(cases))]
		schedule := c.randomSchedule(random, 4, 1+c.sessions/c.pageSize)
		exactly.add(w.walk(t, c, schedule, exact))
		naively.add(w.walk(t, c, schedule, naive))
	}
	exactly.report(t)
	require.NotEmpty(t, naively.counts, "a check that page numbers pass proves nothing")
}

func TestFault56_AnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(56, 2))
		found := newFindings()
		w := newListWorld(t)
		for range 100 {
			c := listCase{sessions: random.IntN(9), pageSize: 1 + random.IntN(3), prefetch: 1 + random.IntN(5), canceled: random.IntN(2) == 0}
			choices := make([]int, 12)
			for i := range choices {
				choices[i] = random.IntN(c.prefetch + 1)
			}
			run, _ := w.walkInOrder(t, c, c.randomSchedule(random, 4, 1+c.sessions/c.pageSize), choices)
			found.add(run)
		}
		found.report(t)
	})
}

func TestFault56_LongLists(t *testing.T) {
	t.Parallel()
	checkLongLists(t, 3, 1_000)
}

// checkLongLists lets several changes happen before every request.
func checkLongLists(t *testing.T, runs, sessions int) {
	t.Helper()
	random := rand.New(rand.NewPCG(56, uint64(runs)))
	exactly, naively := newFindings(), newFindings()
	w := newListWorld(t)
	missed := 0
	for range runs {
		c := listCase{
			sessions: sessions,
			starts:   startPattern(random.IntN(int(startPatterns))),
			filter:   listFilters[random.IntN(len(listFilters))],
			pageSize: 20 + random.IntN(181),
			reverse:  random.IntN(2) == 0,
			canceled: random.IntN(4) == 0,
			prefetch: random.IntN(3) * 4,
		}
		if random.IntN(3) == 0 {
			c.starts = startsSpread
		}
		requests := sessions / c.pageSize
		kinds := c.byKind()
		var schedule []listChange
		for before := 1; before <= requests; before++ {
			for range random.IntN(5) {
				of := kinds[random.IntN(len(kinds))]
				next := of[random.IntN(len(of))]
				next.before = before
				schedule = append(schedule, next)
			}
		}
		exactly.add(w.walk(t, c, schedule, exact))
		run := w.walk(t, c, schedule, naive)
		naively.add(run)
		if run.missed() >= 0 {
			missed++
		}
	}
	exactly.report(t)
	failed := 0
	for _, n := range naively.counts {
		failed += n
	}
	t.Logf("naive paging failed in %d of %d runs, and missed sessions in %d", failed, runs, missed)
	require.Positive(t, failed, "a check that page numbers pass proves nothing")
}

// listModes are the ways of walking that differ in how the next page is found.
func listModes() map[string]coviu.SessionListOptions {
	return map[string]coviu.SessionListOptions{
		"by creation":         {},
		"newest first":        {Order: coviu.OrderReverse},
		"by start":            {StartTime: listClock()},
		"of a period":         {StartTime: listClock(), EndTime: listClock().AddDate(1, 0, 0)},
		"by start, backwards": {EndTime: listClock().AddDate(1, 0, 0), Order: coviu.OrderReverse},
		"with a state":        {State: ourState},
	}
}

// joinsPages says that the pages of o overlap, so that their numbers are not
// those of the requests.
func joinsPages(o coviu.SessionListOptions) bool {
	return o.State != "" || !o.StartTime.IsZero() || !o.EndTime.IsZero()
}

// inListModes runs test in each mode, without and with prefetching.
func inListModes(t *testing.T, prefetches []int, test func(*testing.T, coviu.SessionListOptions)) {
	t.Helper()
	for name, o := range listModes() {
		for _, prefetch := range prefetches {
			t.Run(fmt.Sprintf("%s, prefetch %d", name, prefetch), func(t *testing.T) {
				o.Prefetch = prefetch
				test(t, o)
			})
		}
	}
}

// seedList adds n sessions that start one hour after the other.
func seedList(t *testing.T, s *coviutest.Server, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = sessionName(i)
		at := s.Now().Add(time.Duration(i+1) * time.Hour)
		_, err := s.Seed(coviu.Session{
			SessionID: ids[i], StartTime: at, EndTime: at.Add(time.Hour),
			Participants: []coviu.Participant{{ParticipantID: "p" + strconv.Itoa(i), State: ourState}},
		})
		require.NoError(t, err)
	}
	return ids
}

// reads collects the ids that All yields up to its end or its error.
func reads(ctx context.Context, client *coviu.Client, o coviu.SessionListOptions) (ids []string, err error) {
	for session, err := range client.Sessions.All(ctx, &o) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, session.SessionID)
	}
	return ids, nil
}

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
				s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
				t.Cleanup(s.Close)
				transport := &endlessList{next: s.Transport(), reply: reply}
				client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: transport}))
				o.PageSize = 2
				ids, err := reads(t.Context(), client, o)
				var stopped *coviu.ListError
				require.ErrorAs(t, err, &stopped)
				require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
				assert.LessOrEqual(t, len(ids), 2)
				assert.LessOrEqual(t, int(transport.asked.Load()), 1+3+o.Prefetch)
			})
		})
	}
}

// endlessList answers by the page that is asked for.
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
	body := l.reply(r.URL.Query().Get("page"))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Pages that take turns are not the same page again, but no longer a list either.
func TestFault57_ListInACircle(t *testing.T) {
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
		_, err := reads(t.Context(), s.Client(t), o)
		require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
		assert.Less(t, s.Count("GET /sessions"), 100)
	})
}

// An honest list can show pages of sessions that were read already: as many as
// were booked meanwhile.
func TestFault57_BurstOfBookingsIsNoCircle(t *testing.T) {
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
				got, err := reads(t.Context(), w.walkers[false], o)
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

// failingOn refuses the request for one page, or the request of one number.
type failingOn struct {
	next   http.RoundTripper
	page   string
	number int

	asked atomic.Int32
	off   atomic.Bool
}

func (f *failingOn) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v1/sessions" || f.off.Load() {
		return f.next.RoundTrip(r)
	}
	number := int(f.asked.Add(1)) - 1
	page := r.URL.Query().Get("page")
	if f.page != "" && page != f.page && (f.page != "0" || page != "") || f.page == "" && number != f.number {
		return f.next.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusTeapot, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("no")), Request: r,
	}, nil
}

func TestFault58_ErrorOnAPage(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
		for k := range 5 {
			s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
			t.Cleanup(s.Close)
			ids := seedList(t, s, 10)
			fault := &failingOn{next: s.Transport(), page: strconv.Itoa(k)}
			if joinsPages(o) {
				fault.page, fault.number = "", k
			}
			client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: fault}))
			o := o
			o.PageSize = 2
			var got []string
			var failures []error
			for session, err := range client.Sessions.All(t.Context(), &o) {
				if err != nil {
					assert.Nil(t, session)
					failures = append(failures, err)
					continue
				}
				got = append(got, session.SessionID)
			}
			require.Len(t, failures, 1, "yielded once, then the end")
			var stopped *coviu.ListError
			require.ErrorAs(t, failures[0], &stopped)
			var refused *coviu.APIError
			require.ErrorAs(t, failures[0], &refused)
			assert.Equal(t, k, stopped.Page)
			assert.Equal(t, 2, stopped.PageSize)
			assert.Len(t, got, 2*k)

			fault.off.Store(true)
			o.Page, o.PageSize = stopped.Page, stopped.PageSize
			rest, err := reads(t.Context(), client, o)
			require.NoError(t, err)
			assert.ElementsMatch(t, ids, append(got, rest...), "the list goes on where it stopped")
		}
	})
}

// While it stopped, the list changed: what is there to be read again may be read
// again, and nothing is lost.
func TestFault58_GoingOnAfterChanges(t *testing.T) {
	for name, o := range map[string]coviu.SessionListOptions{"by creation": {}, "newest first": {Order: coviu.OrderReverse}} {
		t.Run(name, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
			t.Cleanup(s.Close)
			ids := seedList(t, s, 10)
			fault := &failingOn{next: s.Transport(), page: "2"}
			client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: fault}))
			o.PageSize = 2
			got, err := reads(t.Context(), client, o)
			var stopped *coviu.ListError
			require.ErrorAs(t, err, &stopped)
			fault.off.Store(true)
			for _, id := range got {
				_, err := client.Sessions.Delete(t.Context(), id)
				require.NoError(t, err)
			}
			_, err = s.Seed(coviu.Session{SessionID: "new"})
			require.NoError(t, err)
			o.Page = stopped.Page
			rest, err := reads(t.Context(), client, o)
			require.NoError(t, err)
			assert.Subset(t, append(got, rest...), ids)
		})
	}
}

func TestFault58_BreakAndRangeAgain(t *testing.T) {
	inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
			t.Cleanup(s.Close)
			ids := seedList(t, s, 10)
			o.PageSize = 2
			sessions := s.Client(t).Sessions.All(t.Context(), &o)
			for range sessions {
				break
			}
			if o.Prefetch == 0 {
				assert.Equal(t, 1, s.Count("GET /sessions"), "strictly on demand")
			}
			for range 2 {
				var got []string
				for session, err := range sessions {
					require.NoError(t, err)
					got = append(got, session.SessionID)
				}
				assert.ElementsMatch(t, ids, got)
			}
		})
	})
}

func TestFault58_BadOptions(t *testing.T) {
	s := coviutest.NewServer(coviutest.WithInMemory())
	t.Cleanup(s.Close)
	for name, o := range map[string]coviu.SessionListOptions{
		"page":     {Page: -1},
		"size":     {PageSize: 201},
		"prefetch": {Prefetch: 65},
		"times":    {StartTime: listClock(), EndTime: listClock().Add(-time.Hour)},
	} {
		ids, err := reads(t.Context(), s.Client(t), o)
		require.ErrorIs(t, err, coviu.ErrInvalidRequest, name)
		require.ErrorAs(t, err, new(*coviu.ListError), name)
		assert.Empty(t, ids)
	}
	for _, err := range new(coviu.Client).Sessions.Pages(t.Context(), nil) {
		require.ErrorIs(t, err, coviu.ErrInvalidRequest)
	}
	assert.Zero(t, s.Count(coviutest.AnyOperation))
}

// consumers are the ways to stop reading before the end. Each returns how many
// pages it got and what ended it.
func consumers() map[string]func(context.Context, func(), func(func(*coviu.SessionPage, error) bool)) (pages int, err error) {
	type seq = func(func(*coviu.SessionPage, error) bool)
	all := func(pages seq, each func()) (n int, err error) {
		for _, failure := range pages {
			if failure != nil {
				err = errors.Join(err, failure)
				continue
			}
			n++
			each()
		}
		return n, err
	}
	return map[string]func(context.Context, func(), func(func(*coviu.SessionPage, error) bool)) (int, error){
		"break": func(_ context.Context, _ func(), pages seq) (int, error) {
			for _, err := range pages {
				return 1, errors.Join(err, context.Canceled)
			}
			return 0, nil
		},
		"panic": func(_ context.Context, _ func(), pages seq) (n int, err error) {
			defer func() {
				if recover() != nil {
					err = context.Canceled
				}
			}()
			return all(pages, func() {
				n++
				panic("the consumer's own")
			})
		},
		"cancel": func(_ context.Context, cancel func(), pages seq) (int, error) {
			return all(pages, cancel)
		},
		"cancel at leisure": func(_ context.Context, cancel func(), pages seq) (int, error) {
			return all(pages, func() {
				<-time.After(time.Minute)
				cancel()
			})
		},
		"cancel while it waits": func(_ context.Context, cancel func(), pages seq) (int, error) {
			time.AfterFunc(1500*time.Millisecond, cancel)
			return all(pages, func() {})
		},
	}
}

// countingTransport counts the lists that are asked for.
type countingTransport struct {
	next  http.RoundTripper
	lists atomic.Int32
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/sessions" {
		c.lists.Add(1)
	}
	return c.next.RoundTrip(r)
}

func TestFault59_NothingStartsAfterTheConsumerStopped(t *testing.T) {
	t.Parallel()
	for name, consume := range consumers() {
		t.Run(name, func(t *testing.T) {
			inListModes(t, []int{0, 1, 4}, func(t *testing.T, o coviu.SessionListOptions) {
				synctest.Test(t, func(t *testing.T) {
					s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
					t.Cleanup(s.Close)
					seedList(t, s, 40)
					s.Fail("GET /sessions", coviutest.Delay(time.Second).Always())
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					transport := &countingTransport{next: s.Transport()}
					client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: transport}))
					o.PageSize = 2
					pages, err := consume(ctx, cancel, client.Sessions.Pages(ctx, &o))
					began := transport.lists.Load()
					require.ErrorIs(t, err, context.Canceled)
					assert.LessOrEqual(t, int(began), pages+1+o.Prefetch)
					<-time.After(time.Hour)
					assert.Equal(t, began, transport.lists.Load())
				})
			})
		})
	}
}

// The end of the context is an error like any other: yielded once.
func TestFault59_CancellationIsYieldedOnce(t *testing.T) {
	inListModes(t, []int{0, 1, 4}, func(t *testing.T, o coviu.SessionListOptions) {
		s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
		t.Cleanup(s.Close)
		ids := seedList(t, s, 40)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.PageSize = 2
		var got, failures int
		for session, err := range s.Client(t).Sessions.All(ctx, &o) {
			if err != nil {
				failures++
				assert.Nil(t, session)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorAs(t, err, new(*coviu.ListError))
				continue
			}
			if got++; got == 5 {
				cancel()
			}
		}
		assert.Equal(t, 1, failures)
		assert.Less(t, got, len(ids))
	})
}

// countPages is how many pages of size hold n sessions; an empty list has one.
func countPages(n, size int) int { return max(1, (n+size-1)/size) }

func TestPages_RequestsSent(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 1, 3, 8}, func(t *testing.T, o coviu.SessionListOptions) {
		w := newListWorld(t)
		for _, sessions := range []int{0, 1, 2, 6, 7, 13} {
			for pageSize := 1; pageSize <= 3; pageSize++ {
				w.server.Restore(w.emptySnapshot())
				w.server.ClearRequests()
				ids := seedList(t, w.server, sessions)
				o.PageSize = pageSize
				got, err := reads(t.Context(), w.others, o)
				require.NoError(t, err)
				require.Len(t, got, len(ids))
				assert.LessOrEqual(t, w.server.Count("GET /sessions"), countPages(sessions, pageSize)+1+o.Prefetch,
					"%d sessions, page size %d", sessions, pageSize)
			}
		}
	})
}

// Where pages overlap, they come as long as they were asked for up to a PageSize of 99.
func TestPages_RequestsSentForLongLists(t *testing.T) {
	t.Parallel()
	const sessions = 420
	for _, starts := range []time.Duration{time.Minute, 15 * time.Minute, time.Hour} {
		w := newListWorld(t)
		seeds := make([]coviu.Session, sessions)
		for i := range seeds {
			at := listClock().Add(time.Duration(i*7919%sessions+1) * time.Minute).Truncate(starts).Add(starts)
			seeds[i] = coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour), Participants: []coviu.Participant{{State: ourState}}}
		}
		_, err := w.server.Seed(seeds...)
		require.NoError(t, err)
		inListModes(t, []int{0}, func(t *testing.T, o coviu.SessionListOptions) {
			for _, pageSize := range []int{30, 99, 100, 200} {
				w.server.ClearRequests()
				o.PageSize = pageSize
				got, pages := 0, 0
				for page, err := range w.others.Sessions.Pages(t.Context(), &o) {
					require.NoError(t, err)
					require.LessOrEqual(t, len(page.Content), pageSize)
					got += len(page.Content)
					pages++
				}
				require.Equal(t, sessions, got)
				requests, most := w.server.Count("GET /sessions"), countPages(sessions, pageSize)+1
				assert.LessOrEqual(t, requests, pages+1)
				assert.LessOrEqual(t, requests, most, "page size %d", pageSize)
			}
		})
	}
}

// The largest pages bring 199 new sessions where they overlap, or a tenth less than
// 200 under State alone.
func TestPages_RequestsSentForTheLongestPages(t *testing.T) {
	t.Parallel()
	checkLongestPages(t, 5_000)
}

func checkLongestPages(t *testing.T, sessions int) {
	t.Helper()
	w := newListWorld(t)
	seeds := make([]coviu.Session, sessions)
	for i := range seeds {
		at := listClock().Add(time.Duration(1+i*7919%sessions/3) * time.Minute)
		seeds[i] = coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour), Participants: []coviu.Participant{{State: ourState}}}
	}
	_, err := w.server.Seed(seeds...)
	require.NoError(t, err)
	inListModes(t, []int{0}, func(t *testing.T, o coviu.SessionListOptions) {
		w.server.ClearRequests()
		got, pages := 0, 0
		for page, err := range w.others.Sessions.Pages(t.Context(), &o) {
			require.NoError(t, err)
			got += len(page.Content)
			pages++
		}
		require.Equal(t, sessions, got)
		requests, most := w.server.Count("GET /sessions"), countPages(sessions, 200)+1
		if o.State != "" {
			most += most / 8
		}
		assert.LessOrEqual(t, requests, pages+1)
		assert.LessOrEqual(t, requests, most)
	})
}

// However many start together, and wherever a page ends among them.
func TestPages_RequestsSentWhereManyStartTogether(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	const sessions = 500
	cases := map[int]time.Duration{2: time.Hour, 7: time.Hour, 15: time.Hour, 33: time.Hour, 90: time.Hour, 250: time.Hour}
	// The edge of a list in reverse lies up to a second beyond the last start.
	maps.Copy(cases, map[int]time.Duration{1: time.Second, 4: time.Second, 9: time.Second, 30: time.Second, 120: 500 * time.Millisecond})
	for together, apart := range cases {
		w.server.Restore(w.emptySnapshot())
		seeds := make([]coviu.Session, sessions)
		for i := range seeds {
			at := listClock().Add(time.Hour + time.Duration(i/together)*apart)
			seeds[i] = coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour), Participants: []coviu.Participant{{State: ourState}}}
		}
		_, err := w.server.Seed(seeds...)
		require.NoError(t, err)
		inListModes(t, []int{0}, func(t *testing.T, o coviu.SessionListOptions) {
			for _, o.PageSize = range []int{1, 2, 3, 5, 10, 20, 50, 99, 150, 200} {
				w.server.ClearRequests()
				pages := 0
				for _, err := range w.others.Sessions.Pages(t.Context(), &o) {
					require.NoError(t, err)
					pages++
				}
				requests := w.server.Count("GET /sessions")
				assert.LessOrEqual(t, requests, pages+1, "%d together, page size %d", together, o.PageSize)
				if o.PageSize <= 99 {
					assert.LessOrEqual(t, requests, countPages(sessions, o.PageSize)+1, "%d together, page size %d", together, o.PageSize)
				}
			}
		})
	}
}

// A session that was yielded and moved is no new one, and hides none behind it.
func TestPages_MovedBeforeEveryRequest(t *testing.T) {
	t.Parallel()
	for _, order := range []coviu.Order{coviu.OrderForward, coviu.OrderReverse} {
		w := newListWorld(t)
		var stayed []string
		for i := range 10 {
			at := listClock().Add(time.Duration(10+i/5) * time.Hour)
			_, err := w.server.Seed(coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour)})
			require.NoError(t, err)
			if i != 0 && i != 4 {
				stayed = append(stayed, sessionName(i))
			}
		}
		w.gate.before = func(number int) {
			for id, minutes := range map[string]int{"s0": number + 1, "s4": -number - 1} {
				at := listClock().Add(10*time.Hour + time.Duration(minutes)*time.Minute)
				_, err := w.others.Sessions.Update(t.Context(), id, &coviu.SessionUpdateRequest{StartTime: &at, EndTime: new(at.Add(time.Hour))})
				require.NoError(t, err)
			}
		}
		got, err := reads(t.Context(), w.walkers[false], coviu.SessionListOptions{StartTime: listClock(), PageSize: 1, Order: order})
		require.NoError(t, err, order)
		require.Subset(t, got, stayed)
	}
}

// Some or most of what was read leaves at once: the list goes on as many sessions
// further up.
func TestPages_ManyLeaveAtOnce(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	ids := seedList(t, w.server, 340)
	snapshot := w.server.Snapshot()
	inListModes(t, []int{0}, func(t *testing.T, o coviu.SessionListOptions) {
		if !joinsPages(o) {
			return
		}
		if !o.StartTime.IsZero() {
			o.StartTime = listClock().Add(30 * time.Minute)
		}
		w.server.Restore(snapshot)
		order, err := reads(t.Context(), w.others, o)
		require.NoError(t, err)
		for _, c := range []struct{ pageSize, left int }{{2, 3}, {30, 40}, {30, 220}, {100, 180}} {
			w.server.Restore(snapshot)
			o.PageSize, w.gate.number = c.pageSize, 0
			w.gate.before = func(number int) {
				if number == 240/o.PageSize {
					for _, id := range order[:c.left] {
						assert.NoError(t, w.takeOut(id, o))
					}
				}
			}
			got, err := reads(t.Context(), w.walkers[false], o)
			require.NoError(t, err)
			require.ElementsMatch(t, ids, got)
			assert.Less(t, w.gate.number, countPages(len(ids), o.PageSize)+c.left/o.PageSize+5)
		}
	})
}

// A session that was read says where the list goes on, unless it was moved behind
// sessions that were not. Page numbers count here, since EndTime is not about starts.
func TestPages_MovedSessionsAreNoPlaceToGoOn(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	ids := seedList(t, w.server, 9)
	o := coviu.SessionListOptions{EndTime: listClock().Add(12 * time.Hour), Order: coviu.OrderReverse, PageSize: 2}
	w.gate.before = func(number int) {
		if number == 3 {
			require.NoError(t, w.takeOut("s8", o))
			require.NoError(t, w.takeOut("s7", o))
			at := listClock().Add(3*time.Hour + time.Minute) // between s3 and s2
			_, err := w.others.Sessions.Update(t.Context(), "s5", &coviu.SessionUpdateRequest{StartTime: &at, EndTime: new(at.Add(time.Hour))})
			require.NoError(t, err)
		}
	}
	client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: endsBefore{w.gate}}))
	got, err := reads(t.Context(), client, o)
	require.NoError(t, err)
	require.ElementsMatch(t, ids, got)
}

// In the order of creation, a session that was moved is where it was.
func TestPages_MovesInTheOrderOfCreation(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	ids := seedList(t, w.server, 60)
	var got []string
	for session, err := range w.others.Sessions.All(t.Context(), &coviu.SessionListOptions{State: ourState, PageSize: 2}) {
		require.NoError(t, err)
		got = append(got, session.SessionID)
		at := session.StartTime.Add(time.Minute)
		_, err = w.others.Sessions.Update(t.Context(), session.SessionID, &coviu.SessionUpdateRequest{StartTime: &at, EndTime: new(at.Add(time.Hour))})
		require.NoError(t, err)
	}
	require.Equal(t, ids, got)
	require.LessOrEqual(t, w.server.Count("GET /sessions"), countPages(len(ids), 2)+1)
}

// Among sessions that start together, only one that was read says so.
func TestPages_NeighboursThatStartTogether(t *testing.T) {
	w := newListWorld(t)
	at := listClock().Add(time.Hour)
	seeds := slices.Repeat([]coviu.Session{{StartTime: at, EndTime: at.Add(time.Hour)}}, 9)
	for i := range seeds {
		seeds[i].SessionID = sessionName(i)
	}
	_, err := w.server.Seed(seeds...)
	require.NoError(t, err)
	o := coviu.SessionListOptions{StartTime: listClock().Add(30 * time.Minute), PageSize: 2}
	w.gate.before = func(number int) {
		if number == 2 {
			require.NoError(t, w.takeOut("s0", o))
			require.NoError(t, w.takeOut("s1", o))
		}
	}
	got, err := reads(t.Context(), w.walkers[false], o)
	require.NoError(t, err)
	require.Equal(t, sessionIDs(seeds), got)
}

// takeOut makes session id leave the list.
func (w *listWorld) takeOut(id string, o coviu.SessionListOptions) error {
	if o.State != "" {
		_, err := w.others.Participants.Update(context.Background(), "p"+id[1:], &coviu.ParticipantUpdateRequest{State: new(theirState)})
		return err
	}
	at := listClock().Add(time.Minute)
	if o.StartTime.IsZero() {
		at = o.EndTime.Add(time.Hour)
	}
	_, err := w.others.Sessions.Update(context.Background(), id, &coviu.SessionUpdateRequest{StartTime: &at, EndTime: new(at.Add(time.Hour))})
	return err
}

// A server that takes no notice of a time goes on beyond it, and is not read again
// from the start.
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
				got, err := reads(t.Context(), client, o)
				require.NoError(t, err)
				require.ElementsMatch(t, ids, got)
				require.LessOrEqual(t, w.server.Count("GET /sessions"), countPages(len(ids), o.PageSize)+2,
					"%v ignored, order %q, page size %d", ignored, order, o.PageSize)
			}
		}
	}
}

// Without prefetching, a page is asked for when the consumer wants it.
func TestPages_PrefetchIsBounded(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 1, 3, 8}, func(t *testing.T, o coviu.SessionListOptions) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
			t.Cleanup(s.Close)
			seedList(t, s, 60)
			o.PageSize = 2
			pages := 0
			for _, err := range s.Client(t).Sessions.Pages(t.Context(), &o) {
				require.NoError(t, err)
				synctest.Wait()
				pages++
				require.LessOrEqual(t, s.Count("GET /sessions"), pages+o.Prefetch)
			}
			assert.Equal(t, 30, pages)
		})
	})
}

// 50 pages of 50 ms each, in virtual time: the ratio is a matter of arithmetic.
func TestPages_PrefetchSavesTime(t *testing.T) {
	walk := func(t *testing.T, prefetch int) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory())
			t.Cleanup(s.Close)
			seedList(t, s, 100)
			client := s.Client(t)
			_, err := client.Token(t.Context())
			require.NoError(t, err)
			s.Fail("GET /sessions", coviutest.Delay(50*time.Millisecond).Always())
			began := time.Now()
			ids, err := reads(t.Context(), client, coviu.SessionListOptions{PageSize: 2, Prefetch: prefetch})
			require.NoError(t, err)
			require.Len(t, ids, 100)
			took = time.Since(began)
		})
		return took
	}
	sequential := walk(t, 0)
	assert.Equal(t, 50*50*time.Millisecond, sequential)
	assert.LessOrEqual(t, walk(t, 8), sequential/5)
}

func TestPages_StartPage(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
		w := newListWorld(t)
		seedShuffledList(t, w.server, 13)
		all, err := reads(t.Context(), w.others, o)
		require.NoError(t, err)
		require.Len(t, all, 13)
		for o.PageSize = 1; o.PageSize < 8; o.PageSize++ {
			for o.Page = 0; o.Page <= 13/o.PageSize+1; o.Page++ {
				got, err := reads(t.Context(), w.others, o)
				require.NoError(t, err)
				require.Equal(t, all[min(13, o.Page*o.PageSize):], append([]string{}, got...), "page %d of size %d", o.Page, o.PageSize)
			}
		}
	})
}

// A session that is yielded belongs to the consumer alone.
func TestAll_SessionsAreCopies(t *testing.T) {
	w := newListWorld(t)
	ids := seedList(t, w.server, 6)
	var kept []*coviu.Session
	for session, err := range w.others.Sessions.All(t.Context(), &coviu.SessionListOptions{PageSize: 3}) {
		require.NoError(t, err)
		session.Participants[0].DisplayName = session.SessionID
		session.Participants = append(session.Participants, coviu.Participant{})
		kept = append(kept, session)
	}
	require.Len(t, kept, 6)
	for i, session := range kept {
		assert.Equal(t, ids[i], session.SessionID)
		assert.Equal(t, ids[i], session.Participants[0].DisplayName)
	}
}

// Servers differ in what they say about a page, and some do not keep to start
// times. The list is complete on all of them.
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
						got, err := reads(t.Context(), client, o)
						require.NoError(t, err, "%d sessions, page size %d", sessions, pageSize)
						require.ElementsMatch(t, ids, got, "%d sessions, page size %d", sessions, pageSize)
					}
				}
			})
		})
	}
}

// One source says that end_time is when sessions end, not when they start.
func TestPages_ServersWhereEndTimeIsTheEnd(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: endsBefore{w.gate.next}}))
	for _, lengths := range [][]time.Duration{
		{time.Millisecond}, {time.Minute}, {time.Hour}, {1000 * time.Hour}, {time.Millisecond, time.Hour},
	} {
		w.server.Restore(w.emptySnapshot())
		for i := range 23 {
			at := listClock().Add(time.Duration(1+i*7%23) * 20 * time.Minute)
			_, err := w.server.Seed(coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(lengths[i%len(lengths)])})
			require.NoError(t, err)
		}
		inListModes(t, []int{0, 2}, func(t *testing.T, o coviu.SessionListOptions) {
			if o.State != "" {
				return
			}
			whole, err := reads(t.Context(), client, o)
			require.NoError(t, err)
			require.Len(t, whole, 23)
			for o.PageSize = 1; o.PageSize < 6; o.PageSize++ {
				got, err := reads(t.Context(), client, o)
				require.NoError(t, err)
				require.Equal(t, whole, got, "page size %d, sessions of %v", o.PageSize, lengths)
			}
		})
	}
}

// endsBefore is a server that lists what ends up to end_time.
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

// A server that writes whole seconds says less than it orders by.
func TestPages_ServersThatCutSeconds(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	cut := otherServer{next: w.gate.next, reply: func(body []byte) []byte {
		return regexp.MustCompile(`(:\d\d)\.\d+Z`).ReplaceAll(body, []byte("${1}Z"))
	}}
	client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: &cut}))
	var ids []string
	for i := range 36 {
		at := listClock().Add(50*time.Hour + time.Duration(i*7%24)*150*time.Millisecond)
		if i >= 24 {
			at = listClock().Add(time.Duration(1+i%24*8) * time.Hour)
		}
		ids = append(ids, sessionName(i))
		_, err := w.server.Seed(coviu.Session{SessionID: ids[i], StartTime: at, EndTime: at.Add(time.Hour), Participants: []coviu.Participant{{State: ourState}}})
		require.NoError(t, err)
	}
	inListModes(t, []int{0}, func(t *testing.T, o coviu.SessionListOptions) {
		for o.PageSize = 1; o.PageSize < 13; o.PageSize++ {
			got, err := reads(t.Context(), client, o)
			require.NoError(t, err)
			require.ElementsMatch(t, ids, got, "page size %d", o.PageSize)
		}
	})
}

// without takes parameters out of the query.
func without(parameters ...string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		for _, parameter := range parameters {
			q.Del(parameter)
		}
		r.URL.RawQuery = q.Encode()
	}
}

// capPages makes pages of three where more are asked for.
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

// seedShuffledList adds sessions whose starts do not follow their creation, some
// of them together.
func seedShuffledList(t *testing.T, s *coviutest.Server, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = sessionName(i)
		at := s.Now().Add(time.Duration(1+i*7%11) * time.Hour)
		_, err := s.Seed(coviu.Session{
			SessionID: ids[i], StartTime: at, EndTime: at.Add(time.Hour),
			Participants: []coviu.Participant{{State: ourState}},
		})
		require.NoError(t, err)
	}
	return ids
}

// emptySnapshot is the server without a session.
func (w *listWorld) emptySnapshot() *coviutest.Snapshot {
	key := [2]int{}
	if w.snapshots[key] == nil {
		w.snapshots[key] = w.server.Snapshot()
	}
	return w.snapshots[key]
}

// Whole seconds on the wire, parts of one on the server: the start asked for and
// the starts of neighbours can't be told apart, and nothing may depend on it.
func TestPages_WholeSeconds(t *testing.T) {
	t.Parallel()
	w := newListWorld(t, coviutest.WithDates(coviutest.DatesRFC1123))
	for _, seconds := range []bool{false, true} {
		found := newFindings()
		for _, pageSize := range []int{1, 3} {
			c := listCase{sessions: 6, starts: startsWithinOneSecond, filter: listFilter{from: true}, pageSize: pageSize, seconds: seconds}
			found.checkSchedules(t, w, c, false)
		}
		found.report(t)
	}
}

// More sessions in one second than the largest page holds: a query in whole
// seconds can't ask for the later of them, so page numbers have to.
func TestPages_FullSecond(t *testing.T) {
	w := newListWorld(t)
	w.gate.before = func(int) {}
	sessions := make([]coviu.Session, 450)
	for i := range sessions {
		at := listClock().Add(time.Hour + time.Duration(i)*time.Millisecond)
		sessions[i] = coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour)}
	}
	_, err := w.server.Seed(sessions...)
	require.NoError(t, err)
	for _, pageSize := range []int{0, 7, 100, 200} {
		for seconds, client := range w.walkers {
			got, err := reads(t.Context(), client, coviu.SessionListOptions{StartTime: listClock(), PageSize: pageSize})
			require.NoError(t, err, "page size %d, seconds=%t", pageSize, seconds)
			require.Equal(t, sessionIDs(sessions), got)
		}
	}
}

// A start with a part of a second is what time.Now gives.
func TestPages_StartWithAFraction(t *testing.T) {
	for _, form := range []coviutest.DateForm{coviutest.DatesISO, coviutest.DatesRFC1123} {
		w := newListWorld(t, coviutest.WithDates(form))
		for i := range 6 {
			at := listClock().Add(time.Duration(700+i) * time.Millisecond)
			_, err := w.server.Seed(coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour)})
			require.NoError(t, err)
		}
		moved := listClock().Add(30 * time.Hour)
		w.gate.before = func(number int) {
			if number == 1 {
				_, err := w.others.Sessions.Update(t.Context(), "s0", &coviu.SessionUpdateRequest{StartTime: &moved, EndTime: new(moved.Add(time.Hour))})
				require.NoError(t, err)
			}
		}
		w.gate.number = 0
		got, err := reads(t.Context(), w.walkers[false], coviu.SessionListOptions{StartTime: listClock().Add(500 * time.Millisecond), PageSize: 2})
		require.NoError(t, err)
		assert.Equal(t, []string{"s0", "s1", "s2", "s3", "s4", "s5"}, got)
	}
}

// Many sessions start at nine o'clock, more than one page can hold.
func TestPages_ManyStartTogether(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	const together = 250
	nine := listClock().Add(9 * time.Hour)
	for i := range together + 20 {
		at := nine
		if i >= together {
			at = nine.Add(time.Duration(i) * time.Minute)
		}
		_, err := w.server.Seed(coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour)})
		require.NoError(t, err)
	}
	snapshot := w.server.Snapshot()
	for _, pageSize := range []int{1, 10, 150, 200} {
		for _, moved := range []int{0, pageSize - 1} {
			for before := 1; before < 6; before += 2 {
				w.server.Restore(snapshot)
				w.gate.number = 0
				w.gate.before = func(number int) {
					if number == before {
						_, err := w.others.Sessions.Update(t.Context(), sessionName(moved),
							&coviu.SessionUpdateRequest{StartTime: new(nine.Add(-time.Hour)), EndTime: new(nine.Add(-time.Minute))})
						require.NoError(t, err)
					}
				}
				got, err := reads(t.Context(), w.walkers[false], coviu.SessionListOptions{StartTime: nine.Add(-2 * time.Hour), PageSize: pageSize})
				require.NoError(t, err)
				seen := map[string]int{}
				for _, id := range got {
					seen[id]++
				}
				for i := range together + 20 {
					if i != moved {
						require.Equal(t, 1, seen[sessionName(i)], "session %d with page size %d, %d moved before request %d", i, pageSize, moved, before)
					}
				}
			}
		}
	}
}
