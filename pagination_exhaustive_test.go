//go:build exhaustive

package coviu_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestPages_AllSchedulesOfOneChange(t *testing.T) {
	t.Parallel()
	found := newFindings()
	cases := append(listCases(8, 4, 0), listCases(5, 3, 1, 3)...)
	inParallel(t, cases, func(w *listWorld, c listCase) { found.checkSchedules(t, w, c, false) })
	found.report(t)
	require.Greater(t, found.schedules, 15_000)
}

func TestPages_AllSchedulesOfTwoChanges(t *testing.T) {
	t.Parallel()
	found := newFindings()
	cases := slices.DeleteFunc(listCases(3, 2, 0), func(c listCase) bool { return c.canceled })
	inParallel(t, cases, func(w *listWorld, c listCase) { found.checkSchedules(t, w, c, true) })
	found.report(t)
	require.Greater(t, found.schedules, 15_000)
}

// More than two changes, drawn: several sessions have to leave before the place at
// which the list goes on is lost.
func TestPages_SchedulesOfManyChanges(t *testing.T) {
	t.Parallel()
	found := newFindings()
	cases := slices.DeleteFunc(listCases(8, 4, 0, 2), func(c listCase) bool { return c.filter == listFilter{} })
	inParallel(t, cases, func(w *listWorld, c listCase) {
		for seed := range uint64(16) {
			random := rand.New(rand.NewPCG(seed, 4))
			found.add(w.walk(t, c, c.randomSchedule(random, 8, 1+c.sessions/c.pageSize), exact))
		}
	})
	found.report(t)
	require.Greater(t, found.schedules, 50_000)
}

// The same schedules show where page numbers alone miss sessions or repeat them.
func TestPages_NaivePagingFailsAllOver(t *testing.T) {
	t.Parallel()
	found := newFindings()
	inParallel(t, listCases(5, 3, 0), func(w *listWorld, c listCase) {
		undisturbed := w.walk(t, c, nil, naive)
		require.Empty(t, undisturbed.violation(), "naive paging reads a list that stays as it is")
		for schedule := range c.schedules(undisturbed.requests, false) {
			if run := w.walk(t, c, schedule, naive); run.happened == len(schedule) {
				found.add(run)
			}
		}
	})
	violations := 0
	for kind, n := range found.counts {
		t.Logf("naive paging %s: %d times", kind, n)
		violations += n
	}
	t.Logf("naive paging fails under %d of %d schedules", violations, found.schedules)
	require.Greater(t, violations, found.schedules/20)
}

func TestPages_AllOrdersOfAnswers(t *testing.T) {
	t.Parallel()
	for _, prefetch := range []int{1, 2, 3} {
		for pageSize := 1; pageSize <= 2; pageSize++ {
			t.Run(fmt.Sprintf("prefetch %d, page size %d", prefetch, pageSize), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					found := newFindings()
					world := newListWorld(t)
					for sessions := range 7 - prefetch {
						for _, canceled := range []bool{false, true} {
							c := listCase{sessions: sessions, pageSize: pageSize, prefetch: prefetch, canceled: canceled}
							found.checkOrders(t, world, c)
						}
					}
					found.report(t)
				})
			})
		}
	}
}

// checkOrders answers the requests of each walk in every order.
func (f *findings) checkOrders(t *testing.T, w *listWorld, c listCase) {
	t.Helper()
	check := func(schedule []listChange) {
		for choices := []int{}; choices != nil; {
			run, options := w.walkInOrder(t, c, schedule, choices)
			if run.happened == len(schedule) {
				f.add(run)
			}
			choices = nextChoices(choices, options)
		}
	}
	check(nil)
	for schedule := range c.schedules(2+c.sessions/c.pageSize, false) {
		check(schedule)
	}
}

func TestPages_RandomRunsOnLongLists(t *testing.T) {
	t.Parallel()
	checkLongLists(t, 200, 5_000)
}
