// Package arena keeps the strings of one thing back to back in memory, so that
// they cost one allocation, and one thing that is kept keeps no other's strings.
package arena

import "strings"

// An Arena holds the strings of one item after the other. The zero Arena is
// ready for use.
type Arena struct {
	chunk    strings.Builder
	used     int
	expected int
}

// Expect says how much the strings of the first item may need, in bytes.
func (a *Arena) Expect(size int) { a.expected = size }

// Next begins an item. It is expected to need what the last one did, or nearly
// what the longest of the last few did: a second chunk is dearer than some slack.
// A giant among them is believed by and by only, for its followers would each
// keep as much memory.
func (a *Arena) Next() {
	a.expected = max(min(a.used, 2*a.expected+256), a.expected-a.expected/8)
	a.used = 0
	a.chunk.Reset()
}

// Add returns text as a string of the item at hand. An item that needs more
// than expected gets further chunks, each by a quarter of what it has.
func (a *Arena) Add(text []byte) string {
	if len(text) > a.chunk.Cap()-a.chunk.Len() {
		size := a.expected
		if a.used > 0 {
			size = a.used / 4
		}
		a.chunk.Reset()
		a.chunk.Grow(max(size, len(text)))
	}
	a.used += len(text)
	start := a.chunk.Len()
	a.chunk.Write(text)
	return a.chunk.String()[start:]
}
