package coviutest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestMinutesCostNothingInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		defer s.Close()
		c := s.Client(t)
		booked, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{
			StartTime: time.Now().Add(time.Hour), EndTime: time.Now().Add(2 * time.Hour),
			Participants: []coviu.ParticipantCreationRequest{{}},
		})
		require.NoError(t, err)
		link := booked.Participants[0].EntryURL
		_, _, err = s.Enter(link)
		require.ErrorIs(t, err, coviutest.ErrNotStarted)
		<-time.After(90 * time.Minute)
		_, _, err = s.Enter(link)
		require.NoError(t, err)
		_, err = c.Sessions.Get(t.Context(), booked.SessionID, nil)
		require.NoError(t, err, "the token ran out and was replaced")
		s.Advance(time.Hour)
		_, _, err = s.Enter(link)
		require.ErrorIs(t, err, coviutest.ErrFinished)
	})
}

func TestCloseEndsBothSides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		w := newWire(t, s)
		w.do("GET", "/sessions", "").is(200)
		s.Close()
		s.Close()
		_, err := w.try(t.Context(), "GET", "/sessions", "")
		require.ErrorContains(t, err, "connection refused")
	})
}

func TestALargeReplyWaitsForASlowReader(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *wire) {
		sessions := make([]coviu.Session, 200)
		for i := range sessions {
			sessions[i] = coviu.Session{SessionName: "a name of some length", Participants: make([]coviu.Participant, 3)}
		}
		_, err := w.s.Seed(sessions...)
		require.NoError(t, err)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.s.URL+"/sessions", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+w.token)
		reply, err := w.http.Do(r)
		require.NoError(t, err)
		defer reply.Body.Close()
		synctest.Wait() // the server now waits for room in the connection

		// A server that held a lock while it writes could not book now.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := newWire(t, w.s).try(ctx, "POST", "/sessions", soon())
		require.NoError(t, err)
		got.is(200)
		text, err := io.ReadAll(reply.Body)
		require.NoError(t, err)
		assert.Greater(t, len(text), 128<<10)
		assert.Len(t, answer{t: t, body: string(text), parsed: new(any)}.list("content", "session_id"), 200)
	})
}

func TestDeadlinesOfConnectionsInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		defer s.Close()
		s.Fail(opList, coviutest.StallBody(5))
		w := newWire(t, s)
		w.http.Timeout = time.Minute
		began := time.Now()
		got, err := w.try(t.Context(), "GET", "/sessions", "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, `{"con`, got.body)
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var all sync.WaitGroup
	for range 64 {
		c := s.Client(t)
		all.Go(func() {
			for range 5 {
				booked, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{StartTime: day.Add(time.Hour), EndTime: day.Add(2 * time.Hour)})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err = c.Participants.Add(t.Context(), booked.SessionID, &coviu.ParticipantCreationRequest{}); err != nil {
					t.Error(err)
				}
				if _, err = c.Sessions.List(t.Context(), &coviu.SessionListOptions{PageSize: 3}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	assert.Len(t, s.Sessions(), 64*5)
}

func TestServersDoNotShareAnything(t *testing.T) {
	t.Parallel()
	a, b := coviutest.NewServer(), coviutest.NewServer()
	defer a.Close()
	defer b.Close()
	assert.NotEqual(t, a.URL, b.URL)
	assert.NotEqual(t, a.APIKey, b.APIKey)
	bookNow(t, a.Client(t))
	assert.Len(t, a.Sessions(), 1)
	assert.Empty(t, b.Sessions())
}

func TestAServerThatListensEverywhereHasAURLToConnectTo(t *testing.T) {
	t.Parallel()
	everywhere, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	require.NoError(t, err)
	s := coviutest.NewServer(coviutest.WithListener(everywhere))
	defer s.Close()
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/v1$`, s.URL)
	bookNow(t, s.Client(t))
}

func bookNow(t *testing.T, c *coviu.Client) {
	t.Helper()
	now := time.Now()
	_, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{StartTime: now.Add(time.Hour), EndTime: now.Add(2 * time.Hour)})
	require.NoError(t, err)
}

// The list is longer than what the server keeps together in memory, and was not
// created in the order of its start times.
func TestLongListsArePagedExactly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := newWire(t, s)
	const total = 1300
	sessions := make([]coviu.Session, total)
	for i := range sessions {
		sessions[i].StartTime = day.Add(time.Duration((i*7919)%total) * time.Minute)
		sessions[i].EndTime = day.Add(total * time.Hour)
		if i%3 == 0 {
			sessions[i].CanceledTime = new(day)
		}
	}
	seeded, err := s.Seed(sessions...)
	require.NoError(t, err)
	walk := func(query string) []string {
		all := []string{}
		for page := 0; ; page++ {
			got := w.do("GET", "/sessions?page="+strconv.Itoa(page)+"&"+query, "").is(200)
			all = append(all, got.list("content", "session_id")...)
			if more, ok := got.get("more").(bool); !more || !ok {
				return all
			}
		}
	}
	created := []string{}
	for _, one := range seeded {
		if one.CanceledTime == nil {
			created = append(created, one.SessionID)
		}
	}
	assert.Equal(t, created, walk("page_size=199"))
	assert.Equal(t, reversed(created), walk("page_size=200&order=reverse"))
	byStart := idsByStart(seeded)
	assert.Equal(t, byStart, walk("include_canceled=1&"+escaped("start_time", in(0))))
	assert.Equal(t, reversed(byStart), walk("include_canceled=1&order=reverse&page_size=7&" + escaped("end_time", in(total*time.Hour)))[:total])
	middle := walk("include_canceled=1&page_size=50&" + escaped("start_time", in(300*time.Minute)) + "&" + escaped("end_time", in(999*time.Minute)))
	assert.Equal(t, byStart[300:1000], middle)

	live := func() []string {
		return idsByStart(slices.DeleteFunc(s.Sessions(), func(one coviu.Session) bool { return one.CanceledTime != nil }))
	}
	since := "page_size=9&" + escaped("start_time", in(0))
	assert.Equal(t, live(), walk(since))
	for i, id := range live() {
		switch i % 8 {
		case 3:
			w.do("PUT", "/sessions/"+id, `{"start_time":"`+in(time.Duration(total+i)*time.Minute)+`"}`).is(200)
		case 5:
			if i > 0 && i%3 == 0 {
				w.do("DELETE", "/sessions/"+id, "").is(200)
			}
		}
	}
	assert.Equal(t, live(), walk(since))
	assert.Equal(t, reversed(live()), walk("order=reverse&"+since))
}

func reversed(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Reverse(ids)
	return ids
}

func idsByStart(sessions []coviu.Session) []string {
	sorted := slices.SortedFunc(slices.Values(sessions), func(a, b coviu.Session) int { return a.StartTime.Compare(b.StartTime) })
	ids := []string{}
	for _, one := range sorted {
		ids = append(ids, one.SessionID)
	}
	return ids
}
