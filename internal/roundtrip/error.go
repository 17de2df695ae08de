package roundtrip

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/coviu/coviu-go-sdk/internal/safeerr"
)

// Error is a request without a reply. Its text says what kind of failure it was
// and quotes nothing that was sent or received. errors.Is and errors.As reach
// the cause.
type Error struct {
	*safeerr.Wrapped

	// Permanent says that the same request would fail again: a certificate or
	// protocol that does not fit, a host that does not exist.
	Permanent bool
	// NotSent says that the request was provably not carried out.
	NotSent bool
	// Unprocessed says besides that a connection was there: the server refused
	// the request unread, or was closing the connection. Sending the request
	// again at once is safe and likely to succeed.
	Unprocessed bool
}

var errStopped = errors.New("the connection failed after the request was sent")

func newError(err error) *Error {
	err = withoutURL(err)
	return &Error{
		Wrapped:   safeerr.New(describe(err), err),
		Permanent: isPermanent(err),
	}
}

// isUnprocessed recognizes the errors by which net/http says that a request
// with a body was not processed but cannot be repeated without GetBody. They
// have no type, only a text. Should a text change in a future Go version, the
// outcome of a POST becomes unknown; it is never sent twice.
func isUnprocessed(err error) bool {
	text := err.Error()
	switch text {
	case "http: server closed idle connection", "net/http: cannot rewind body after connection loss":
		return true
	}
	reason, ok := strings.CutPrefix(text, "http2: Transport: cannot retry err [")
	if !ok {
		return false
	}
	reason, ok = strings.CutSuffix(reason, "] after Request.Body was written; define Request.GetBody to avoid this error")
	if !ok {
		return false
	}
	if reason == "http2: Transport received Server's graceful shutdown GOAWAY" {
		return true
	}
	id, ok := strings.CutPrefix(reason, "stream error: stream ID ")
	if !ok {
		return false
	}
	id, ok = strings.CutSuffix(id, "; REFUSED_STREAM; received from peer")
	_, err = strconv.ParseUint(id, 10, 31)
	return ok && err == nil
}

// newTruncated marks an error from reading a body as ErrTruncated and keeps its
// cause.
func newTruncated(err error) error {
	return safeerr.New(ErrTruncated.Error(), errors.Join(ErrTruncated, err))
}

// withoutURL drops the wrapper whose text quotes ids and queries.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// describe quotes only errors that hold nothing read from the network: net/http
// puts pieces of a malformed reply into its texts.
func describe(err error) string {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "proxyconnect" {
		return "the proxy failed: " + describe(e.Err)
	}
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
	case err == errStopped: //nolint:errorlint // it is returned by this package only, and never wrapped
		return err.Error()
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

// isPermanent reports whether the same request would fail in the same way.
func isPermanent(err error) bool {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.IsNotFound
	}
	return failedHandshake(err)
}

// failedHandshake reports whether client and server could not agree on TLS. These
// errors share no type, only the prefix "tls: ". Two errors with that prefix are
// not about the handshake, and may be temporary.
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
