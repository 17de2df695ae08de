package listtest_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// failingOn refuses requests for one page, and records which pages are asked for.
type failingOn struct {
	next http.RoundTripper

	mu    sync.Mutex
	page  askedPage
	off   bool
	asked []askedPage
}

func (f *failingOn) refuses(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path != "/v1/sessions" {
		return false
	}
	f.asked = append(f.asked, pageOf(r))
	return !f.off && pageOf(r) == f.page
}

func (f *failingOn) RoundTrip(r *http.Request) (*http.Response, error) {
	if !f.refuses(r) {
		return f.next.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusTeapot, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("no")), Request: r,
	}, nil
}

// failOn reads the list once to learn which pages client asks for, and makes the
// page at index k fail from then on. The pages are sorted by where they end,
// since requests may arrive in any order.
func (f *failingOn) failOn(t *testing.T, client *coviu.Client, o coviu.SessionListOptions, k int) {
	t.Helper()
	f.off, f.asked = true, nil
	_, err := readAll(t.Context(), client, o)
	require.NoError(t, err)
	slices.SortFunc(f.asked, func(a, b askedPage) int { return a.end() - b.end() })
	f.off, f.page = false, f.asked[k]
}

func TestFault58_ErrorOnAPage(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
		for k := range 5 {
			s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
			t.Cleanup(s.Close)
			ids := seedList(t, s, 10)
			fault := &failingOn{next: s.Transport()}
			client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: fault}))
			o := o
			o.PageSize = 2
			fault.failOn(t, client, o, k)
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

			fault.off = true
			o.Page, o.PageSize = stopped.Page, stopped.PageSize
			rest, err := readAll(t.Context(), client, o)
			require.NoError(t, err)
			assert.ElementsMatch(t, ids, append(got, rest...), "the list goes on where it stopped")
		}
	})
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
		ids, err := readAll(t.Context(), s.Client(t), o)
		require.ErrorIs(t, err, coviu.ErrInvalidRequest, name)
		require.ErrorAs(t, err, new(*coviu.ListError), name)
		assert.Empty(t, ids)
	}
	for _, err := range new(coviu.Client).Sessions.Pages(t.Context(), nil) {
		require.ErrorIs(t, err, coviu.ErrInvalidRequest)
	}
	assert.Zero(t, s.Count(coviutest.AnyOperation))
}
