// Package opaque makes errors that can be examined but not read: their text is
// the caller's, while errors.Is and errors.As still reach the cause. It is for
// causes whose own text may carry a URL, a header or a token.
package opaque

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"

	"golang.org/x/oauth2"
)

// Fault is a cause behind a text that is safe to print.
type Fault struct {
	text  string
	cause error
}

// New puts text in front of cause and hides what cause says.
func New(text string, cause error) *Fault {
	return &Fault{text: text, cause: cause}
}

// Error returns the safe text.
func (e *Fault) Error() string { return e.text }

// Is reports whether the cause is target. There is no Unwrap, so nothing that
// walks the chain gets to print the cause.
func (e *Fault) Is(target error) bool { return errors.Is(e.cause, target) }

// As finds target in the cause, except for the types that carry whole requests
// or replies in their fields.
func (e *Fault) As(target any) bool {
	if !errors.As(e.cause, target) {
		return false
	}
	found := reflect.ValueOf(target).Elem()
	switch found.Interface().(type) {
	case *url.Error, *oauth2.RetrieveError:
		found.SetZero()
		return false
	}
	return true
}

// Format prints the safe text under every verb.
func (e *Fault) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.text) }
