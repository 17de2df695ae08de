package coviu

import (
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/recent"
)

// cursor is where the reading of a list goes on that sessions can leave. Each
// that leaves moves all that follow up, some of them into the part that was read.
// So every page has to join that part: to begin with a session that was read, or
// with one that comes before it. A page that does not is asked for again, from
// further up.
type cursor struct {
	asked     SessionListOptions
	full      int
	precision time.Duration

	// at is the page to ask for; loose says that it need not join.
	at    place
	loose bool

	// Pages are counted from the edge that was asked for or, where that repeats
	// less, from the start of the last session that was read.
	edge, askedEdge time.Time
	edges           edgeUse

	byTime bool      // the order of the list
	last   time.Time // the start of the last session that was read
	read   *recent.Set[sighting]
	ids    *recent.Set[string]

	// back is where the list goes on from the edge that was asked for.
	back place
	// counted is how many sessions from the edge on were read, ending how those of
	// them start that are from the next edge on.
	counted int
	ending  []starts
}

// edgeUse says whether pages may be counted from another edge than was asked for.
type edgeUse int

const (
	edgesUnproven edgeUse = iota
	edgesHold
	edgesFail
)

// place is a page by its number and size.
type place struct{ number, size int }

func (p place) begin() int { return p.number * p.size }
func (p place) end() int   { return p.begin() + p.size }

// starts is a number of sessions in a row that start together.
type starts struct {
	at time.Time
	n  int
}

// sighting is a session where it was seen: in a list by start time, one that was
// moved since is elsewhere.
type sighting struct {
	id    string
	start time.Time
}

// clone keeps no page in memory.
func (s sighting) clone() sighting { return sighting{strings.Clone(s.id), s.start} }

func newCursor(asked SessionListOptions, precision time.Duration) *cursor {
	full := orDefault(asked.PageSize, maxPageSize)
	c := &cursor{
		asked:     asked,
		full:      full,
		precision: precision,
		at:        place{asked.Page, full},
		loose:     true,
		byTime:    asked.byTime(),
		read:      recent.New(remembered, sighting.clone),
		ids:       recent.New(remembered, strings.Clone),
	}
	c.edge = *c.edgeOf(&c.asked)
	c.askedEdge = c.edge
	return c
}

// edgeOf is the time in o at which the list begins.
func (c *cursor) edgeOf(o *SessionListOptions) *time.Time {
	if c.asked.Order == OrderReverse {
		return &o.EndTime
	}
	return &o.StartTime
}

// request asks for the page at the cursor.
func (c *cursor) request() SessionListOptions { return c.requestFrom(c.edge) }

func (c *cursor) requestFrom(edge time.Time) SessionListOptions {
	o := c.asked
	*c.edgeOf(&o) = edge
	o.Page, o.PageSize = c.at.number, c.at.size
	return o
}

// joins says whether page goes on from what was read. If not, the cursor moves up.
func (c *cursor) joins(page *SessionPage) bool {
	if !c.holds(page) {
		c.edges, c.edge = edgesFail, c.askedEdge
		c.at, c.loose = c.back, false
		return false
	}
	empty := len(page.Content) == 0
	if c.loose || c.at.number == 0 || empty && page.More || !empty && c.reached(&page.Content[0]) {
		return true
	}
	c.at = place{(c.at.begin() - 1) / maxPageSize, maxPageSize}
	return false
}

// holds says whether page is counted from the edge, and learns from it whether the
// server counts from edges at all. Some servers take EndTime for when sessions end:
// that it is not shows in a session that was read, and ends later.
func (c *cursor) holds(page *SessionPage) bool {
	asked, empty := c.edge.Equal(c.askedEdge), len(page.Content) == 0
	switch {
	case empty:
		return asked || c.edges == edgesHold || page.More
	case c.ignoresEdge(&page.Content[0]):
		c.edges, c.edge = edgesFail, c.askedEdge
	case asked:
		return true
	case c.asked.Order != OrderReverse, page.Content[0].EndTime.After(c.edge) && c.reached(&page.Content[0]):
		c.edges = edgesHold
	}
	return c.edges != edgesUnproven
}

// ignoresEdge says that first, of a page, is from before the edge, even if the
// server cuts to seconds what it writes.
func (c *cursor) ignoresEdge(first *Session) bool {
	return !c.edge.IsZero() && c.compare(first.StartTime.Truncate(time.Second), c.edge.Truncate(time.Second)) < 0
}

// reached says that nothing unread comes before s.
func (c *cursor) reached(s *Session) bool {
	return c.byTime && c.compare(s.StartTime, c.last) < 0 || c.knows(s)
}

