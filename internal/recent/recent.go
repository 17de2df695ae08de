// Package recent remembers the latest items of an endless row.
package recent

// Set is a set with a limit: the newest item takes the place of the oldest.
type Set[T comparable] struct {
	limit int
	keep  func(T) T
	ring  []T
	next  int
	has   map[T]struct{}
}

// New makes a Set of at most limit items, which has to be positive. What it
// remembers of an item is keep of it, which has to be equal: a copy, where an item
// may be a piece of something larger.
func New[T comparable](limit int, keep func(T) T) *Set[T] {
	return &Set[T]{limit: limit, keep: keep, has: map[T]struct{}{}}
}

// Has reports whether item is remembered.
func (r *Set[T]) Has(item T) bool {
	_, known := r.has[item]
	return known
}

// Add remembers item and reports whether it is new.
func (r *Set[T]) Add(item T) bool {
	if r.Has(item) {
		return false
	}
	item = r.keep(item)
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, item)
	} else {
		delete(r.has, r.ring[r.next])
		r.ring[r.next] = item
		r.next = (r.next + 1) % r.limit
	}
	r.has[item] = struct{}{}
	return true
}
