package coviu_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// A schedule is what others do to the list while somebody walks it: changes, each
// of them just before one of the walk's requests is answered. The harness drives the
// real client against the API of a coviutest server and compares what was yielded
// with what the documentation of Pages promises for that schedule.

type changeKind int

const (
	cancelSession changeKind = iota
	bookSession
	bookFour
	moveSession
	changeState
	removeParticipant
	changeKinds
)

func (k changeKind) String() string {
	return [...]string{"cancel", "book", "book four", "move", "change state of", "remove participant of"}[k]
}

type listChange struct {
	kind    changeKind
	session int // an index among the sessions that were there at the start
	start   time.Duration
	before  int // the request, counted from 0
}

func (c listChange) String() string {
	s := fmt.Sprintf("before request %d: %v", c.before, c.kind)
	switch c.kind {
	case bookSession, bookFour:
		return s + fmt.Sprintf(" at %v", c.start)
	case moveSession:
		return s + fmt.Sprintf(" s%d to %v", c.session, c.start)
	default:
		return s + fmt.Sprintf(" s%d", c.session)
	}
}

// startPattern says when the sessions of a list start, in the order of their creation.
type startPattern int

const (
	startsApart startPattern = iota
	startsInPairs
	startsTogether
	startsWithinOneSecond
	startsBeyondTheWindow
	startPatterns
	startsSpread // for long lists
)

func (p startPattern) String() string {
	return [...]string{"apart", "in pairs", "together", "within one second", "beyond the window", "", "spread"}[p]
}

func (p startPattern) of(i int) time.Duration {
	rank := [...]int{3, 0, 6, 1, 7, 2, 5, 4}[i%8]
	switch p {
	case startsInPairs:
		return time.Duration(11+rank/2) * time.Hour
	case startsTogether:
		return 15 * time.Hour
	case startsWithinOneSecond:
		return 15*time.Hour + time.Duration(rank*100)*time.Millisecond
	case startsBeyondTheWindow:
		return time.Duration(8+rank*2) * time.Hour
	case startsSpread:
		return windowStart + time.Duration(i*7919%5000*6)*time.Second
	}
	return time.Duration(11+rank) * time.Hour
}

const (
	windowStart = 10 * time.Hour
	windowEnd   = 20 * time.Hour
	ourState    = "ours"
	theirState  = "theirs"
)

// otherStarts is where sessions are moved to and booked: outside the window, on
// its edges, and together with sessions of some patterns.
var otherStarts = []time.Duration{5 * time.Hour, windowStart, 12 * time.Hour, 15 * time.Hour, windowEnd, 30 * time.Hour}

type listFilter struct{ from, to, state bool }

func (f listFilter) String() string {
	return fmt.Sprintf("from=%t to=%t state=%t", f.from, f.to, f.state)
}

func (f listFilter) byTime() bool { return f.from || f.to }

var listFilters = []listFilter{{}, {from: true}, {to: true}, {from: true, to: true}, {state: true}, {from: true, to: true, state: true}}

// listCase is a list and the way in which it is asked for.
type listCase struct {
	sessions int
	starts   startPattern
	filter   listFilter
	pageSize int
	reverse  bool
	canceled bool
	prefetch int
	seconds  bool // the client sends dates in whole seconds
}

func (c listCase) String() string {
	return fmt.Sprintf("%d sessions %v, %v, page size %d, reverse=%t, canceled=%t, prefetch %d, seconds=%t",
		c.sessions, c.starts, c.filter, c.pageSize, c.reverse, c.canceled, c.prefetch, c.seconds)
}

func (c listCase) options() *coviu.SessionListOptions {
	o := &coviu.SessionListOptions{PageSize: c.pageSize, Prefetch: c.prefetch, IncludeCanceled: c.canceled}
	if c.filter.from {
		o.StartTime = listClock().Add(windowStart)
	}
	if c.filter.to {
		o.EndTime = listClock().Add(windowEnd)
	}
	if c.filter.state {
		o.State = ourState
	}
	if c.reverse {
		o.Order = coviu.OrderReverse
	}
	return o
}

