package listtest_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// This checks a sample of the lists. The tag exhaustive checks many more.
func TestFault56_MixedDatePrecision(t *testing.T) {
	t.Parallel()
	checkMixedLists(t, 1_000)
}

// A start that is cut to seconds can look earlier than that of a session before it.
// That must not count as an overlap while a session between them is unread.
func TestPages_CutStartsProveNoOverlap(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return listClock().Add(time.Duration(ms) * time.Millisecond) }
	session := func(id string, ms int, cut bool) *mixedSession {
		return &mixedSession{id: id, start: at(ms), cut: cut, had: []time.Time{at(ms)}, existed: true}
	}
	for order, sessions := range map[coviu.Order][]*mixedSession{
		coviu.OrderForward: {session("s0", 250, false), session("s1", 500, false), session("s2", 1500, false), session("s3", 1600, false), session("s4", 1750, true)},
		coviu.OrderReverse: {session("s0", 3500, false), session("s1", 3250, false), session("s2", 1750, true), session("s3", 1600, true), session("s4", 1500, false)},
	} {
		leave := func(l *mixedList) {
			for _, s := range l.sessions[:2] {
				s.start, s.moved = listClock().Add(-time.Hour), true
			}
		}
		run := &mixedRun{
			list:    mixedList{sessions: sessions, changes: []mixedChange{{before: 3, apply: leave}}},
			options: coviu.SessionListOptions{StartTime: listClock(), PageSize: 1, Order: order},
		}
		require.Empty(t, run.check(readAll, false), order)
		require.Empty(t, run.list.changes, "the change happened")
	}
}

// A session that was read, and then moved behind unread ones, proves no overlap.
func TestPages_SessionMovedBehindUnreadOnes(t *testing.T) {
	t.Parallel()
	for _, order := range []coviu.Order{coviu.OrderForward, coviu.OrderReverse} {
		at := func(place int) time.Time {
			if order == coviu.OrderReverse {
				place = 100 - place
			}
			return listClock().Add(time.Duration(place) * time.Hour)
		}
		run := &mixedRun{options: coviu.SessionListOptions{StartTime: listClock(), PageSize: 1, Order: order}}
		for i := range 6 {
			start := at(10 * (i + 1))
			run.list.sessions = append(run.list.sessions, &mixedSession{id: sessionName(i), start: start, had: []time.Time{start}, existed: true})
		}
		run.list.changes = []mixedChange{{before: 3, apply: func(l *mixedList) {
			for i, start := range []time.Time{listClock().Add(-time.Hour), listClock().Add(-time.Hour), at(55)} {
				l.sessions[i].start, l.sessions[i].moved = start, true
			}
		}}}
		require.Empty(t, run.check(readAll, false), order)
		require.Empty(t, run.list.changes, "the change happened")
	}
}

// mixedList is a service that writes some starts cut to seconds and others with
// milliseconds. It sorts and filters by the whole start.
type mixedList struct {
	mu       sync.Mutex
	sessions []*mixedSession // in the order of creation
	changes  []mixedChange
	requests int
}

type mixedSession struct {
	id              string
	start           time.Time
	cut             bool
	canceled, other bool
	// had are the starts it had. A cut session never has two in one second, since no
	// client could see the move from one to the other.
	had []time.Time
	// existed says that it was there at the start of the iteration, moved and
	// restated that its start or its State changed since.
	existed, moved, restated bool
}

type mixedChange struct {
	before int // the request, counted from 0
	apply  func(*mixedList)
}

func (l *mixedList) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.changes) > 0 && l.changes[0].before <= l.requests {
		l.changes[0].apply(l)
		l.changes = l.changes[1:]
	}
	l.requests++
	body := l.page(r.URL.Query())
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: r,
	}, nil
}

