// Package errorbody reads what a service says in the body of a refusal.
package errorbody

import (
	"bytes"
	"cmp"
	"strconv"

	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
)

// maxBudget is the memory for decoding an error body. It is enough for bodies
// of 64 KiB, the largest that are kept.
const maxBudget = 512 << 10

// maxDecimal is the length that a float64 in decimal does not exceed.
const maxDecimal = 350

// Parse finds code and message in the three shapes that servers use: both in an
// object under "error", the code under "error" with the message under
// "error_description", or both at the top. Any other body has neither.
func Parse(body []byte) (code, message string) {
	var (
		c           jsoncursor.Cursor
		top, inner  fields
		nested      bool
		description string
	)
	c.Reset(body, maxBudget)
	for name := range c.Fields() {
		switch string(name) {
		case "error":
			inner = fields{}
			if nested = c.Peek() == '{'; nested {
				for name := range c.Fields() {
					inner.read(&c, name)
				}
			} else {
				inner.code = readScalar(&c)
			}
		case "error_description":
			description = readScalar(&c)
		default:
			top.read(&c, name)
		}
	}
	if c.End(); c.Err() != nil {
		return "", ""
	}
	if !nested {
		inner.message = description
	}
	return cmp.Or(inner.code, top.code), cmp.Or(inner.message, top.message)
}

// fields is what one object of an error body says.
type fields struct{ code, message string }

func (f *fields) read(c *jsoncursor.Cursor, name []byte) {
	switch string(name) {
	case "code":
		f.code = readScalar(c)
	case "message":
		f.message = readScalar(c)
	default:
		c.Raw()
	}
}

// readScalar reads any value. A string is returned as it is, a number in decimal,
// anything else as an empty string.
func readScalar(c *jsoncursor.Cursor) string {
	if c.Peek() == '"' {
		text, ok := c.Text()
		if !ok || !c.Reserve(len(text), 1) {
			return ""
		}
		return string(text)
	}
	raw := c.Raw()
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') || !c.Reserve(2*len(raw)+maxDecimal, 1) {
		return ""
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil:
		return ""
	case bytes.ContainsAny(raw, ".eE"):
		return strconv.FormatFloat(n, 'f', -1, 64)
	default:
		return string(raw)
	}
}