// changes lists everything that can happen at one moment.
func (c listCase) changes() []listChange {
	var all []listChange
	for i := range c.sessions {
		all = append(all, listChange{kind: cancelSession, session: i})
		if c.filter.state {
			all = append(all, listChange{kind: changeState, session: i}, listChange{kind: removeParticipant, session: i})
		}
		for _, start := range otherStarts {
			// Where nobody looks at start times, one move is like the other.
			if c.filter.byTime() || start == windowStart {
				all = append(all, listChange{kind: moveSession, session: i, start: start})
			}
		}
	}
	for _, start := range otherStarts {
		if c.filter.byTime() || start == windowStart {
			all = append(all, listChange{kind: bookSession, start: start}, listChange{kind: bookFour, start: start})
		}
	}
	return all
}

// listClock stands still: no schedule comes near the start of a session.
func listClock() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }

// listWorld is a server whose API is called without connections, so that many
// thousand walks take seconds.
type listWorld struct {
	server    *coviutest.Server
	others    *coviu.Client
	walkers   map[bool]*coviu.Client // by listCase.seconds
	gate      *listGate
	snapshots map[[2]int]*coviutest.Snapshot
}

func newListWorld(t *testing.T, opts ...coviutest.Option) *listWorld {
	t.Helper()
	var api http.Handler
	keep := func(h http.Handler) http.Handler {
		api = h
		return h
	}
	opts = append([]coviutest.Option{coviutest.WithInMemory(), coviutest.WithClock(listClock), coviutest.WithMiddleware(keep)}, opts...)
	s := coviutest.NewServer(opts...)
	t.Cleanup(s.Close)
	direct := handlerTransport{api}
	w := &listWorld{server: s, gate: &listGate{next: direct}, snapshots: map[[2]int]*coviutest.Snapshot{}}
	w.others = s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: direct}))
	gated := coviu.WithHTTPClient(&http.Client{Transport: w.gate})
	w.walkers = map[bool]*coviu.Client{false: s.Client(t, gated), true: s.Client(t, gated, coviu.WithRFC1123Dates())}
	return w
}

// handlerTransport answers requests on the caller's goroutine.
type handlerTransport struct{ handler http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	h.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// listGate runs the changes of a schedule before the walk's requests.
type listGate struct {
	next http.RoundTripper

	mu     sync.Mutex
	number int
	before func(number int)
}

func (g *listGate) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/sessions" {
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		g.before(g.number)
		g.number++
	}
	return g.next.RoundTrip(r)
}

// begin puts the sessions of c on the server.
func (w *listWorld) begin(t testing.TB, c listCase) {
	t.Helper()
	key := [2]int{c.sessions, int(c.starts)}
	if snapshot := w.snapshots[key]; snapshot != nil {
		w.server.Restore(snapshot)
		w.server.ClearRequests()
		return
	}
	w.server.Restore(w.emptySnapshot())
	for i := range c.sessions {
		_, err := w.server.Seed(coviu.Session{
			SessionID: sessionName(i),
			StartTime: listClock().Add(c.starts.of(i)),
			EndTime:   listClock().Add(c.starts.of(i) + time.Hour),
			Participants: []coviu.Participant{
				{ParticipantID: "p" + strconv.Itoa(i), State: initialState(i)},
			},
		})
		require.NoError(t, err)
	}
	w.snapshots[key] = w.server.Snapshot()
}

func sessionName(i int) string { return "s" + strconv.Itoa(i) }

// initialState makes one session in eight somebody else's, so that there is one
// that can come to the list by a change of its State.
func initialState(i int) string {
	if i%8 == 2 {
		return theirState
	}
	return ourState
}

// listRun is one walk under one schedule, and what became of the sessions meanwhile.
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