// advance moves the cursor past page.
func (c *cursor) advance(page *SessionPage) {
	// A server that makes pages of its own size, or leaves More out and so seems to
	// go on after a short one, is followed by its page numbers.
	got := len(page.Content)
	c.loose = got > c.at.size || got < c.at.size && page.More
	begin, end := c.firstWanted(page.Content), got
	if !c.loose {
		end = begin + c.enough(page.Content[begin:])
	}
	page.Content, page.More = page.Content[begin:end], page.More || end < got
	c.remember(page.Content)
	if c.loose {
		c.at.number++
	} else {
		c.moveOn(c.at.begin()+end, page.Content)
	}
}

// firstWanted says how many sessions are from before the page that was asked for
// first.
func (c *cursor) firstWanted(sessions []Session) int {
	if c.asked.Page == 0 {
		return 0
	}
	return max(0, slices.IndexFunc(sessions, func(s Session) bool { return c.knows(&s) }))
}

// enough says how many sessions have as many new ones among them as were asked for.
// One that was moved is none.
func (c *cursor) enough(sessions []Session) int {
	fresh := 0
	for i := range sessions {
		if !c.ids.Has(sessions[i].SessionID) {
			fresh++
		}
		if fresh > c.full {
			return i
		}
	}
	return len(sessions)
}

func (c *cursor) knows(s *Session) bool { return c.read.Has(c.sightingOf(s)) }

func (c *cursor) sightingOf(s *Session) sighting {
	if !c.asked.byTime() {
		return sighting{id: s.SessionID}
	}
	return sighting{s.SessionID, s.StartTime.UTC()}
}

// remember keeps what the next page can join. A server that does not order by
// start time has the order of creation.
func (c *cursor) remember(sessions []Session) {
	c.byTime = c.byTime && slices.IsSortedFunc(sessions, func(a, b Session) int { return c.compare(a.StartTime, b.StartTime) })
	for i := range sessions {
		c.read.Add(c.sightingOf(&sessions[i]))
		c.ids.Add(sessions[i].SessionID)
		c.last = sessions[i].StartTime
	}
}

// moveOn sets the next page, after so many sessions from the edge on, of which
// these are the last.
func (c *cursor) moveOn(read int, latest []Session) {
	c.at = c.overlapping(read)
	if !c.byTime || c.edges == edgesFail {
		return
	}
	edge := c.edgeAtLast()
	together := c.count(read, latest, edge)
	// A list that goes on beyond the other end of what was asked for has no edge there.
	o := c.requestFrom(edge)
	if o.check() != nil || !c.edge.IsZero() && c.compare(edge, c.edge) <= 0 {
		return
	}
	if at := c.overlapping(together); at.end()-together >= c.at.end()-read {
		if c.edge.Equal(c.askedEdge) {
			c.back = c.at
		}
		c.at, c.edge, c.counted = at, edge, together
	}
}

// count says how many of the sessions read are from edge on. Some of them may
// have been on earlier pages.
func (c *cursor) count(read int, latest []Session, edge time.Time) int {
	known := c.counted - (read - len(latest))
	for _, s := range latest[min(max(0, known), len(latest)):] {
		if n := len(c.ending); n > 0 && c.ending[n-1].at.Equal(s.StartTime) {
			c.ending[n-1].n++
		} else {
			c.ending = append(c.ending, starts{s.StartTime, 1})
		}
	}
	c.counted = read
	c.ending = slices.DeleteFunc(c.ending, func(s starts) bool { return c.compare(s.at, edge) < 0 })
	together := 0
	for _, s := range c.ending {
		together += s.n
	}
	return together
}

// edgeAtLast is the edge nearest to the last session that leaves out none that
// starts with it, even if the server writes it cut to seconds.
func (c *cursor) edgeAtLast() time.Time {
	if c.asked.Order == OrderReverse {
		return c.last.Truncate(time.Second).Add(time.Second)
	}
	return c.last.Truncate(c.precision)
}

// compare is the order of the list.
func (c *cursor) compare(a, b time.Time) int {
	if c.asked.Order == OrderReverse {
		a, b = b, a
	}
	return a.Compare(b)
}

// overlapping is the page that begins within what was read, and brings as many
// more sessions as were asked for, or as the largest page can.
func (c *cursor) overlapping(read int) place {
	best := place{0, 1}
	for size := 1; size <= maxPageSize && best.end()-read < c.full; size++ {
		if at := (place{max(0, read-1) / size, size}); at.end() > best.end() {
			best = at
		}
	}
	return best
}
