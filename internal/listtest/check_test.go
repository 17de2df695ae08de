package listtest_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// findings counts the violations of each kind, and keeps the shortest schedule
// that shows it.
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

// inParallel runs work for every case, with one server for each processor.
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

// listCases returns all lists of at most mostSessions sessions, each with all
// options.
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

// interesting reports whether no other case covers c.
func (c listCase) interesting() bool {
	if !c.filter.byTime() && (c.starts != startsApart || c.seconds) {
		return false
	}
	if c.seconds && c.starts != startsWithinOneSecond {
		return false
	}
	return c.sessions > 0 || c.starts == startsApart
}

// schedules yields all schedules of one change, or of two if pairs is set.
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

// checkSchedules reads c without changes and under all its schedules.
func (f *findings) checkSchedules(t *testing.T, w *listWorld, c listCase, pairs bool) {
	t.Helper()
	undisturbed := w.run(t, c, nil, exact)
	f.add(undisturbed)
	for schedule := range c.schedules(undisturbed.requests, pairs) {
		if run := w.run(t, c, schedule, exact); run.happened == len(schedule) {
			f.add(run)
		}
	}
}

// byKind groups the changes, so that each kind is drawn equally often.
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
