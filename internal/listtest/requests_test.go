package listtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

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
				got, err := readAll(t.Context(), w.others, o)
				require.NoError(t, err)
				require.Len(t, got, len(ids))
				assert.LessOrEqual(t, w.server.Count("GET /sessions"), countPages(sessions, pageSize)+1+o.Prefetch,
					"%d sessions, page size %d", sessions, pageSize)
			}
		}
	})
}

// Overlapping pages are as long as PageSize, up to 99.
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

// The largest pages overlap too, so they bring less than 200 new sessions each:
// 5,000 sessions take 27 requests, where pages without overlap would take 25.
func TestPages_RequestsSentForTheLongestPages(t *testing.T) {
	t.Parallel()
	const sessions = 5_000
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
		want := 25
		if pagesOverlap(o) {
			want = 27
		}
		assert.Equal(t, want, w.server.Count("GET /sessions"))
		assert.Equal(t, want, pages)
	})
}

// Equal starts make no difference to the number of requests.
func TestPages_RequestsSentWhereManyStartTogether(t *testing.T) {
	t.Parallel()
	countRequestsWhereManyStartTogether(t, 260, 2, 20, 99, 200)
}

func countRequestsWhereManyStartTogether(t *testing.T, sessions int, pageSizes ...int) {
	t.Helper()
	w := newListWorld(t)
	cases := map[int]time.Duration{1: time.Second, 2: time.Hour, 15: time.Hour, 120: 500 * time.Millisecond, 250: time.Hour}
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
			for _, o.PageSize = range pageSizes {
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
