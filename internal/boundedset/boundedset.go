// Package boundedset is a set that remembers only its newest items.
package boundedset

// Set holds at most a fixed number of items. A new item replaces the oldest one.
type Set[T comparable] struct {
	limit int
	clone func(T) T
	ring  []T
	next  int
	has   map[T]struct{}
}

// New makes a Set of at most limit items. The limit must be positive. The set
// stores clone(item), which must be equal to item: strings.Clone, for example, if
// the items are parts of larger strings that should not stay in memory.
func New[T comparable](limit int, clone func(T) T) *Set[T] {
	return &Set[T]{limit: limit, clone: clone, has: map[T]struct{}{}}
}

// Has reports whether item is in the set.
func (s *Set[T]) Has(item T) bool {
	_, known := s.has[item]
	return known
}

// Add adds item and reports whether it is new.
func (s *Set[T]) Add(item T) bool {
	if s.Has(item) {
		return false
	}
	item = s.clone(item)
	if len(s.ring) < s.limit {
		s.ring = append(s.ring, item)
	} else {
		delete(s.has, s.ring[s.next])
		s.ring[s.next] = item
		s.next = (s.next + 1) % s.limit
	}
	s.has[item] = struct{}{}
	return true
}
