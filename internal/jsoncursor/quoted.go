package jsoncursor

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string and returns what is between its quotation marks. plain is
// true if that is the value of the string: it has no escapes and is valid UTF-8.
func (c *Cursor) quoted() (inside []byte, plain, ok bool) {
	plain = true
	text, start := c.text, c.pos+1
	for i := start; i < len(text); {
		for ; i+8 <= len(text); i += 8 {
			if at := unusual(binary.LittleEndian.Uint64(text[i : i+8])); at != 0 {
				i += bits.TrailingZeros64(at) / 8
				break
			}
		}
		if i == len(text) {
			break
		}
		switch b := text[i]; {
		case b == '"':
			c.pos = i + 1
			return text[start:i], plain, true
		case b == '\\':
			plain = false
			n := escapeLen(text[i:])
			if n == 0 {
				c.Fail("bad escape in a string")
				return nil, true, false
			}
			i += n
		case b < ' ':
			c.Fail("control character in a string")
			return nil, true, false
		case b < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			plain = plain && (r != utf8.RuneError || size > 1)
			i += size
		}
	}
	c.pos = len(text)
	c.failHere("no end of the string")
	return nil, true, false
}

// unusual sets the top bit of the first byte, in a little-endian word, that is
// not an ordinary ASCII character: a quotation mark, a backslash, a control
// character, or 0x80 and above. Bits of the bytes after it mean nothing. The
// subtractions set the top bit of each byte that is smaller than the limit. The
// XOR with 2 moves the quotation mark next to the control characters, so that
// one limit serves both.
func unusual(word uint64) uint64 {
	const each = 0x0101010101010101
	quoteOrControl := (word ^ each*2) - each*(('"'^2)+1)
	backslash := (word ^ each*'\\') - each
	return (quoteOrControl | backslash) & (each * 0x80)
}

// escapeLen returns the length of the escape that text starts with, or 0 if it is
// not one. If the text ends within the escape, that is more than what is left.
func escapeLen(text []byte) int {
	if len(text) < 2 {
		return 2
	}
	if text[1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), text[1]) < 0 {
			return 0
		}
		return 2
	}
	for _, b := range text[2:min(6, len(text))] {
		if hexDigit(b) < 0 {
			return 0
		}
	}
	return 6
}

// appendUnquoted appends the value of a string whose escapes are valid. As in
// encoding/json, a byte that is not UTF-8 and half a surrogate pair become U+FFFD.
func appendUnquoted(dst, inside []byte) []byte {
	for len(inside) > 0 {
		b := inside[0]
		switch {
		case b == '\\' && inside[1] == 'u':
			r := escapedRune(inside)
			inside = inside[6:]
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, escapedRune(inside))
				if r != utf8.RuneError {
					inside = inside[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		case b == '\\':
			dst = append(dst, unescaped(inside[1]))
			inside = inside[2:]
		case b < utf8.RuneSelf:
			dst = append(dst, b)
			inside = inside[1:]
		default:
			r, size := utf8.DecodeRune(inside)
			dst = utf8.AppendRune(dst, r)
			inside = inside[size:]
		}
	}
	return dst
}

// escapedRune returns the number in the \u escape that text starts with, or -1.
func escapedRune(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	var r rune
	for _, b := range text[2:6] {
		r = r<<4 | hexDigit(b)
	}
	return r
}

func hexDigit(b byte) rune {
	switch {
	case '0' <= b && b <= '9':
		return rune(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return rune(b|0x20-'a') + 10
	}
	return -1
}

func unescaped(b byte) byte {
	if i := bytes.IndexByte([]byte("bfnrt"), b); i >= 0 {
		return "\b\f\n\r\t"[i]
	}
	return b
}
