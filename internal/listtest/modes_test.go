package listtest_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// listModes returns the options that differ in how the next page is found.
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

// pagesOverlap reports whether pages overlap under o without Prefetch.
func pagesOverlap(o coviu.SessionListOptions) bool {
	return o.State != "" || !o.StartTime.IsZero() || !o.EndTime.IsZero()
}

// inListModes runs test in each mode, with each value of Prefetch.
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

// seedList adds n sessions, with one hour from each start to the next.
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

// readAll returns the ids that All yields before its end or its error.
func readAll(ctx context.Context, client *coviu.Client, o coviu.SessionListOptions) (ids []string, err error) {
	for session, err := range client.Sessions.All(ctx, &o) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, session.SessionID)
	}
	return ids, nil
}

// askedPage is a page by its number and size.
type askedPage struct{ number, size int }

func (p askedPage) end() int { return (p.number + 1) * p.size }

func pageOf(r *http.Request) askedPage {
	q := r.URL.Query()
	number, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("page_size"))
	return askedPage{number, size}
}

// countPages returns how many pages n sessions fill. An empty list has one page.
func countPages(n, size int) int { return max(1, (n+size-1)/size) }

// seedShuffledList adds n sessions that are not created in the order of their
// starts. Some starts are equal.
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

func sessionIDs(sessions []coviu.Session) []string {
	ids := make([]string, len(sessions))
	for i := range sessions {
		ids[i] = sessions[i].SessionID
	}
	return ids
}
