// Package jsoncursor reads a JSON text value by value in one pass. It accepts
// and refuses what [encoding/json] does, with four differences: at most 64
// levels, exactly one value, names in their exact case, and a memory budget.
//
// The first error sticks. After it there are no more fields and elements, so
// callers check [Cursor.Err] once, at the end.
package jsoncursor

import (
	"bytes"
	"iter"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how many objects and arrays may be open at once.
const MaxDepth = 64

// maxKept is how much memory, in bytes, Reset keeps for the next text.
const maxKept = 64 << 10

// A Cursor is a position in a JSON text. The zero Cursor is at an empty text.
// What its methods return shares memory with the text or with the Cursor and
// is valid until the next call.
type Cursor struct {
	text  []byte
	pos   int
	depth int
	// opened is set between the start of a container and its first item, where
	// no comma may stand.
	opened bool
	err    *Error
	// unnamed keeps the name of an unknown field out of the error's path.
	unnamed bool
	// budget is how many bytes may still be allocated. It is exhausted once an
	// allocation was refused.
	budget    int64
	exhausted bool
	// unquoted is the memory for strings with escapes.
	unquoted []byte
}

// Reset moves to the start of a text. Reading it may allocate budget bytes, as
// counted by [Cursor.Reserve].
func (c *Cursor) Reset(text []byte, budget int64) {
	kept := c.unquoted[:0]
	if cap(kept) > maxKept {
		kept = nil
	}
	*c = Cursor{text: text, budget: budget, unquoted: kept}
}

// Err returns the first error, or nil.
func (c *Cursor) Err() *Error { return c.err }

// Reserve counts an allocation that is about to be made for what was read: count
// values of size bytes each. It returns false if the budget does not allow it, or
// after an error; then nothing may be allocated. An allocation counts for no less
// than what it takes: Go rounds it up by a quarter at most, and a large one to
// pages of 8 KiB.
func (c *Cursor) Reserve(count, size int) bool {
	need := int64(count) * int64(size)
	c.budget -= need + min(need/4, 8<<10) + 16
	if c.budget < 0 && c.err == nil {
		c.Fail("the reply needs too much memory to decode")
		c.exhausted = true
	}
	return c.err == nil
}

// Fail sets the error of the current value, unless there is an error already.
func (c *Cursor) Fail(reason string) {
	if c.err == nil {
		c.err = &Error{Reason: reason}
	}
	c.pos = len(c.text)
}

// FailIn is Fail for a named field of the current object.
func (c *Cursor) FailIn(name, reason string) {
	if c.err == nil {
		c.err = &Error{Field: name, Reason: reason}
	}
	c.pos = len(c.text)
}

// failHere is Fail, unless the text has ended.
func (c *Cursor) failHere(reason string) {
	if c.err == nil && c.pos >= len(c.text) {
		c.err = &Error{Truncated: true, Reason: "the text ends early"}
	}
	c.Fail(reason)
}

// End refuses anything that follows the value.
func (c *Cursor) End() {
	if c.Peek(); c.pos < len(c.text) {
		c.Fail("more than one value")
	}
}

// Fields enters an object and iterates over its fields. The caller reads the
// value of each. Null has no fields.
func (c *Cursor) Fields() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !c.open('{', "not an object") {
			return
		}
		for {
			name, plain, ok := c.field()
			if ok && !plain {
				name, ok = c.unquote(nil, name)
			}
			if !ok || !yield(name) {
				return
			}
			if c.err != nil {
				c.within(name)
			}
		}
	}
}

// Elements enters an array and iterates over its elements. The caller reads
// each. Null has no elements.
func (c *Cursor) Elements() iter.Seq[int] {
	return func(yield func(int) bool) {
		if !c.open('[', "not an array") {
			return
		}
		for i := 0; c.next(']'); i++ {
			if !yield(i) {
				return
			}
			if c.err != nil {
				c.within([]byte("[" + strconv.Itoa(i) + "]"))
			}
		}
	}
}

// Remaining counts the elements of the current array that were not read yet. The
// Cursor stays before the first of them. If there is an error among them, the
// count ends there.
func (c *Cursor) Remaining() int {
	ahead := *c
	count := 0
	for more := true; more; more = ahead.next(']') {
		ahead.skip()
		count++
	}
	return count
}

// Peek returns the first byte of the next value. At the end of the text it is 0,
// and so it is for a NUL byte, which no JSON text has outside its strings.
func (c *Cursor) Peek() byte {
	if c.pos < len(c.text) && c.text[c.pos] > ' ' {
		return c.text[c.pos]
	}
	return c.skipSpace()
}

