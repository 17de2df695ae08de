package listtest_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// listRun is one iteration under one schedule, and what happened to the sessions
// meanwhile.
type listRun struct {
	world    *listWorld
	listCase listCase
	changes  []listChange

	happened               int
	booked                 int
	canceled, moved        map[int]bool
	left, restated         map[int]bool
	yielded                []string
	pages, requests, wrong int
	err                    error
}

func (w *listWorld) newRun(c listCase, changes []listChange) *listRun {
	return &listRun{
		world: w, listCase: c, changes: changes,
		canceled: map[int]bool{}, moved: map[int]bool{}, left: map[int]bool{}, restated: map[int]bool{},
	}
}

// run reads the list with read while the changes happen.
func (w *listWorld) run(t testing.TB, c listCase, changes []listChange, read func(*listRun, *coviu.Client)) *listRun {
	t.Helper()
	w.begin(t, c)
	run := w.newRun(c, changes)
	w.gate.number = 0
	w.gate.before = func(number int) { run.change(t, number) }
	read(run, w.readers[c.seconds])
	run.requests = w.gate.number
	return run
}

// change applies the changes that are due before a request.
func (r *listRun) change(t testing.TB, request int) {
	t.Helper()
	for r.happened < len(r.changes) && r.changes[r.happened].before <= request {
		c := r.changes[r.happened]
		r.happened++
		require.NoError(t, r.apply(c), "%v", c)
	}
}

func (r *listRun) apply(c listChange) error {
	ctx := context.Background()
	at := listClock().Add(c.start)
	switch c.kind {
	case bookSession, bookFour:
		n := 1
		if c.kind == bookFour {
			n = 4
		}
		for range n {
			r.booked++
			if _, err := r.world.server.Seed(coviu.Session{
				SessionID: "new" + strconv.Itoa(r.booked), StartTime: at, EndTime: at.Add(time.Hour),
				Participants: []coviu.Participant{{State: ourState}},
			}); err != nil {
				return err
			}
		}
		return nil
	}
	if r.canceled[c.session] {
		return nil
	}
	id := sessionName(c.session)
	var err error
	switch c.kind {
	case cancelSession:
		r.canceled[c.session] = true
		_, err = r.world.others.Sessions.Delete(ctx, id)
	case moveSession:
		r.moved[c.session] = true
		if c.start < windowStart && r.listCase.filter.from || c.start > windowEnd && r.listCase.filter.to {
			r.left[c.session] = true
		}
		_, err = r.world.others.Sessions.Update(ctx, id, &coviu.SessionUpdateRequest{StartTime: new(at), EndTime: new(at.Add(time.Hour))})
	case changeState, removeParticipant:
		r.restated[c.session] = true
		err = r.restate(ctx, c)
	}
	return err
}

func (r *listRun) restate(ctx context.Context, c listChange) error {
	id := "p" + strconv.Itoa(c.session)
	if c.kind == removeParticipant {
		_, err := r.world.others.Participants.Delete(ctx, id)
		if errors.Is(err, coviu.ErrNotFound) {
			return nil
		}
		return err
	}
	state := theirState
	if initialState(c.session) == theirState {
		state = ourState
	}
	_, err := r.world.others.Participants.Update(ctx, id, &coviu.ParticipantUpdateRequest{State: new(state)})
	if errors.Is(err, coviu.ErrNotFound) {
		return nil
	}
	return err
}

// exact reads the list as Pages does.
func exact(r *listRun, client *coviu.Client) {
	for page, err := range client.Sessions.Pages(context.Background(), r.listCase.options()) {
		if err != nil {
			r.err = err
			return
		}
		r.pages++
		for _, s := range page.Content {
			r.yielded = append(r.yielded, s.SessionID)
			if s.CanceledTime != nil && !r.listCase.canceled {
				r.wrong++
			}
		}
		if len(page.Content) == 0 {
			r.wrong++
		}
	}
}

// naive reads the list as a loop over page numbers does.
func naive(r *listRun, client *coviu.Client) {
	o := r.listCase.options()
	for ; ; o.Page++ {
		page, err := client.Sessions.List(context.Background(), o)
		if err != nil {
			r.err = err
			return
		}
		for _, s := range page.Content {
			r.yielded = append(r.yielded, s.SessionID)
		}
		if !page.More {
			return
		}
	}
}

// matched reports whether session i matched from before the iteration until its
// end.
func (r *listRun) matched(i int) bool {
	f, start := r.listCase.filter, r.listCase.starts.of(i)
	switch {
	case f.from && start < windowStart, f.to && start > windowEnd, r.left[i]:
		return false
	case f.state && (initialState(i) != ourState || r.restated[i]):
		return false
	}
	return r.listCase.canceled || !r.canceled[i]
}

// owed reports whether the documentation promises session i.
func (r *listRun) owed(i int) bool {
	if r.listCase.filter.byTime() && r.moved[i] {
		return false
	}
	return r.matched(i)
}

// violation says how the iteration broke the guarantee, or returns "".
func (r *listRun) violation() string {
	if r.err != nil {
		return "failed: " + r.err.Error()
	}
	if r.wrong > 0 {
		return "yielded a canceled session or an empty page"
	}
	seen := map[string]int{}
	for at, id := range r.yielded {
		if last := seen[id]; last > 0 && !r.mayRepeat(id, at+1-last-1) {
			return "repeated " + id
		}
		seen[id] = at + 1
	}
	if i := r.missed(); i >= 0 {
		return "missed " + sessionName(i)
	}
	return ""
}

// missed returns a session that is owed and was not yielded, or -1.
func (r *listRun) missed() int {
	seen := map[string]bool{}
	for _, id := range r.yielded {
		seen[id] = true
	}
	for i := range r.listCase.sessions {
		if r.owed(i) && !seen[sessionName(i)] {
			return i
		}
	}
	return -1
}

func (r *listRun) String() string {
	lines := []string{r.listCase.String()}
	for _, c := range r.changes {
		lines = append(lines, c.String())
	}
	if len(r.yielded) > 50 {
		return lines[0]
	}
	return strings.Join(append(lines, "yielded "+strings.Join(r.yielded, " ")), "\n\t")
}

// mayRepeat reports whether a session may be yielded again after so many others:
// in a list by start time, one that was moved may be. Canceled sessions count as
// others, but are not yielded.
func (r *listRun) mayRepeat(id string, others int) bool {
	i, err := strconv.Atoi(strings.TrimPrefix(id, "s"))
	return err == nil && r.listCase.filter.byTime() && r.moved[i] && others+len(r.canceled) >= 2_000
}
