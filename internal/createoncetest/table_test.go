package createoncetest_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// onceOutcome is the result of one schedule with one strategy.
type onceOutcome struct {
	live, posts int
	// mostPosts is the largest number of POSTs that one call sent.
	mostPosts int
	// These say how the bookings after the first one came about.
	late, simultaneous, unexplained bool
}

// run plays the schedule. It must be called in a synctest bubble.
func (s onceSchedule) run(t testing.TB, book strategy) (onceOutcome, *onceModel) {
	t.Helper()
	m := &onceModel{schedule: s}
	first := newProcess(t, m)
	second := first
	if s.callers == twoProcesses {
		second = newProcess(t, m)
	}
	var crash *time.Timer
	if s.crash > 0 {
		crash = time.AfterFunc(s.crash, func() { first.crash(t) })
	}
	var o onceOutcome
	var both sync.WaitGroup
	var secondPosts int
	if s.callers != oneCaller {
		both.Go(func() {
			<-time.After(s.offset)
			secondPosts = second.caller(book)
		})
	}
	o.mostPosts = first.caller(book)
	both.Wait()
	o.mostPosts = max(o.mostPosts, secondPosts)
	if crash != nil {
		crash.Stop()
	}
	<-time.After(10 * time.Minute)
	m.mu.Lock()
	defer m.mu.Unlock()
	o.live, o.posts = len(m.bookings), m.posts
	o.late, o.simultaneous, o.unexplained = m.explain()
	first.end()
	second.end()
	return o, m
}

// explain classifies each booking that was made although an earlier one exists.
// If the call of the earlier one was over, that booking must have been carried
// out or listed after the later call looked. If it was running, the calls must be
// from two processes. These are the two limits that the documentation names.
func (m *onceModel) explain() (late, simultaneous, unexplained bool) {
	for j, later := range m.bookings {
		for _, earlier := range m.bookings[:j] {
			switch running := !earlier.ended.Before(later.looked); {
			case !running && earlier.seen.After(later.looked) && earlier.seen.After(earlier.sent):
				late = true
			case running && earlier.client != later.client && m.schedule.callers == twoProcesses:
				simultaneous = true
			default:
				unexplained = true
			}
		}
	}
	return late, simultaneous, unexplained
}

// checkNext calls once after the schedule has ended, and once more after all
// sessions but one were canceled.
func (o onceOutcome) checkNext(t testing.TB, m *onceModel) {
	t.Helper()
	m.mu.Lock()
	m.posts, m.schedule = max(m.posts, len(m.schedule.posts)), onceSchedule{}
	m.mu.Unlock()
	p := newProcess(t, m)
	defer p.end()
	book := strategies()[2]
	session, call, err := p.call(book)
	if o.live > 1 {
		var taken *coviu.KeyError
		require.ErrorIs(t, err, coviu.ErrDuplicate)
		require.ErrorAs(t, err, &taken)
		require.Len(t, taken.Sessions, o.live)
		require.Zero(t, call.posts)
		for _, b := range m.bookings[1:] {
			require.True(t, slices.ContainsFunc(taken.Sessions, func(s coviu.Session) bool { return s.SessionID == b.id }))
			b.canceled = true
		}
		session, call, err = p.call(book)
	}
	require.NoError(t, err)
	require.Equal(t, m.bookings[0].id, session.SessionID)
	require.Equal(t, o.live == 0, call.posts == 1)
}

// onceClass groups schedules by what goes wrong in them.
type onceClass int

const (
	nothingLate onceClass = iota
	nothingLateForTwo
	carriedOutLate
	listedLate
	processesAtOnce
	onceClasses
)

func (c onceClass) String() string {
	return [...]string{
		"crashes and lost replies", "the same, two callers on one client",
		"also carried out late", "also listed late", "also two processes",
	}[c]
}

func (s onceSchedule) class(posts int) onceClass {
	late := slices.ContainsFunc(s.posts[:min(posts, len(s.posts))], func(p int) bool { return postOutcomes[p].after > 0 })
	switch {
	case s.callers == twoProcesses:
		return processesAtOnce
	case s.lag > 0:
		return listedLate
	case late:
		return carriedOutLate
	case s.callers == twoOnOneClient:
		return nothingLateForTwo
	}
	return nothingLate
}

// onceTable counts schedules and double bookings for each strategy.
type onceTable struct {
	schedules [onceClasses]int
	doubles   map[string]*[onceClasses]int
	// late and simultaneous count the double bookings by CreateOnce.
	late, simultaneous int
}

func newOnceTable() *onceTable {
	table := &onceTable{doubles: map[string]*[onceClasses]int{}}
	for _, s := range strategies() {
		table.doubles[s.name] = new([onceClasses]int)
	}
	return table
}

// add plays the schedule with each strategy. If no strategy sends all the POSTs
// that the schedule has outcomes for, a shorter schedule is the same one and this
// one is not counted.
func (table *onceTable) add(t testing.TB, s onceSchedule) {
	t.Helper()
	var outcomes []onceOutcome
	posts := 0
	for _, book := range strategies() {
		o, m := s.run(t, book)
		outcomes = append(outcomes, o)
		posts = max(posts, o.posts)
		if book.name != "CreateOnce" {
			continue
		}
		require.LessOrEqual(t, o.mostPosts, 1, "one call, one POST: %v", s)
		require.False(t, o.unexplained, "booked %d times: %v", o.live, s)
		if s.callers == oneCaller && s.again < 0 || s.class(o.posts) <= nothingLateForTwo {
			require.LessOrEqual(t, o.live, 1, "%v", s)
		}
		o.checkNext(t, m)
	}
	for i, outcome := range s.posts {
		if i >= posts && outcome != 0 {
			return
		}
	}
	class := s.class(posts)
	table.schedules[class]++
	for i, book := range strategies() {
		o := outcomes[i]
		if o.live < 2 {
			continue
		}
		table.doubles[book.name][class]++
		switch {
		case book.name != "CreateOnce":
		case o.simultaneous:
			table.simultaneous++
		default:
			table.late++
		}
	}
}

func (table *onceTable) total() (schedules int) {
	for _, n := range table.schedules {
		schedules += n
	}
	return schedules
}

func (table *onceTable) totalOf(name string) (doubles int) {
	for _, n := range table.doubles[name] {
		doubles += n
	}
	return doubles
}

func (table *onceTable) merge(other *onceTable) {
	table.late += other.late
	table.simultaneous += other.simultaneous
	for class := range onceClasses {
		table.schedules[class] += other.schedules[class]
		for name, doubles := range other.doubles {
			table.doubles[name][class] += doubles[class]
		}
	}
}

func (table *onceTable) String() string {
	var b strings.Builder
	b.WriteString("\n| what goes wrong | schedules |")
	for _, s := range strategies() {
		b.WriteString(" " + s.name + " |")
	}
	b.WriteString("\n|---|---:|---:|---:|---:|\n")
	for class := range onceClasses {
		fmt.Fprintf(&b, "| %v | %d |", class, table.schedules[class])
		for _, s := range strategies() {
			n := table.doubles[s.name][class]
			fmt.Fprintf(&b, " %d (%.1f %%) |", n, 100*float64(n)/float64(max(table.schedules[class], 1)))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "| all | %d |", table.total())
	for _, s := range strategies() {
		fmt.Fprintf(&b, " %d |", table.totalOf(s.name))
	}
	fmt.Fprintf(&b, "\n\nCreateOnce: %d doubles carried out or listed after the last look, %d of two processes at one moment, 0 others\n",
		table.late, table.simultaneous)
	return b.String()
}
