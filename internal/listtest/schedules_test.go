package listtest_test

import (
	"fmt"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// A schedule is a series of changes that others make while a list is read. Each
// change happens just before a request is answered. The tests run the real client
// against a coviutest server, and compare what was yielded with what the
// documentation of Pages promises.

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

// otherStarts are the starts that sessions are moved to or booked at: outside of
// the window, at its ends, and equal to some starts in the list.
var otherStarts = []time.Duration{5 * time.Hour, windowStart, 12 * time.Hour, 15 * time.Hour, windowEnd, 30 * time.Hour}

type listFilter struct{ from, to, state bool }

func (f listFilter) String() string {
	return fmt.Sprintf("from=%t to=%t state=%t", f.from, f.to, f.state)
}

func (f listFilter) byTime() bool { return f.from || f.to }

var listFilters = []listFilter{{}, {from: true}, {to: true}, {from: true, to: true}, {state: true}, {from: true, to: true, state: true}}

// listCase is a list and the options it is read with.
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

// changes returns all changes that can happen at one moment.
func (c listCase) changes() []listChange {
	var all []listChange
	for i := range c.sessions {
		all = append(all, listChange{kind: cancelSession, session: i})
		if c.filter.state {
			all = append(all, listChange{kind: changeState, session: i}, listChange{kind: removeParticipant, session: i})
		}
		for _, start := range otherStarts {
			// Without a filter by time, all moves are alike.
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