func (l *mixedList) page(q url.Values) string {
	from, to := queryTime(q, "start_time"), queryTime(q, "end_time")
	var listed []*mixedSession
	for _, s := range l.sessions {
		switch {
		case s.other && q.Get("state") != "",
			!from.IsZero() && s.start.Before(from),
			!to.IsZero() && s.start.After(to),
			s.canceled && q.Get("include_canceled") != "true":
		default:
			listed = append(listed, s)
		}
	}
	if !from.IsZero() || !to.IsZero() {
		slices.SortStableFunc(listed, func(a, b *mixedSession) int { return a.start.Compare(b.start) })
	}
	if q.Get("order") == string(coviu.OrderReverse) {
		slices.Reverse(listed)
	}
	number, _ := strconv.Atoi(q.Get("page"))
	size, err := strconv.Atoi(q.Get("page_size"))
	if err != nil {
		size = 200
	}
	begin, end := min(number*size, len(listed)), min((number+1)*size, len(listed))
	items := make([]string, 0, end-begin)
	for _, s := range listed[begin:end] {
		items = append(items, s.json())
	}
	return `{"content":[` + strings.Join(items, ",") + `],"more":` + strconv.FormatBool(end < len(listed)) + `}`
}

func queryTime(q url.Values, name string) time.Time {
	at, err := time.Parse(time.RFC3339, q.Get(name))
	if err != nil {
		at, _ = time.Parse(http.TimeFormat, q.Get(name))
	}
	return at
}

func (s *mixedSession) json() string {
	layout := "2006-01-02T15:04:05.000Z"
	if s.cut {
		layout = "2006-01-02T15:04:05Z"
	}
	canceled := ""
	if s.canceled {
		canceled = `,"canceled_time":"2030-01-01T00:00:00Z"`
	}
	return `{"session_id":"` + s.id + `","start_time":"` + s.start.Format(layout) + `","end_time":"2031-01-01T00:00:00Z"` + canceled + `}`
}

// mayMoveTo reports whether a client can see the move to at.
func (s *mixedSession) mayMoveTo(at time.Time) bool {
	return !s.cut || !slices.ContainsFunc(s.had, func(had time.Time) bool {
		return had.Truncate(time.Second).Equal(at.Truncate(time.Second))
	})
}

// mixedRun is one list, its changes, and the options it is read with.
type mixedRun struct {
	random  *rand.Rand
	list    mixedList
	options coviu.SessionListOptions
	// static says that nothing changes while the list is read.
	static bool
}

const mixedSeconds = 4

func (m *mixedRun) anyStart() time.Time {
	quarters := m.random.IntN(4 * mixedSeconds)
	return listClock().Add(time.Duration(quarters) * 250 * time.Millisecond)
}

func (m *mixedRun) add() *mixedSession {
	s := &mixedSession{
		id: sessionName(len(m.list.sessions)), start: m.anyStart(),
		cut: m.random.IntN(2) == 0, canceled: m.random.IntN(8) == 0, other: m.random.IntN(8) == 0,
	}
	s.had = []time.Time{s.start}
	m.list.sessions = append(m.list.sessions, s)
	return s
}

// newMixedRun draws a list. One in 500 is longer than the longest page.
func newMixedRun(seed uint64) *mixedRun {
	m := &mixedRun{random: rand.New(rand.NewPCG(seed, 12))}
	n := m.random.IntN(16)
	pageSize := []int{1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 200}[m.random.IntN(13)]
	if m.random.IntN(500) == 0 {
		n, pageSize = 150+m.random.IntN(500), 200
	}
	for range n {
		m.add().existed = true
	}
	m.options = coviu.SessionListOptions{
		PageSize: pageSize, Prefetch: []int{0, 1, 8}[m.random.IntN(3)], IncludeCanceled: m.random.IntN(2) == 0,
	}
	if m.random.IntN(2) == 0 {
		m.options.Order = coviu.OrderReverse
	}
	// Most lists are asked for by start time: others are not sorted by it.
	filters := m.random.IntN(16)
	if filters&1 != 0 {
		m.options.StartTime = listClock().Add(250 * time.Millisecond * time.Duration(m.random.IntN(5)))
	}
	if filters&2 != 0 {
		m.options.EndTime = listClock().Add(mixedSeconds*time.Second - 250*time.Millisecond*time.Duration(m.random.IntN(5)))
	}
	if filters&12 == 12 {
		m.options.State = ourState
	}
	m.static = m.random.IntN(2) == 0
	if !m.static {
		m.schedule(1 + 2*n/pageSize)
	}
	return m
}

// schedule draws up to six changes before the requests after the first.
func (m *mixedRun) schedule(requests int) {
	for range 1 + m.random.IntN(6) {
		m.list.changes = append(m.list.changes, mixedChange{1 + m.random.IntN(requests), m.anyChange()})
	}
	slices.SortStableFunc(m.list.changes, func(a, b mixedChange) int { return a.before - b.before })
}