// walk reads the list with read while the changes happen.
func (w *listWorld) walk(t testing.TB, c listCase, changes []listChange, read func(*listRun, *coviu.Client)) *listRun {
	t.Helper()
	w.begin(t, c)
	run := w.newRun(c, changes)
	w.gate.number = 0
	w.gate.before = func(number int) { run.change(t, number) }
	read(run, w.walkers[c.seconds])
	run.requests = w.gate.number
	return run
}

// change makes happen what is due before a request.
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

// matched says that session i matched from before the walk until it ended.
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

// owed says that the documentation promises session i.
func (r *listRun) owed(i int) bool {
	if r.listCase.filter.byTime() && r.moved[i] {
		return false
	}
	return r.matched(i)
}

// violation says how the walk broke the guarantee, "" if it did not.
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

// missed is a session that is owed and was not yielded, -1 if there is none.
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

// mayRepeat says that a session may be yielded again after so many others: one
// that was moved, where the list is in the order of start times. Canceled ones are
// among the others, and are not yielded.
func (r *listRun) mayRepeat(id string, others int) bool {
	i, err := strconv.Atoi(strings.TrimPrefix(id, "s"))
	return err == nil && r.listCase.filter.byTime() && r.moved[i] && others+len(r.canceled) >= 2_000
}

// findings collects violations, the shortest schedules first.
type findings struct {
	mu        sync.Mutex
	schedules int
	violating map[string]*listRun
	counts    map[string]int
}

func newFindings() *findings {
	return &findings{violating: map[string]*listRun{}, counts: map[string]int{}}
}

func (f *findings) add(r *listRun) {
	what := r.violation()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.schedules++
	if what == "" {
		return
	}
	kind, _, _ := strings.Cut(what, " ")
	kind += fmt.Sprintf(" with %v, reverse=%t, prefetch=%t", r.listCase.filter, r.listCase.reverse, r.listCase.prefetch > 0)
	f.counts[kind]++
	known := f.violating[kind]
	if known == nil || len(r.changes) < len(known.changes) ||
		len(r.changes) == len(known.changes) && r.listCase.sessions < known.listCase.sessions {
		f.violating[kind] = r
	}
}

func (f *findings) report(t *testing.T) {
	t.Helper()
	t.Logf("%d schedules", f.schedules)
	for kind, run := range f.violating {
		t.Errorf("%s: %d schedules, for example %s:\n\t%v", kind, f.counts[kind], run.violation(), run)
	}
}

// inParallel runs work for every case, on as many servers as there are processors.
func inParallel(t *testing.T, cases []listCase, work func(*listWorld, listCase)) {
	t.Helper()
	queue := make(chan listCase)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		world := newListWorld(t)
		workers.Go(func() {
			for c := range queue {
				work(world, c)
			}
		})
	}
	for _, c := range cases {
		queue <- c
	}
	close(queue)
	workers.Wait()
}

// listCases is every way to ask for every list of at most the given size.
func listCases(mostSessions, mostPageSize int, prefetches ...int) []listCase {
	var cases []listCase
	for sessions := range mostSessions + 1 {
		for starts := range startPatterns {
			for _, filter := range listFilters {
				for pageSize := 1; pageSize <= mostPageSize; pageSize++ {
					for flags := range 8 {
						for _, prefetch := range prefetches {
							c := listCase{
								sessions: sessions, starts: starts, filter: filter, pageSize: pageSize, prefetch: prefetch,
								reverse: flags&1 != 0, canceled: flags&2 != 0, seconds: flags&4 != 0,
							}
							if c.interesting() {
								cases = append(cases, c)
							}
						}
					}
				}
			}
		}
	}
	return cases
}

// interesting leaves out cases that another one covers.
func (c listCase) interesting() bool {
	if !c.filter.byTime() && (c.starts != startsApart || c.seconds) {
		return false
	}
	if c.seconds && c.starts != startsWithinOneSecond {
		return false
	}
	return c.sessions > 0 || c.starts == startsApart
}

