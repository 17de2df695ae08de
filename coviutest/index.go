package coviutest

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

const chunkSize = 512

// index keeps the sessions of a team in order, in chunks that know how many of
// their sessions are not canceled: the last page of a long list is found by
// adding up chunks and costs about as much as the first.
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

// chunkFor is the chunk that holds s, or would.
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
		// Lists mostly grow at their end: a new chunk there keeps the full ones
		// full, which splitting would leave half empty for ever.
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
	keep     func(*session) bool // nil keeps all
	reverse  bool
}

func everything() selection { return selection{from: math.MinInt64, to: math.MaxInt64} }

// page returns up to limit sessions after the first offset ones, and whether
// more follow.
func (x *index) page(sel selection, offset int64, limit int) (content []*session, more bool) {
	for k := range x.chunks {
		c := x.chunks[mirrored(k, len(x.chunks), sel.reverse)]
		first, last := x.time(c.items[0]), x.time(c.items[len(c.items)-1])
		if last < sel.from || first > sel.to {
			continue
		}
		if whole := first >= sel.from && last <= sel.to && sel.keep == nil; whole && offset >= c.count(sel.canceled) {
			offset -= c.count(sel.canceled)
			continue
		}
		for j := range c.items {
			s := c.items[mirrored(j, len(c.items), sel.reverse)]
			switch t := x.time(s); {
			case t < sel.from || t > sel.to || !s.lived(sel.canceled) || sel.keep != nil && !sel.keep(s):
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