func (m *mixedRun) anyChange() func(*mixedList) {
	kind, which := m.random.IntN(5), m.random.IntN(max(1, len(m.list.sessions)))
	at, booked := m.anyStart(), m.random.IntN(4)
	return func(l *mixedList) {
		if kind == 0 || which >= len(l.sessions) {
			for range booked {
				m.add()
			}
			return
		}
		s := l.sessions[which]
		switch {
		case kind == 1:
			s.canceled = true
		case kind == 2:
			s.other, s.restated = !s.other, true
		case s.mayMoveTo(at):
			s.start, s.moved, s.had = at, true, append(s.had, at)
		}
	}
}

// owed reports whether s matched from before the iteration until its end.
func (m *mixedRun) owed(s *mixedSession) bool {
	o := m.options
	switch {
	case !s.existed, s.canceled && !o.IncludeCanceled:
		return false
	case o.State != "" && (s.other || s.restated):
		return false
	case o.StartTime.IsZero() && o.EndTime.IsZero():
		return true
	}
	return !s.moved && !s.start.Before(o.StartTime) && (o.EndTime.IsZero() || !s.start.After(o.EndTime))
}

func (m *mixedRun) String() string {
	var lines strings.Builder
	fmt.Fprintf(&lines, "%+v prefetch %d, canceled %t, static %t", m.options, m.options.Prefetch, m.options.IncludeCanceled, m.static)
	for _, s := range m.list.sessions {
		fmt.Fprintf(&lines, "\n\t%s %v cut=%t %+v", s.id, s.had, s.cut, *s)
	}
	return lines.String()
}

// check reads the list, and says what is wrong with what was read.
func (m *mixedRun) check(read func(context.Context, *coviu.Client, coviu.SessionListOptions) ([]string, error), seconds bool) string {
	opts := []coviu.Option{
		coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"})),
		coviu.WithHTTPClient(&http.Client{Transport: &m.list}),
	}
	if seconds {
		// What is asked for is cut too.
		m.options.StartTime, m.options.EndTime = m.options.StartTime.Truncate(time.Second), m.options.EndTime.Truncate(time.Second)
		opts = append(opts, coviu.WithRFC1123Dates())
	}
	client, err := coviu.NewClient("", "", opts...)
	if err != nil {
		return err.Error()
	}
	ids, err := read(context.Background(), client, m.options)
	if err != nil {
		return err.Error()
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			return "repeated " + id
		}
		seen[id] = true
	}
	for _, s := range m.list.sessions {
		if m.owed(s) && !seen[s.id] {
			return "missed " + s.id
		}
	}
	return ""
}

// readByNumber reads a list as a loop over page numbers does.
func readByNumber(ctx context.Context, client *coviu.Client, o coviu.SessionListOptions) (ids []string, err error) {
	for ; ; o.Page++ {
		page, err := client.Sessions.List(ctx, &o)
		if err != nil {
			return ids, err
		}
		for _, s := range page.Content {
			ids = append(ids, s.SessionID)
		}
		if !page.More {
			return ids, nil
		}
	}
}

func checkMixedLists(t *testing.T, lists int) {
	t.Helper()
	var mu sync.Mutex
	var static, wrong, wrongByNumber, requests int
	var workers sync.WaitGroup
	parts := runtime.GOMAXPROCS(0)
	for part := range parts {
		workers.Go(func() {
			for seed := part; seed < lists; seed += parts {
				run := newMixedRun(uint64(seed))
				fault := run.check(readAll, seed%8 == 0)
				byNumber := ""
				if seed%16 == 1 {
					byNumber = newMixedRun(uint64(seed)).check(readByNumber, false)
				}
				mu.Lock()
				requests += run.list.requests
				if run.static {
					static++
				}
				if byNumber != "" {
					wrongByNumber++
				}
				if fault != "" {
					if wrong++; wrong <= 5 {
						t.Errorf("list %d: %s: %v", seed, fault, run)
					}
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("%d lists, %d of them static, %d requests: %d wrong; by page numbers %d of %d wrong",
		lists, static, requests, wrong, wrongByNumber, lists/16)
	require.Zero(t, wrong)
	require.Positive(t, wrongByNumber, "a check that page numbers pass proves nothing")
}
