// Package jsonreader reads JSON into Go values with few allocations and within a
// budget of memory.
package jsonreader

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/dates"
	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
)

const (
	// maxScratch is how many items of a list are read into scratch memory.
	maxScratch = 256
	// maxScratchBytes is the scratch memory for bytes that is kept between texts.
	maxScratchBytes = 64 << 10
	// minChunk and maxChunk bound what is allocated for strings before their
	// size is known.
	minChunk, maxChunk = 64, 1 << 10
)

// Reader reads the values of one text after the other. The zero Reader is ready
// to use after Reset. Methods that fail leave their field as it is, and make the
// Cursor fail.
type Reader struct {
	jsoncursor.Cursor

	// chunk holds copies of the current item's strings, so that they take one
	// allocation instead of many. The next item gets a chunk of its own, so that a
	// program that keeps one item does not keep the others in memory. copied is the
	// size of the item's strings so far, expected the size for the item before.
	chunk            strings.Builder
	copied, expected int
	// scratch is used again for the next text.
	scratch []byte
}

// Reset starts a text that may take budget bytes of memory.
func (r *Reader) Reset(text []byte, budget int64) {
	scratch := r.scratch
	if cap(scratch) > maxScratchBytes {
		scratch = nil
	}
	r.Cursor.Reset(text, budget)
	// About half of a text is strings that are kept.
	*r = Reader{Cursor: r.Cursor, scratch: scratch, expected: min(len(text)/2, maxChunk)}
}

// List reads an array into scratch memory and returns a copy of the exact length,
// nil for an empty array. Once a list outgrows the scratch memory, the rest is
// counted, so that it is allocated once.
func List[T any](r *Reader, scratch *[]T, read func(*T)) []T {
	items := *scratch
	for range r.Elements() {
		if len(items) == cap(items) {
			more := max(16, len(items))
			if len(items) >= maxScratch {
				more = r.Remaining()
			}
			larger := newSlice[T](r, len(items)+more)
			if larger == nil {
				break
			}
			copy(larger, items)
			clear(items)
			items = larger[:len(items)]
		}
		items = append(items, *new(T))
		read(&items[len(items)-1])
	}
	if cap(items) > maxScratch {
		return items
	}
	*scratch = items[:0]
	var exact []T
	if len(items) > 0 && r.Err() == nil {
		exact = newSlice[T](r, len(items))
		copy(exact, items)
	}
	clear(items)
	return exact
}

// newSlice returns nil if the budget does not allow n items.
func newSlice[T any](r *Reader, n int) []T {
	if !r.Reserve(n, int(reflect.TypeFor[T]().Size())) {
		return nil
	}
	return make([]T, n)
}

// NextItem starts a new chunk. After a huge item the expectation stays small, or
// the items that follow would each reserve as much.
func (r *Reader) NextItem() {
	r.chunk.Reset()
	r.copied, r.expected = 0, min(r.copied, maxChunk)
}

// Copy returns text as a string in the item's chunk.
func (r *Reader) Copy(text []byte) string {
	if len(text) > r.chunk.Cap()-r.chunk.Len() {
		size := max(len(text), r.expected-r.copied, r.copied/4, minChunk)
		if !r.Reserve(size, 1) {
			return ""
		}
		r.chunk.Reset()
		r.chunk.Grow(size)
	}
	r.copied += len(text)
	start := r.chunk.Len()
	r.chunk.Write(text)
	return r.chunk.String()[start:]
}

// String reads a string.
func (r *Reader) String(field *string) {
	if text, ok := r.Text(); ok {
		*field = r.Copy(text)
	}
}

// SharedString reads a string that is often the same as the last one. It is not
// copied to a chunk, because another item may refer to it too.
func (r *Reader) SharedString(field, last *string) {
	text, ok := r.Text()
	if !ok {
		return
	}
	if string(text) != *last && r.Reserve(len(text), 1) {
		*last = string(text)
	}
	*field = *last
}

// UpperCase reads a string and returns it in upper case. The result is valid until
// the next call.
func (r *Reader) UpperCase() (text []byte, ok bool) {
	text, ok = r.Text()
	if !ok || !r.reserveScratch(len(text)) {
		return nil, false
	}
	for _, b := range text {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		r.scratch = append(r.scratch, b)
	}
	return r.scratch, true
}

// reserveScratch makes r.scratch empty, with room for size bytes.
func (r *Reader) reserveScratch(size int) bool {
	r.scratch = r.scratch[:0]
	if size > cap(r.scratch) {
		if !r.Reserve(size, 1) {
			return false
		}
		r.scratch = make([]byte, 0, size)
	}
	return true
}

// Time reads a date.
func (r *Reader) Time(field *time.Time) {
	text, ok := r.Text()
	if !ok {
		return
	}
	// time.Parse may allocate a time.Location for a numeric zone.
	if n := len(text); n > 0 && text[n-1] != 'Z' && !r.Reserve(1, 160) {
		return
	}
	t, err := dates.Parse(text)
	if err != nil {
		r.Fail(err.Error())
		return
	}
	*field = t
}

// OptionalTime reads a date, nil for null.
func (r *Reader) OptionalTime() *time.Time {
	if r.Null() || !r.Reserve(1, int(reflect.TypeFor[time.Time]().Size())) {
		return nil
	}
	t := new(time.Time)
	r.Time(t)
	return t
}

// Int reads an integer.
func (r *Reader) Int(field *int) {
	if n, ok := r.Cursor.Int(); ok {
		*field = n
	}
}

// Unknown keeps an unknown field in the form in which json.Marshal would write
// it, so that it is the same after any number of round trips.
func (r *Reader) Unknown(extra *map[string]json.RawMessage, name []byte) {
	if !r.Reserve(len(name), 1) {
		return
	}
	key := string(name)
	value := r.Raw()
	if !r.reserveScratch(jsoncursor.CompactSize(value)) {
		return
	}
	r.scratch = jsoncursor.AppendCompact(r.scratch, value)
	if !r.Reserve(len(r.scratch), 1) || !r.Reserve(1, mapGrowth(len(*extra))) {
		return
	}
	if *extra == nil {
		*extra = make(map[string]json.RawMessage)
	}
	(*extra)[key] = bytes.Clone(r.scratch)
}

// mapGrowth is what a map of size entries may allocate for another one. Up to
// eight entries share the first allocation. A larger map doubles, which takes
// less than 256 bytes for each entry that it gets until then.
func mapGrowth(size int) int {
	switch {
	case size == 0:
		return 400
	case size < 8:
		return 0
	case size == 8:
		return 1 << 10
	default:
		return 256
	}
}