func (c *Cursor) skipSpace() byte {
	for ; c.pos < len(c.text); c.pos++ {
		switch b := c.text[c.pos]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// Null reads a null if one comes next.
func (c *Cursor) Null() bool {
	return c.Peek() == 'n' && c.literal("null")
}

// Text reads a string. ok is false for null and after an error.
func (c *Cursor) Text() (text []byte, ok bool) {
	if c.Peek() != '"' {
		if !c.Null() {
			c.failHere("not a string")
		}
		return nil, false
	}
	text, plain, ok := c.quoted()
	if ok && !plain {
		text, ok = c.unquote(c.unquoted[:0], text)
		c.unquoted = text[:0]
	}
	return text, ok
}

// unquote replaces the escapes in a string by what they stand for. It uses the
// memory of dst if there is enough. Each byte that is not UTF-8 becomes three.
func (c *Cursor) unquote(dst, inside []byte) (text []byte, ok bool) {
	size := len(inside)
	if !utf8.Valid(inside) {
		size *= 3
	}
	if size > cap(dst) {
		if !c.Reserve(size, 1) {
			return nil, false
		}
		dst = make([]byte, 0, size)
	}
	return appendUnquoted(dst, inside), true
}

// Bool reads a boolean. ok is false for null and after an error.
func (c *Cursor) Bool() (value, ok bool) {
	switch c.Peek() {
	case 't':
		return true, c.literal("true")
	case 'f':
		return false, c.literal("false")
	case 'n':
		c.literal("null")
	default:
		c.failHere("not a boolean")
	}
	return false, false
}

// Int reads an integer, also from a string; an empty string is zero. ok is false for
// null and after an error.
func (c *Cursor) Int() (value int, ok bool) {
	var digits []byte
	switch b := c.Peek(); {
	case b == 'n':
		c.literal("null")
	case b == '"':
		if digits, ok = c.Text(); ok && len(digits) == 0 {
			return 0, true
		}
	case b == '-' || b-'0' <= 9:
		start := c.pos
		ok = c.number()
		digits = c.text[start:c.pos]
	default:
		c.failHere("not an integer")
	}
	if !ok {
		return 0, false
	}
	if len(digits) <= len("-9223372036854775808") && wholeNumber(digits) {
		if value, err := strconv.Atoi(string(digits)); err == nil {
			return value, true
		}
	}
	c.Fail("not an integer")
	return 0, false
}

// wholeNumber refuses what Atoi accepts and JSON does not: +1 and 01.
func wholeNumber(digits []byte) bool {
	digits = bytes.TrimPrefix(digits, []byte("-"))
	return len(digits) > 0 && digits[0] != '+' && (digits[0] != '0' || len(digits) == 1)
}

// Raw reads any value and returns its text, nil after an error. The path of an
// error in it ends at the object around it, because the name of an unknown field
// may itself be confidential.
func (c *Cursor) Raw() []byte {
	c.Peek()
	start := c.pos
	c.skip()
	if c.err != nil {
		c.unnamed = true
		return nil
	}
	return c.text[start:c.pos]
}

// skip reads past a value without recursion. Each bit of objects stands for one
// open container, the lowest for the innermost: 1 is an object, 0 an array.
func (c *Cursor) skip() {
	outside := c.depth
	var objects uint64
	for {
		switch c.Peek() {
		case '{':
			c.open('{', "")
			objects = objects<<1 | 1
		case '[':
			c.open('[', "")
			objects <<= 1
		default:
			c.scalar()
		}
		for more := false; !more; {
			if c.err != nil || c.depth == outside {
				return
			}
			if objects&1 == 1 {
				_, _, more = c.field()
			} else {
				more = c.next(']')
			}
			if !more {
				objects >>= 1
			}
		}
	}
}

func (c *Cursor) scalar() {
	switch c.Peek() {
	case '"':
		c.quoted()
	case 't':
		c.literal("true")
	case 'f':
		c.literal("false")
	case 'n':
		c.literal("null")
	default:
		c.number()
	}
}

// within puts a name in front of the error's path. An exhausted budget is an
// error of the whole text and has no path.
func (c *Cursor) within(name []byte) {
	switch rest := c.err.Field; {
	case c.exhausted:
	case c.unnamed:
		c.unnamed = false
	case rest == "" || rest[0] == '[':
		c.err.Field = string(name) + rest
	default:
		c.err.Field = string(name) + "." + rest
	}
}

func (c *Cursor) open(bracket byte, reason string) bool {
	if c.Peek() != bracket {
		if !c.Null() {
			c.failHere(reason)
		}
		return false
	}
	if c.depth == MaxDepth {
		c.Fail("more than 64 levels deep")
		return false
	}
	c.pos++
	c.depth++
	c.opened = true
	return true
}

// next moves to the next field or element, or past the end of the container.
func (c *Cursor) next(bracket byte) bool {
	b := c.Peek()
	opened := c.opened
	c.opened = false
	switch {
	case b == bracket:
		c.pos++
		c.depth--
		return false
	case opened:
		return true
	case b == ',':
		c.pos++
		return true
	}
	c.failHere("no comma or end of the container")
	return false
}

// field reads the name of the next field, if there is one, and the colon. The
// name is what stands between its quotation marks; see quoted.
func (c *Cursor) field() (name []byte, plain, ok bool) {
	if !c.next('}') {
		return nil, true, false
	}
	if c.Peek() != '"' {
		c.failHere("no field name")
		return nil, true, false
	}
	name, plain, ok = c.quoted()
	if ok && c.Peek() != ':' {
		c.failHere("no colon after the field name")
		return nil, true, false
	}
	c.pos++
	return name, plain, ok
}

func (c *Cursor) literal(word string) bool {
	rest := c.text[c.pos:]
	if len(rest) >= len(word) && string(rest[:len(word)]) == word {
		c.pos += len(word)
		return true
	}
	if len(rest) < len(word) && word[:len(rest)] == string(rest) {
		c.pos = len(c.text)
	}
	c.failHere("not a JSON value")
	return false
}

func (c *Cursor) number() bool {
	if c.Peek() == '-' {
		c.pos++
	}
	whole := c.pos
	ok := c.digits() && (c.text[whole] != '0' || c.pos == whole+1)
	if ok && c.at('.') {
		c.pos++
		ok = c.digits()
	}
	if ok && (c.at('e') || c.at('E')) {
		c.pos++
		if c.at('+') || c.at('-') {
			c.pos++
		}
		ok = c.digits()
	}
	if !ok {
		c.failHere("not a JSON value")
	}
	return ok
}

func (c *Cursor) at(b byte) bool { return c.pos < len(c.text) && c.text[c.pos] == b }

func (c *Cursor) digits() bool {
	start := c.pos
	for c.pos < len(c.text) && c.text[c.pos]-'0' <= 9 {
		c.pos++
	}
	return c.pos > start
}
