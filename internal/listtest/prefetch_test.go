package listtest_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// At most Prefetch pages are asked for beyond the one in use; without it, none.
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

// 50 pages of 50 ms each, in virtual time: the ratio depends on the requests alone.
func TestPages_PrefetchSavesTime(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{8}, func(t *testing.T, o coviu.SessionListOptions) {
		o.PageSize = 2
		eight := timeToRead(t, 100, o)
		o.Prefetch = 0
		sequential := timeToRead(t, 100, o)
		assert.Equal(t, 50*50*time.Millisecond, sequential)
		assert.LessOrEqual(t, eight, sequential/5)
		t.Logf("%v instead of %v", eight, sequential)
	})
}

// timeToRead returns how long it takes to read a list if each request takes 50
// ms.
func timeToRead(t *testing.T, sessions int, o coviu.SessionListOptions) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
		t.Cleanup(s.Close)
		seedList(t, s, sessions)
		client := s.Client(t)
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		s.Fail("GET /sessions", coviutest.Delay(50*time.Millisecond).Always())
		began := time.Now()
		ids, err := readAll(t.Context(), client, o)
		require.NoError(t, err)
		require.Len(t, ids, sessions)
		took = time.Since(began)
	})
	return took
}

// panickingOn panics on the request with a number, counted from one.
type panickingOn struct {
	next   http.RoundTripper
	number int32
	asked  atomic.Int32
}

func (p *panickingOn) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/sessions" && p.asked.Add(1) == p.number {
		panic("the transport's own")
	}
	return p.next.RoundTrip(r)
}

// A panic in a caller's transport reaches the goroutine of the loop, with
// Prefetch and without. No request and no goroutine is left.
func TestFault78_PanicWhilePrefetching(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 1, 8}, func(t *testing.T, o coviu.SessionListOptions) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
			t.Cleanup(s.Close)
			ids := seedList(t, s, 20)
			transport := &panickingOn{next: s.Transport(), number: 5}
			client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: transport}))
			s.Fail("GET /sessions", coviutest.Delay(time.Second).Always())
			o.PageSize = 2
			var got []string
			require.PanicsWithValue(t, "the transport's own", func() {
				for session, err := range client.Sessions.All(t.Context(), &o) {
					require.NoError(t, err)
					got = append(got, session.SessionID)
				}
			})
			assert.Less(t, len(got), len(ids))
			asked := transport.asked.Load()
			<-time.After(time.Hour)
			assert.Equal(t, asked, transport.asked.Load(), "nothing is started afterwards")

			all, err := readAll(t.Context(), client, o)
			require.NoError(t, err, "the client goes on working")
			assert.ElementsMatch(t, ids, all)
		})
	})
}
