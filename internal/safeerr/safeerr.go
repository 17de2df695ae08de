// Package safeerr makes errors whose text is safe to print while errors.Is and
// errors.As still reach their cause. Use it for causes whose own text may hold a
// URL, a header or a token.
package safeerr

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"

	"golang.org/x/oauth2"
)

// Wrapped is a cause behind a safe text.
type Wrapped struct {
	text  string
	cause error
}

// New returns an error that prints text and hides the text of cause.
func New(text string, cause error) *Wrapped {
	return &Wrapped{text: text, cause: cause}
}

// Error returns the safe text.
func (e *Wrapped) Error() string { return e.text }

// Is reports whether the cause is target. There is no Unwrap method, so code
// that walks the chain of errors never gets to print the cause.
func (e *Wrapped) Is(target error) bool { return errors.Is(e.cause, target) }

// As finds target in the cause, except for the types whose fields hold whole
// requests or replies.
func (e *Wrapped) As(target any) bool {
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
func (e *Wrapped) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.text) }
