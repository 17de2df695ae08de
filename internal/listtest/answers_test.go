package listtest_test

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/coviu/coviu-go-sdk"
)

// requestGate holds requests until answer releases them one by one.
type requestGate struct {
	next http.RoundTripper

	mu      sync.Mutex
	waiting []*waitingRequest
}

type waitingRequest struct {
	page askedPage
	turn chan struct{}
}

func (g *requestGate) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v1/sessions" {
		return g.next.RoundTrip(r)
	}
	w := &waitingRequest{pageOf(r), make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	g.mu.Unlock()
	select {
	case <-w.turn:
		return g.next.RoundTrip(r)
	case <-r.Context().Done():
		g.remove(w)
		return nil, r.Context().Err()
	}
}

// inOrder returns the waiting requests, sorted by the position of their pages in
// the list.
func (g *requestGate) inOrder() []*waitingRequest {
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.SortFunc(g.waiting, func(a, b *waitingRequest) int {
		return cmp.Or(a.page.end()-b.page.end(), a.page.size-b.page.size)
	})
	return slices.Clone(g.waiting)
}

func (g *requestGate) remove(w *waitingRequest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *waitingRequest) bool { return other == w })
}

func (g *requestGate) answer(w *waitingRequest) {
	g.remove(w)
	close(w.turn)
}

// readInOrder reads c inside a synctest bubble, where all requests under way are
// known. In step i, the server answers waiting request number choices[i], or the
// first one after the end of choices. It returns how many requests waited in each
// step.
func (w *listWorld) readInOrder(t *testing.T, c listCase, changes []listChange, choices []int) (*listRun, []int) {
	t.Helper()
	w.begin(t, c)
	run := w.newRun(c, changes)
	var options []int
	gate := &requestGate{next: w.gate.next}
	client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: gate}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		exact(run, client)
	}()
	for step := 0; ; step++ {
		synctest.Wait()
		waiting := gate.inOrder()
		if len(waiting) == 0 {
			break
		}
		run.change(t, step)
		choice := 0
		if step < len(choices) {
			choice = min(choices[step], len(waiting)-1)
		}
		options = append(options, len(waiting))
		gate.answer(waiting[choice])
	}
	<-done
	return run, options
}

// nextChoices returns the choices that come after the given ones, nil after the
// last. options says how many there were in each step.
func nextChoices(choices, options []int) []int {
	next := make([]int, len(options))
	copy(next, choices)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i]++; next[i] < options[i] {
			return next[:i+1]
		}
	}
	return nil
}
