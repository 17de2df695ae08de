package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/coviu/coviu-go-sdk/internal/opaque"
)

// Error is a request without a reply. Its text says what kind of fault it was
// and nothing of what was sent or received; errors.Is and errors.As reach the
// cause.
type Error struct {
	*opaque.Fault
	// Lasting says that the same request would fail again: a certificate or
	// protocol that does not fit, a host that does not exist.
	Lasting bool
}

func newError(err error) *Error {
	err = withoutURL(err)
	return &Error{
		Fault:   opaque.New(describe(err), err),
		Lasting: lasting(err),
	}
}

// newCut marks a body's read error as ErrCut and keeps what caused it.
func newCut(err error) error {
	return opaque.New(ErrCut.Error(), errors.Join(ErrCut, err))
}

// withoutURL drops the wrapper whose text has ids and queries in it.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// describe quotes only errors that can't have read anything from the network:
// net/http puts pieces of a malformed reply into its texts.
func describe(err error) string {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return "no address for the host: " + dnsReason(e)
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return e.Error()
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "timed out"
	}
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before a reply"
	case failedHandshake(err):
		return "TLS handshake failed"
	}
	return "no readable reply"
}

func dnsReason(e *net.DNSError) string {
	switch {
	case e.IsNotFound:
		return "not found"
	case e.IsTimeout:
		return "timed out"
	}
	return "lookup failed"
}

func lasting(err error) bool {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.IsNotFound
	}
	return failedHandshake(err)
}

// failedHandshake recognises an agreement that could not be reached. The TLS
// package has no type that all of these share; what they share is the prefix.
// Two faults with that prefix can befall any connection, and may pass.
func failedHandshake(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "tls: ") &&
		!strings.Contains(text, "bad record MAC") && !strings.Contains(text, "internal error")
}
