package listtest_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// The server writes all starts cut to seconds, and sorts by the whole start.
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
			got, err := readAll(t.Context(), client, o)
			require.NoError(t, err)
			requireSameIDs(t, ids, got, "page size %d", o.PageSize)
		}
	})
}

// Behind one address, every third reply comes from a server that cuts seconds. Then
// a session that was read seems to be another one. The first session of an earlier
// page still sorts before the last one read.
func TestPages_EveryThirdReplyCutsSeconds(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	ids := make([]string, 500)
	for i := range ids {
		ids[i] = sessionName(i)
		at := listClock().Add(time.Duration(1+i)*time.Minute + 123*time.Millisecond)
		_, err := w.server.Seed(coviu.Session{SessionID: ids[i], StartTime: at, EndTime: at.Add(time.Hour)})
		require.NoError(t, err)
	}
	for _, pageSize := range []int{20, 99} {
		replies := 0
		server := otherServer{next: w.gate.next, reply: func(body []byte) []byte {
			if replies++; replies%3 > 0 {
				return body
			}
			return regexp.MustCompile(`(:\d\d)\.\d+Z`).ReplaceAll(body, []byte("${1}Z"))
		}}
		client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: &server}))
		w.server.ClearRequests()
		got, err := readAll(t.Context(), client, coviu.SessionListOptions{StartTime: listClock(), PageSize: pageSize})
		require.NoError(t, err)
		require.Equal(t, ids, got)
		require.LessOrEqual(t, w.server.Count("GET /sessions"), countPages(len(ids), pageSize)+2)
	}
}

// The server knows milliseconds, but requests, replies or both carry whole
// seconds. Neighboring starts then look equal.
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

// More sessions start in one second than the largest page holds.
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
		for seconds, client := range w.readers {
			got, err := readAll(t.Context(), client, coviu.SessionListOptions{StartTime: listClock(), PageSize: pageSize})
			require.NoError(t, err, "page size %d, seconds=%t", pageSize, seconds)
			require.Equal(t, sessionIDs(sessions), got)
		}
	}
}

// StartTime may have a fraction of a second, as time.Now has.
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
		got, err := readAll(t.Context(), w.readers[false], coviu.SessionListOptions{StartTime: listClock().Add(500 * time.Millisecond), PageSize: 2})
		require.NoError(t, err)
		assert.Equal(t, []string{"s0", "s1", "s2", "s3", "s4", "s5"}, got)
	}
}

// A server can write some starts cut to seconds and others with milliseconds. The
// list is sorted, but its dates do not look sorted. Nothing changes here, so All
// must yield what a single page holds.
func TestPages_SomeStartsCutToSeconds(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	w.gate.before = func(int) {}
	others := map[bool]*coviu.Client{
		false: w.others,
		true:  w.server.Client(t, coviu.WithHTTPClient(w.direct()), coviu.WithRFC1123Dates()),
	}
	starts := []int{1750, 500, 500, 500, 1250} // milliseconds
	empty := w.emptySnapshot()
	for cut := range 1 << len(starts) {
		w.server.Restore(empty)
		for i, start := range starts {
			book := &coviu.SessionCreationRequest{StartTime: listClock().Add(time.Hour), EndTime: listClock().Add(2 * time.Hour)}
			session, err := others[cut>>i&1 == 1].Sessions.Create(t.Context(), book)
			require.NoError(t, err)
			at := book.StartTime.Add(time.Duration(start) * time.Millisecond)
			_, err = w.others.Sessions.Update(t.Context(), session.SessionID, &coviu.SessionUpdateRequest{StartTime: &at})
			require.NoError(t, err)
		}
		checkListIsComplete(t, w, len(starts))
	}
}

// checkListIsComplete compares All, under every filter by start time, with a
// single page that holds all sessions.
func checkListIsComplete(t *testing.T, w *listWorld, sessions int) {
	t.Helper()
	for _, o := range []coviu.SessionListOptions{
		{StartTime: listClock()},
		{EndTime: listClock().Add(24 * time.Hour)},
		{StartTime: listClock(), EndTime: listClock().Add(24 * time.Hour)},
	} {
		for _, o.Order = range []coviu.Order{coviu.OrderForward, coviu.OrderReverse} {
			o.PageSize = 200
			page, err := w.others.Sessions.List(t.Context(), &o)
			require.NoError(t, err)
			require.Len(t, page.Content, sessions)
			for o.PageSize = 1; o.PageSize <= sessions; o.PageSize++ {
				for seconds, client := range w.readers {
					o.Prefetch = 0
					if seconds {
						o.Prefetch = 8
					}
					got, err := readAll(t.Context(), client, o)
					require.NoError(t, err)
					require.Equal(t, sessionIDs(page.Content), got, "%+v, prefetch %d", o, o.Prefetch)
				}
			}
		}
	}
}
