//go:build exhaustive

package listtest_test

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

// Random schedules of up to eight changes: several sessions have to leave before
// an overlap is lost.
func TestPages_SchedulesOfManyChanges(t *testing.T) {
	t.Parallel()
	found := newFindings()
	cases := slices.DeleteFunc(listCases(8, 4, 0, 2), func(c listCase) bool { return c.filter == listFilter{} })
	inParallel(t, cases, func(w *listWorld, c listCase) {
		for seed := range uint64(16) {
			random := rand.New(rand.NewPCG(seed, 4))
			found.add(w.run(t, c, c.randomSchedule(random, 8, 1+c.sessions/c.pageSize), exact))
		}
	})
	found.report(t)
	require.Greater(t, found.schedules, 50_000)
}

// A loop over page numbers misses and repeats sessions under the same schedules,
// so the schedules can find faults.
func TestPages_PageNumbersAloneFail(t *testing.T) {
	t.Parallel()
	found := newFindings()
	inParallel(t, listCases(5, 3, 0), func(w *listWorld, c listCase) {
		undisturbed := w.run(t, c, nil, naive)
		require.Empty(t, undisturbed.violation(), "naive paging reads a list that stays as it is")
		for schedule := range c.schedules(undisturbed.requests, false) {
			if run := w.run(t, c, schedule, naive); run.happened == len(schedule) {
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

// Under filters and in reverse, the pages asked for ahead are guesses. A page is
// used only if it overlaps, in whatever order the server answered.
func TestPages_AllOrdersOfAnswersUnderFilters(t *testing.T) {
	t.Parallel()
	for _, prefetch := range []int{1, 2} {
		for _, filter := range listFilters {
			for _, reverse := range []bool{false, true} {
				if filter == (listFilter{}) && !reverse {
					continue
				}
				t.Run(fmt.Sprintf("prefetch %d, %v, reverse=%t", prefetch, filter, reverse), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						found := newFindings()
						world := newListWorld(t)
						for sessions := range 4 {
							for _, starts := range []startPattern{startsApart, startsTogether} {
								for pageSize := 1; pageSize <= 2; pageSize++ {
									c := listCase{sessions: sessions, starts: starts, filter: filter, pageSize: pageSize, prefetch: prefetch, reverse: reverse}
									if c.interesting() {
										found.checkOrders(t, world, c)
									}
								}
							}
						}
						found.report(t)
						require.Greater(t, found.schedules, 100)
					})
				})
			}
		}
	}
}

// Random cases with longer lists, more changes and more requests at the same
// time.
func TestPages_RandomOrdersOfAnswers(t *testing.T) {
	t.Parallel()
	for part := range uint64(8) {
		t.Run(fmt.Sprintf("part %d", part), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { checkRandomOrders(t, rand.New(rand.NewPCG(56, part)), 8_000) })
		})
	}
}

// checkOrders reads c under all schedules of one change, with the requests
// answered in every order.
func (f *findings) checkOrders(t *testing.T, w *listWorld, c listCase) {
	t.Helper()
	check := func(schedule []listChange) {
		for choices := []int{}; choices != nil; {
			run, options := w.readInOrder(t, c, schedule, choices)
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

func TestPages_MixedDatePrecision(t *testing.T) {
	t.Parallel()
	checkMixedLists(t, 500_000)
}

func TestPages_RequestsSentWhereManyStartTogetherForEverySize(t *testing.T) {
	t.Parallel()
	countRequestsWhereManyStartTogether(t, 500, 1, 2, 3, 5, 10, 20, 50, 99, 150, 200)
}
