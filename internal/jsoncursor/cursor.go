// Package jsoncursor reads a JSON text value by value, in one pass, into
// whatever its caller wants, and takes and refuses what [encoding/json] does,
// with three limits on top: 64 levels, one value, and names as they are written.
//
// The first fault sticks: from then on there are no more fields and elements,
// so that callers look at [Cursor.Err] once, at the end.
package jsoncursor

import (
	"bytes"
	"iter"
	"strconv"
)

// MaxDepth is how many objects and arrays may be open at once.
const MaxDepth = 64

// A Cursor is a place in a JSON text. The zero Cursor is at an empty text.
// What its methods return shares memory with the text or with the Cursor and
// is good until the next call.
type Cursor struct {
	text  []byte
	pos   int
	depth int
	// opened says that the last thing read was the start of a container, where
	// no comma is due.
	opened bool
	err    *Error
	// unnamed keeps the name of an unknown field out of the path of its fault.
	unnamed bool
	decoded []byte
}

// Reset moves to the start of a text.
func (c *Cursor) Reset(text []byte) {
	*c = Cursor{text: text, decoded: c.decoded[:0]}
}

// Err returns the first fault, or nil.
func (c *Cursor) Err() *Error { return c.err }

// Footprint is the memory, in bytes, that the Cursor keeps over a Reset.
func (c *Cursor) Footprint() int { return cap(c.decoded) }

// Fail makes fault the fault of the value at hand, unless there was one before.
func (c *Cursor) Fail(fault string) {
	if c.err == nil {
		c.err = &Error{Fault: fault}
	}
	c.pos = len(c.text)
}

// FailIn is Fail for the named field of the object at hand.
func (c *Cursor) FailIn(name, fault string) {
	if c.err == nil {
		c.err = &Error{Field: name, Fault: fault}
	}
	c.pos = len(c.text)
}

// failHere is Fail, unless the fault is that nothing follows.
func (c *Cursor) failHere(fault string) {
	if c.err == nil && c.pos >= len(c.text) {
		c.err = &Error{Cut: true, Fault: "the text ends early"}
	}
	c.Fail(fault)
}

// End refuses whatever follows the value.
func (c *Cursor) End() {
	if c.peek(); c.pos < len(c.text) {
		c.Fail("more than one value")
	}
}

// Fields enters an object and goes through its fields. The caller reads the
// value of each. Null has no fields.
func (c *Cursor) Fields() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !c.open('{', "not an object") {
			return
		}
		for name, ok := c.field(); ok; name, ok = c.field() {
			if !yield(name) {
				return
			}
			if c.err != nil {
				c.within(name)
			}
		}
	}
}

// Elements enters an array and goes through its elements. The caller reads
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

// AtArray says whether an array comes next.
func (c *Cursor) AtArray() bool { return c.peek() == '[' }

// Null reads a null if one comes next.
func (c *Cursor) Null() bool {
	return c.peek() == 'n' && c.literal("null")
}

// Text reads a string. It is not ok for null and after a fault.
func (c *Cursor) Text() (text []byte, ok bool) {
	if c.peek() != '"' {
		if !c.Null() {
			c.failHere("not a string")
		}
		return nil, false
	}
	text, plain, ok := c.quoted()
	if ok && !plain {
		c.decoded = appendUnquoted(c.decoded[:0], text)
		text = c.decoded
	}
	return text, ok
}

// Bool reads a boolean. It is not ok for null and after a fault.
func (c *Cursor) Bool() (value, ok bool) {
	switch c.peek() {
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

// Int reads an integer, also out of a string, where an empty one is zero. It
// is not ok for null and after a fault.
func (c *Cursor) Int() (value int, ok bool) {
	var digits []byte
	switch b := c.peek(); {
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
	value, err := strconv.Atoi(string(digits))
	if err != nil || !wholeNumber(digits) {
		c.Fail("not an integer")
		return 0, false
	}
	return value, true
}

// wholeNumber says no to what Atoi reads and JSON does not: +1 and 01.
func wholeNumber(digits []byte) bool {
	digits = bytes.TrimPrefix(digits, []byte("-"))
	return digits[0] != '+' && (digits[0] != '0' || len(digits) == 1)
}

// Raw reads any value and returns its text, nil after a fault. A fault in it is
// reported for the object around it: the name of an unknown field may itself be
// confidential.
func (c *Cursor) Raw() []byte {
	c.peek()
	start := c.pos
	c.skip()
	if c.err != nil {
		c.unnamed = true
		return nil
	}
	return c.text[start:c.pos]
}

// skip goes level by level, not call by call: the bits of objects say, from
// the innermost level outward, which of the open containers are objects.
func (c *Cursor) skip() {
	outside := c.depth
	var objects uint64
	for {
		switch c.peek() {
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
				_, more = c.field()
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
	switch c.peek() {
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

// within puts a name in front of the path of the fault.
func (c *Cursor) within(name []byte) {
	switch rest := c.err.Field; {
	case c.unnamed:
		c.unnamed = false
	case rest == "" || rest[0] == '[':
		c.err.Field = string(name) + rest
	default:
		c.err.Field = string(name) + "." + rest
	}
}

func (c *Cursor) open(bracket byte, otherwise string) bool {
	if c.peek() != bracket {
		if !c.Null() {
			c.failHere(otherwise)
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
	b := c.peek()
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

func (c *Cursor) field() (name []byte, ok bool) {
	if !c.next('}') {
		return nil, false
	}
	if c.peek() != '"' {
		c.failHere("no field name")
		return nil, false
	}
	name, plain, ok := c.quoted()
	if !plain {
		name = appendUnquoted(nil, name)
	}
	if ok && c.peek() != ':' {
		c.failHere("no colon after the field name")
		return nil, false
	}
	c.pos++
	return name, ok
}

// peek moves over white space and returns the byte that follows it. At the end
// that is 0, as for a NUL byte, which no JSON text has outside its strings.
func (c *Cursor) peek() byte {
	if c.pos < len(c.text) && c.text[c.pos] > ' ' {
		return c.text[c.pos]
	}
	return c.peekFar()
}

func (c *Cursor) peekFar() byte {
	for ; c.pos < len(c.text); c.pos++ {
		switch b := c.text[c.pos]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
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
	if c.peek() == '-' {
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
