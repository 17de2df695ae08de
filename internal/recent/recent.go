// Package recent remembers the latest strings of an endless row.
package recent

import "strings"

// Set is a set with a limit: the newest string takes the place of the oldest.
type Set struct {
	limit int
	ring  []string
	next  int
	has   map[string]struct{}
}

// New makes a Set of at most limit strings, which has to be positive.
func New(limit int) *Set {
	return &Set{limit: limit, has: map[string]struct{}{}}
}

// Add remembers s and reports whether it is new. It keeps a copy, so that s may
// be a piece of something larger.
func (r *Set) Add(s string) bool {
	if _, known := r.has[s]; known {
		return false
	}
	s = strings.Clone(s)
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, s)
	} else {
		delete(r.has, r.ring[r.next])
		r.ring[r.next] = s
		r.next = (r.next + 1) % r.limit
	}
	r.has[s] = struct{}{}
	return true
}