// schedules yields every schedule of one or two changes; pairs says whether two.
func (c listCase) schedules(requests int, pairs bool) iter.Seq[[]listChange] {
	return func(yield func([]listChange) bool) {
		all := c.changes()
		for first := 1; first <= requests; first++ {
			for _, a := range all {
				a.before = first
				if !pairs {
					if !yield([]listChange{a}) {
						return
					}
					continue
				}
				for second := first; second <= requests; second++ {
					for _, b := range all {
						b.before = second
						if !yield([]listChange{a, b}) {
							return
						}
					}
				}
			}
		}
	}
}

// checkSchedules walks c undisturbed and under all its schedules.
func (f *findings) checkSchedules(t *testing.T, w *listWorld, c listCase, pairs bool) {
	t.Helper()
	undisturbed := w.walk(t, c, nil, exact)
	f.add(undisturbed)
	for schedule := range c.schedules(undisturbed.requests, pairs) {
		if run := w.walk(t, c, schedule, exact); run.happened == len(schedule) {
			f.add(run)
		}
	}
}

// byKind is changes, sorted for a draw that gives every kind the same chance.
func (c listCase) byKind() [][]listChange {
	var kinds [][]listChange
	for kind := range changeKinds {
		of := slices.DeleteFunc(c.changes(), func(change listChange) bool { return change.kind != kind })
		if len(of) > 0 {
			kinds = append(kinds, of)
		}
	}
	return kinds
}

// randomSchedule draws up to n changes.
func (c listCase) randomSchedule(random *rand.Rand, n, requests int) []listChange {
	kinds := c.byKind()
	schedule := make([]listChange, random.IntN(n+1))
	for i := range schedule {
		of := kinds[random.IntN(len(kinds))]
		schedule[i] = of[random.IntN(len(of))]
		schedule[i].before = 1 + random.IntN(max(requests, 1))
	}
	slices.SortStableFunc(schedule, func(a, b listChange) int { return a.before - b.before })
	return schedule
}

// requestGate holds requests back until somebody says which one is answered next.
type requestGate struct {
	next http.RoundTripper

	mu      sync.Mutex
	waiting map[int]chan struct{} // by page number
}

func (g *requestGate) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v1/sessions" {
		return g.next.RoundTrip(r)
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	turn := make(chan struct{})
	g.mu.Lock()
	g.waiting[page] = turn
	g.mu.Unlock()
	select {
	case <-turn:
		return g.next.RoundTrip(r)
	case <-r.Context().Done():
		g.mu.Lock()
		delete(g.waiting, page)
		g.mu.Unlock()
		return nil, r.Context().Err()
	}
}

func (g *requestGate) pages() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.waiting))
}

func (g *requestGate) answer(page int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.waiting[page])
	delete(g.waiting, page)
}

// walkInOrder walks c in a bubble, where all requests under way are known. Of
// these, the server answers the one that choices names for each step, the first
// one where it names none. It returns how many there were to choose from.
func (w *listWorld) walkInOrder(t *testing.T, c listCase, changes []listChange, choices []int) (walked *listRun, options []int) {
	t.Helper()
	w.begin(t, c)
	run := w.newRun(c, changes)
	gate := &requestGate{next: w.gate.next, waiting: map[int]chan struct{}{}}
	client := w.server.Client(t, coviu.WithHTTPClient(&http.Client{Transport: gate}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		exact(run, client)
	}()
	for step := 0; ; step++ {
		synctest.Wait()
		pages := gate.pages()
		if len(pages) == 0 {
			break
		}
		run.change(t, step)
		choice := 0
		if step < len(choices) {
			choice = min(choices[step], len(pages)-1)
		}
		options = append(options, len(pages))
		gate.answer(pages[choice])
	}
	<-done
	return run, options
}

// nextChoices is the next way to choose after one that had these options, nil
// after the last.
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
