package coviu

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/boundedset"
)

// cursor says which page of a list to read next.
//
// Where sessions can leave the list, each one that leaves moves all later ones
// forward, some of them into pages that were read. Consecutive pages must
// therefore overlap: a page's first session must be one already read, or sort
// before the last one read. Otherwise sessions were removed, and the cursor steps
// back. It does not matter in which order the server answers requests for pages.
type cursor struct {
	asked    SessionListOptions
	pageSize int

	// at is the page to ask for.
	at pageRef
	// begun is set once a page was read. The first one overlaps with nothing.
	begun bool
	// byNumber is set while page numbers are followed, without overlap.
	byNumber bool

	sortedByTime bool      // as far as the pages read show
	last         time.Time // the start of the last session read
	// read holds the sessions that were read last, for the overlap check.
	read *boundedset.Set[sighting]
	// known are the ids of the sessions that the caller has had.
	known *boundedset.Set[string]
}

// pageRef is a page to ask for. until is the number of sessions of the list that are
// read once this page is, if the list does not change.
type pageRef struct{ number, size, until int }

func (p pageRef) begin() int { return p.number * p.size }
func (p pageRef) end() int   { return p.begin() + p.size }

// sighting is a session at the start time it had when it was read. In a list by
// start time, a session that was moved since is elsewhere.
type sighting struct {
	id    string
	start time.Time
}

// clone makes a copy that does not keep the page in memory.
func (s sighting) clone() sighting { return sighting{strings.Clone(s.id), s.start} }

func newCursor(asked SessionListOptions) *cursor {
	pageSize := cmp.Or(asked.PageSize, defaultPageSize)
	c := &cursor{
		asked:    asked,
		pageSize: pageSize,
		at:       pageRef{asked.Page, pageSize, (asked.Page + 1) * pageSize},
		byNumber: !asked.pagesShift(),
		read:     boundedset.New(remembered, sighting.clone),
		known:    boundedset.New(remembered, strings.Clone),

		sortedByTime: asked.byTime(),
	}
	if c.byNumber {
		c.at.size = asked.PageSize // 0 leaves the size to the service
	}
	return c
}

// overlaps reports whether page continues what was read, with no gap between.
func (c *cursor) overlaps(page *SessionPage) bool {
	if !c.begun || c.byNumber || c.at.number == 0 {
		return true
	}
	if len(page.Content) == 0 {
		// The page was to begin with a session already read. If it ends the list,
		// sessions were removed.
		return page.More
	}
	first := &page.Content[0]
	return c.sortedByTime && c.compare(first.StartTime, c.last) < 0 || c.read.Has(c.sightingOf(first))
}

// stepBack moves the cursor to a page of the largest size that begins further up.
func (c *cursor) stepBack() {
	c.at = pageRef{number: (c.at.begin() - 1) / maxPageSize, size: maxPageSize}
}

// advance moves the cursor past page, and cuts page to the sessions that belong
// to this iteration.
func (c *cursor) advance(page *SessionPage) {
	c.begun = true
	if !c.asked.pagesShift() {
		c.at = c.following(c.at)
		return
	}
	got := len(page.Content)
	// A server may make pages of its own size. One that leaves More out seems to
	// continue after a short page. In both cases only page numbers can be followed.
	c.byNumber = got > c.at.size || got < c.at.size && page.More
	begin, end := c.firstWanted(page.Content), got
	if !c.byNumber {
		end = begin + c.fillsPage(page.Content[begin:])
	}
	page.Content, page.More = page.Content[begin:end], page.More || end < got
	c.remember(page.Content)
	if c.byNumber {
		c.at = c.following(c.at)
	} else {
		c.at = c.overlappingPage(c.at.begin() + end)
	}
}

// following returns the page after at, as long as the list does not change.
func (c *cursor) following(at pageRef) pageRef {
	if c.byNumber {
		return pageRef{number: at.number + 1, size: at.size}
	}
	return c.overlappingPage(at.until)
}

// firstWanted returns the index of the first session that belongs to this
// iteration. A page from further up may begin with sessions from before the page
// that was asked for first.
func (c *cursor) firstWanted(sessions []Session) int {
	if c.asked.Page == 0 {
		return 0
	}
	return max(0, slices.IndexFunc(sessions, func(s Session) bool { return c.read.Has(c.sightingOf(&s)) }))
}

// fillsPage returns how many of the sessions fill a page of the size that was
// asked for. Sessions that were read before do not count, even if they were moved.
func (c *cursor) fillsPage(sessions []Session) int {
	fresh := 0
	for i := range sessions {
		if !c.known.Has(sessions[i].SessionID) {
			fresh++
		}
		if fresh > c.pageSize {
			return i
		}
	}
	return len(sessions)
}

func (c *cursor) sightingOf(s *Session) sighting {
	if !c.asked.byTime() {
		return sighting{id: s.SessionID}
	}
	return sighting{s.SessionID, s.StartTime.UTC()}
}

// remember keeps what the overlap check needs. If a page is not sorted by start
// time, the server sorts by creation, and starts prove nothing.
func (c *cursor) remember(sessions []Session) {
	c.sortedByTime = c.sortedByTime && slices.IsSortedFunc(sessions, func(a, b Session) int { return c.compare(a.StartTime, b.StartTime) })
	for i := range sessions {
		c.read.Add(c.sightingOf(&sessions[i]))
		c.last = sessions[i].StartTime
	}
}

// compare is the order of the list, in whole seconds: a server may cut the starts
// of some sessions to seconds, and still sort by the whole start.
func (c *cursor) compare(a, b time.Time) int {
	if c.asked.Order == OrderReverse {
		a, b = b, a
	}
	return a.Truncate(time.Second).Compare(b.Truncate(time.Second))
}

// overlappingPage returns the page to ask for when count sessions of the list are
// read. It begins with one of them and brings a full page of new ones, or as many as
// the largest page can.
func (c *cursor) overlappingPage(count int) pageRef {
	best := pageRef{size: 1}
	for size := 1; size <= maxPageSize && best.end()-count < c.pageSize; size++ {
		if at := (pageRef{number: max(0, count-1) / size, size: size}); at.end() > best.end() {
			best = at
		}
	}
	best.until = min(best.end(), count+c.pageSize)
	return best
}
