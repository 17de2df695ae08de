package listtest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// readUntilFailure reads a list, of which page k fails, up to the error.
func readUntilFailure(t *testing.T, fault *failingOn, client *coviu.Client, o coviu.SessionListOptions, k int) ([]coviu.Session, *coviu.ListError) {
	t.Helper()
	fault.failOn(t, client, o, k)
	var got []coviu.Session
	var stopped *coviu.ListError
	for session, err := range client.Sessions.All(t.Context(), &o) {
		if err != nil {
			require.ErrorAs(t, err, &stopped)
			break
		}
		got = append(got, *session)
	}
	require.NotNil(t, stopped)
	fault.off = true
	return got, stopped
}

// Where long pages overlap, the sessions read do not fill a whole number of pages.
// The page of the error is rounded down: it may repeat sessions, but skips none.
func TestFault58_ResumeAfterLongPages(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	w.gate.before = func(int) {}
	ids := seedList(t, w.server, 420)
	inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
		for _, pageSize := range []int{120, 200} {
			for k := 1; k < 3; k++ {
				fault := &failingOn{next: w.gate}
				client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: fault}))
				o := o
				o.PageSize = pageSize
				got, stopped := readUntilFailure(t, fault, client, o, k)
				require.LessOrEqual(t, stopped.Page*stopped.PageSize, len(got))
				require.Greater(t, (stopped.Page+1)*stopped.PageSize, len(got))
				o.Page, o.PageSize = stopped.Page, stopped.PageSize
				rest, err := readAll(t.Context(), client, o)
				require.NoError(t, err)
				require.Empty(t, missing(ids, append(sessionIDs(got), rest...)), "page size %d, error on page %d", pageSize, k)
			}
		}
	})
}

// The list changes between the error and the second iteration. Sessions may be
// repeated, and none is missed.
func TestFault58_ResumeAfterChanges(t *testing.T) {
	t.Parallel()
	for _, order := range []coviu.Order{coviu.OrderForward, coviu.OrderReverse} {
		for _, prefetch := range []int{0, 3} {
			t.Run(fmt.Sprintf("%s, prefetch %d", order, prefetch), func(t *testing.T) {
				s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
				t.Cleanup(s.Close)
				ids := seedList(t, s, 10)
				fault := &failingOn{next: s.Transport()}
				client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: fault}))
				o := coviu.SessionListOptions{Order: order, PageSize: 2, Prefetch: prefetch}
				got, stopped := readUntilFailure(t, fault, client, o, 2)
				for _, session := range got {
					_, err := client.Sessions.Delete(t.Context(), session.SessionID)
					require.NoError(t, err)
				}
				_, err := s.Seed(coviu.Session{SessionID: "new"})
				require.NoError(t, err)
				o.Page = stopped.Page
				rest, err := readAll(t.Context(), client, o)
				require.NoError(t, err)
				assert.Subset(t, append(sessionIDs(got), rest...), ids)
			})
		}
	}
}

// In a list by start time, continuing at the start of the last session misses none,
// even if sessions left the part already read and the server cuts starts to seconds.
func TestFault58_ResumeFromTheLastStart(t *testing.T) {
	t.Parallel()
	cutDates := func(body []byte) []byte {
		return regexp.MustCompile(`(:\d\d)\.\d+Z`).ReplaceAll(body, []byte("${1}Z"))
	}
	for name, reply := range map[string]func([]byte) []byte{"whole dates": nil, "cut dates": cutDates} {
		for _, order := range []coviu.Order{coviu.OrderForward, coviu.OrderReverse} {
			t.Run(fmt.Sprintf("%s, %s", name, order), func(t *testing.T) {
				w := newListWorld(t)
				w.gate.before = func(int) {}
				for i := range 12 {
					at := listClock().Add(time.Hour + time.Duration(i*7%12/2)*400*time.Millisecond)
					_, err := w.server.Seed(coviu.Session{SessionID: sessionName(i), StartTime: at, EndTime: at.Add(time.Hour)})
					require.NoError(t, err)
				}
				seeded := w.server.Snapshot()
				for k := 1; k < 6; k += 2 {
					w.server.Restore(seeded)
					fault := &failingOn{next: &otherServer{next: w.gate, reply: reply}}
					client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: fault}))
					o := coviu.SessionListOptions{StartTime: listClock().Add(30 * time.Minute), EndTime: listClock().Add(3 * time.Hour), Order: order, PageSize: 2}
					got, _ := readUntilFailure(t, fault, client, o, k)
					for _, session := range got[:min(3, len(got)-1)] {
						require.NoError(t, w.takeOut(session.SessionID, o))
					}
					last := got[len(got)-1].StartTime
					if order == coviu.OrderReverse {
						o.EndTime = last.Add(time.Second)
					} else {
						o.StartTime = last
					}
					rest, err := readAll(t.Context(), client, o)
					require.NoError(t, err)
					all := append(sessionIDs(got), rest...)
					for i := range 12 {
						require.True(t, slices.Contains(all, sessionName(i)), "session %d, error on page %d", i, k)
					}
				}
			})
		}
	}
}

// missing returns the ids that are not among got.
func missing(ids, got []string) []string {
	seen := map[string]bool{}
	for _, id := range got {
		seen[id] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return seen[id] })
}
