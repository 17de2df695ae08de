package createoncetest_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// This runs a sample of the schedules. The tag exhaustive runs all.
func TestFault60_Schedules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(60, 1))
		table := newOnceTable()
		for range 300 {
			table.add(t, randomOnceSchedule(random))
		}
		t.Logf("%v", table)
		require.Zero(t, table.doubles["CreateOnce"][nothingLate]+table.doubles["CreateOnce"][nothingLateForTwo])
		require.Positive(t, table.doubles["blind retry"][nothingLate], "a model that books nothing twice proves nothing")
	})
}

// randomOnceSchedule draws a schedule. Nothing is late in half of them.
func randomOnceSchedule(random *rand.Rand) onceSchedule {
	outcomes, lags := len(postOutcomes), len(onceLags)
	if random.IntN(2) == 0 {
		outcomes, lags = 4, 1
	}
	s := onceSchedule{
		lag:     onceLags[random.IntN(lags)],
		callers: callers(random.IntN(int(callersKinds))),
		crash:   onceCrashes[random.IntN(len(onceCrashes))],
		again:   onceAgains[random.IntN(len(onceAgains))],
	}
	if s.callers != oneCaller {
		s.offset = onceOffsets[random.IntN(len(onceOffsets))]
	}
	for i := range s.posts {
		s.posts[i] = random.IntN(outcomes)
	}
	return s
}

// postOutcome says what happens to one POST.
type postOutcome struct {
	name    string
	booked  bool
	after   time.Duration
	replied bool
	hangs   bool
}

var postOutcomes = []postOutcome{
	{name: "executed", booked: true, replied: true},
	{name: "lost before"},
	{name: "lost after", booked: true},
	{name: "executed, no reply for ever", booked: true, hangs: true},
	{name: "executed 2 s late", booked: true, after: 2 * time.Second},
	{name: "executed 20 s late", booked: true, after: 20 * time.Second},
	{name: "executed 5 min late", booked: true, after: 5 * time.Minute},
}

// thirdOutcomes are the outcomes of a third POST: executed, reply lost, late.
var thirdOutcomes = []int{0, 2, 5}

type callers int

const (
	oneCaller callers = iota
	twoOnOneClient
	twoProcesses
	callersKinds
)

func (c callers) String() string {
	return [...]string{"one caller", "two callers, one client", "two processes"}[c]
}

// onceSchedule says what happens while one key is booked.
type onceSchedule struct {
	posts   [3]int        // outcomes of the first POSTs; later ones are executed
	lag     time.Duration // from carrying out to listing
	callers callers
	offset  time.Duration // by which the second caller is later
	crash   time.Duration // when the first process dies, 0 for never
	again   time.Duration // from a failed call or a crash to the next, below 0 for none
}

func (s onceSchedule) String() string {
	names := make([]string, len(s.posts))
	for i, p := range s.posts {
		names[i] = postOutcomes[p].name
	}
	return fmt.Sprintf("POSTs [%s], listed %v later, %v (%v apart), crash at %v, again after %v",
		strings.Join(names, "; "), s.lag, s.callers, s.offset, s.crash, s.again)
}

var (
	onceLags    = []time.Duration{0, time.Second, 45 * time.Second}
	onceOffsets = []time.Duration{0, 15 * time.Millisecond, 25 * time.Millisecond, 10 * time.Second, 45 * time.Second}
	onceCrashes = []time.Duration{
		0, 5 * time.Millisecond, 15 * time.Millisecond, 25 * time.Millisecond, 35 * time.Millisecond, 3 * time.Second, 20 * time.Second,
	}
	onceAgains = []time.Duration{-1, 0, 5 * time.Second, time.Minute}
)

// onceSchedules yields all schedules.
func onceSchedules() iter.Seq[onceSchedule] {
	return func(yield func(onceSchedule) bool) {
		n := len(postOutcomes)
		for posts := range n * n * len(thirdOutcomes) {
			s := onceSchedule{posts: [3]int{posts % n, posts / n % n, thirdOutcomes[posts/n/n]}}
			for s.callers = range callersKinds {
				offsets := onceOffsets
				if s.callers == oneCaller {
					offsets = offsets[:1]
				}
				for _, s.offset = range offsets {
					for _, s.crash = range onceCrashes {
						for _, s.again = range onceAgains {
							for _, s.lag = range onceLags {
								if !yield(s) {
									return
								}
							}
						}
					}
				}
			}
		}
	}
}
