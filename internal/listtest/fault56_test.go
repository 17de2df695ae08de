package listtest_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One cancellation in the part already read hides a session from a loop over page
// numbers, but not from Pages.
func TestFault56_CancellationBetweenPages(t *testing.T) {
	w := newListWorld(t)
	c := listCase{sessions: 6, pageSize: 2}
	schedule := []listChange{{kind: cancelSession, session: 0, before: 1}}
	assert.Equal(t, []string{"s0", "s1", "s2", "s3", "s4", "s5"}, w.run(t, c, schedule, exact).yielded)
	assert.Equal(t, []string{"s0", "s1", "s3", "s4", "s5"}, w.run(t, c, schedule, naive).yielded)
}

func TestFault56_ChangesBetweenPages(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(56, 1))
	exactly, naively := newFindings(), newFindings()
	w := newListWorld(t)
	cases := listCases(8, 4, 0, 1, 3)
	for range 600 {
		c := cases[random.IntN(len(cases))]
		schedule := c.randomSchedule(random, 4, 1+c.sessions/c.pageSize)
		exactly.add(w.run(t, c, schedule, exact))
		naively.add(w.run(t, c, schedule, naive))
	}
	exactly.report(t)
	require.NotEmpty(t, naively.counts, "a check that page numbers pass proves nothing")
}

func TestFault56_AnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { checkRandomOrders(t, rand.New(rand.NewPCG(56, 2)), 300) })
}

// checkRandomOrders draws lists, changes, and the order in which the server
// answers waiting requests.
func checkRandomOrders(t *testing.T, random *rand.Rand, runs int) {
	t.Helper()
	found := newFindings()
	w := newListWorld(t)
	cases := listCases(8, 3, 1, 2, 4, 8)
	for range runs {
		c := cases[random.IntN(len(cases))]
		choices := make([]int, 12)
		for i := range choices {
			choices[i] = random.IntN(c.prefetch + 1)
		}
		run, _ := w.readInOrder(t, c, c.randomSchedule(random, 4, 1+c.sessions/c.pageSize), choices)
		found.add(run)
	}
	found.report(t)
}

func TestFault56_LongLists(t *testing.T) {
	t.Parallel()
	checkLongLists(t, 3, 1_000)
}

// checkLongLists reads long lists with several changes before each request.
func checkLongLists(t *testing.T, runs, sessions int) {
	t.Helper()
	random := rand.New(rand.NewPCG(56, uint64(runs)))
	exactly, naively := newFindings(), newFindings()
	w := newListWorld(t)
	missed := 0
	for range runs {
		c := listCase{
			sessions: sessions,
			starts:   startPattern(random.IntN(int(startPatterns))),
			filter:   listFilters[random.IntN(len(listFilters))],
			pageSize: 20 + random.IntN(181),
			reverse:  random.IntN(2) == 0,
			canceled: random.IntN(4) == 0,
			prefetch: random.IntN(3) * 4,
		}
		if random.IntN(3) == 0 {
			c.starts = startsSpread
		}
		requests := sessions / c.pageSize
		kinds := c.byKind()
		var schedule []listChange
		for before := 1; before <= requests; before++ {
			for range random.IntN(5) {
				of := kinds[random.IntN(len(kinds))]
				next := of[random.IntN(len(of))]
				next.before = before
				schedule = append(schedule, next)
			}
		}
		exactly.add(w.run(t, c, schedule, exact))
		run := w.run(t, c, schedule, naive)
		naively.add(run)
		if run.missed() >= 0 {
			missed++
		}
	}
	exactly.report(t)
	failed := 0
	for _, n := range naively.counts {
		failed += n
	}
	t.Logf("naive paging failed in %d of %d runs, and missed sessions in %d", failed, runs, missed)
	require.Positive(t, failed, "a check that page numbers pass proves nothing")
}
