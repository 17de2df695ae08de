package listtest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// A session that was yielded and then moved appears again on a later page. It
// must not count as a new one there, or it would hide another session.
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
		got, err := readAll(t.Context(), w.readers[false], coviu.SessionListOptions{StartTime: listClock(), PageSize: 1, Order: order})
		require.NoError(t, err, order)
		require.Subset(t, got, stayed)
	}
}

// Some or most of the sessions read leave the list at once. The iteration steps
// back by as many and misses nothing.
func TestPages_ManyLeaveAtOnce(t *testing.T) {
	t.Parallel()
	w := newListWorld(t)
	ids := seedList(t, w.server, 340)
	snapshot := w.server.Snapshot()
	inListModes(t, []int{0}, func(t *testing.T, o coviu.SessionListOptions) {
		if !pagesOverlap(o) {
			return
		}
		if !o.StartTime.IsZero() {
			o.StartTime = listClock().Add(30 * time.Minute)
		}
		w.server.Restore(snapshot)
		order, err := readAll(t.Context(), w.others, o)
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
			got, err := readAll(t.Context(), w.readers[false], o)
			require.NoError(t, err)
			require.ElementsMatch(t, ids, got)
			assert.Less(t, w.gate.number, countPages(len(ids), o.PageSize)+c.left/o.PageSize+5)
		}
	})
}

// In the order of creation, moving a session does not change its place.
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

// Among sessions with the same start, only a session that was read proves that a
// page overlaps.
func TestPages_NeighborsWithEqualStarts(t *testing.T) {
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
	got, err := readAll(t.Context(), w.readers[false], o)
	require.NoError(t, err)
	require.Equal(t, sessionIDs(seeds), got)
}

// takeOut makes the session leave the list.
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

func TestPages_StartPage(t *testing.T) {
	t.Parallel()
	inListModes(t, []int{0, 3}, func(t *testing.T, o coviu.SessionListOptions) {
		w := newListWorld(t)
		seedShuffledList(t, w.server, 13)
		all, err := readAll(t.Context(), w.others, o)
		require.NoError(t, err)
		require.Len(t, all, 13)
		for o.PageSize = 1; o.PageSize < 8; o.PageSize++ {
			for o.Page = 0; o.Page <= 13/o.PageSize+1; o.Page++ {
				got, err := readAll(t.Context(), w.others, o)
				require.NoError(t, err)
				require.Equal(t, all[min(13, o.Page*o.PageSize):], append([]string{}, got...), "page %d of size %d", o.Page, o.PageSize)
			}
		}
	})
}

// The consumer may change the sessions it gets.
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

// More sessions start at nine o'clock than one page can hold.
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
				got, err := readAll(t.Context(), w.readers[false], coviu.SessionListOptions{StartTime: nine.Add(-2 * time.Hour), PageSize: pageSize})
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
