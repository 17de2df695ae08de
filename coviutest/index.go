package coviutest

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

const chunkSize = 512

// index keeps the sessions of a team in order, in chunks. Each chunk counts its
// sessions that are not canceled. So the last page of a long list is found by
// adding up counts, and costs about as much as the first.
type index struct {
	byStart bool
	chunks  []*chunk
}

type chunk struct {
	items []*session
	live  int
}

// time is the first part of the key; the second is the order of creation.
func (x *index) time(s *session) int64 {
	if x.byStart {
		return s.start
	}
	return 0
}

func (x *index) compare(a, b *session) int {
	if c := cmp.Compare(x.time(a), x.time(b)); c != 0 {
		return c
	}
	return cmp.Compare(a.seq, b.seq)
}

// chunkFor returns the chunk in which s is, or belongs.
func (x *index) chunkFor(s *session) int {
	i := sort.Search(len(x.chunks), func(i int) bool { return x.compare(x.chunks[i].items[0], s) > 0 })
	return max(i-1, 0)
}

func (x *index) insert(s *session) {
	if len(x.chunks) == 0 {
		x.chunks = []*chunk{{items: []*session{s}, live: liveCount(s)}}
		return
	}
	i := x.chunkFor(s)
	c := x.chunks[i]
	at, _ := slices.BinarySearchFunc(c.items, s, x.compare)
	if len(c.items) == chunkSize && at == chunkSize && i == len(x.chunks)-1 {
		// Lists mostly grow at their end. A new chunk there leaves full chunks
		// full. Splitting would leave each one half empty.
		c, at = new(chunk), 0
		x.chunks = append(x.chunks, c)
	}
	c.items = slices.Insert(c.items, at, s)
	c.live += liveCount(s)
	if len(c.items) > chunkSize {
		x.split(i)
	}
}

func (x *index) split(i int) {
	c := x.chunks[i]
	right := &chunk{items: slices.Clone(c.items[chunkSize/2:])}
	for _, s := range right.items {
		right.live += liveCount(s)
	}
	clear(c.items[chunkSize/2:])
	c.items = c.items[:chunkSize/2]
	c.live -= right.live
	x.chunks = slices.Insert(x.chunks, i+1, right)
}

func (x *index) remove(s *session) {
	i := x.chunkFor(s)
	c := x.chunks[i]
	at, found := slices.BinarySearchFunc(c.items, s, x.compare)
	if !found {
		return
	}
	c.items = slices.Delete(c.items, at, at+1)
	c.live -= liveCount(s)
	if len(c.items) == 0 {
		x.chunks = slices.Delete(x.chunks, i, i+1)
	}
}

func liveCount(s *session) int {
	if s.isCanceled() {
		return 0
	}
	return 1
}

// selection says which sessions of an index belong to a list.
type selection struct {
	from, to int64 // bounds of the start time, both included; byStart only
	canceled bool
	keep     func(*session) bool // nil selects all
	reverse  bool
}

func everything() selection { return selection{from: math.MinInt64, to: math.MaxInt64} }

// and adds a condition.
func (sel *selection) and(keep func(*session) bool) {
	if first := sel.keep; first != nil {
		sel.keep = func(s *session) bool { return first(s) && keep(s) }
		return
	}
	sel.keep = keep
}

func (sel *selection) selects(s *session, time int64) bool {
	return time >= sel.from && time <= sel.to && s.listed(sel.canceled) && (sel.keep == nil || sel.keep(s))
}

// overlap tells whether any, and whether all sessions of a chunk lie within the
// bounds of the selection.
func (x *index) overlap(c *chunk, sel *selection) (some, all bool) {
	first, last := x.time(c.items[0]), x.time(c.items[len(c.items)-1])
	return last >= sel.from && first <= sel.to, first >= sel.from && last <= sel.to
}

// page returns up to limit sessions after the first offset ones, and whether
// more follow.
func (x *index) page(sel selection, offset int64, limit int) (content []*session, more bool) {
	for k := range x.chunks {
		c := x.chunks[mirrored(k, len(x.chunks), sel.reverse)]
		some, all := x.overlap(c, &sel)
		if !some {
			continue
		}
		if all && sel.keep == nil && offset >= c.count(sel.canceled) {
			offset -= c.count(sel.canceled)
			continue
		}
		for j := range c.items {
			s := c.items[mirrored(j, len(c.items), sel.reverse)]
			switch {
			case !sel.selects(s, x.time(s)):
			case offset > 0:
				offset--
			case len(content) == limit:
				return content, true
			default:
				content = append(content, s)
			}
		}
	}
	return content, false
}

// count returns how many sessions are selected.
func (x *index) count(sel selection) (n int64) {
	for _, c := range x.chunks {
		some, all := x.overlap(c, &sel)
		switch {
		case !some:
		case all && sel.keep == nil:
			n += c.count(sel.canceled)
		default:
			for _, s := range c.items {
				if sel.selects(s, x.time(s)) {
					n++
				}
			}
		}
	}
	return n
}

func (c *chunk) count(canceled bool) int64 {
	if canceled {
		return int64(len(c.items))
	}
	return int64(c.live)
}

func mirrored(i, n int, reverse bool) int {
	if reverse {
		return n - 1 - i
	}
	return i
}
