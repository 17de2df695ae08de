package coviu

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The kinds of failure, for use with [errors.Is]. The types below say which of
// them each error is.
var (
	// ErrInvalidRequest is bad input, found before anything was sent.
	ErrInvalidRequest = errors.New("coviu: invalid request")
	// ErrBadRequest is a 400: the service refused the request as it stands, for
	// example because a session's start lies in the past.
	ErrBadRequest = errors.New("coviu: bad request")
	// ErrUnauthorized is a 401. The service also answers so for a session that
	// was canceled: it still exists, but can no longer be seen.
	ErrUnauthorized = errors.New("coviu: unauthorized")
	// ErrForbidden is a 403.
	ErrForbidden = errors.New("coviu: forbidden")
	// ErrNotFound is a 404.
	ErrNotFound = errors.New("coviu: not found")
	// ErrConflict is a 409.
	ErrConflict = errors.New("coviu: conflict")
	// ErrRateLimited is a 429 that did not go away within the retries.
	ErrRateLimited = errors.New("coviu: rate limited")
	// ErrServer is a 5xx that did not go away within the retries.
	ErrServer = errors.New("coviu: server error")
	// ErrUnexpectedResponse is a success whose body is not what was promised.
	ErrUnexpectedResponse = errors.New("coviu: unexpected response")
	// ErrAuthentication is a refusal of the credentials or the grant.
	ErrAuthentication = errors.New("coviu: authentication failed")
	// ErrReauthorize is the end of a user's grant: the user has to consent
	// again. Such an error is ErrAuthentication too.
	ErrReauthorize = errors.New("coviu: the user must authorize again")
	// ErrOutcomeUnknown is a request that may or may not have been carried out.
	// Look before sending it again.
	ErrOutcomeUnknown = errors.New("coviu: outcome unknown")
	// ErrKeyConflict is a CreateOnce key that belongs to a session with other
	// times or other people.
	ErrKeyConflict = errors.New("coviu: key belongs to another booking")
	// ErrPreviouslyCanceled is a CreateOnce key whose session was canceled.
	ErrPreviouslyCanceled = errors.New("coviu: the key's session was canceled")
	// ErrDuplicate is a CreateOnce key that several live sessions have.
	ErrDuplicate = errors.New("coviu: several sessions have the key")
)

// ValidationError is bad input. It is reported before any request is made and
// is [ErrInvalidRequest].
type ValidationError struct {
	// Field names the argument or field as it is spelled in Go.
	Field string
	// Reason says what is wrong with it, without quoting the value.
	Reason string
}

// Error names the field and the reason.
func (e *ValidationError) Error() string {
	if e == nil {
		return "coviu: invalid request"
	}
	return "coviu: invalid " + e.Field + ": " + e.Reason
}

// Is reports whether target is [ErrInvalidRequest].
func (e *ValidationError) Is(target error) bool { return e != nil && target == ErrInvalidRequest }

// APIError is a reply that is not a success: a status other than 2xx, redirects
// included (they are never followed), or a deletion answered with ok: false.
//
// By its StatusCode it is [ErrBadRequest], [ErrUnauthorized], [ErrForbidden],
// [ErrNotFound], [ErrConflict], [ErrRateLimited] or [ErrServer]. Its text holds
// the operation, the status and the service's message, cut at 200 bytes;
// nothing else of the reply is printed.
type APIError struct {
	// Operation is the endpoint's route, such as "GET /sessions/{session_id}".
	Operation string
	// StatusCode is the HTTP status.
	StatusCode int
	// Code and Message are what the body says, empty where it says nothing.
	// A numeric code is in decimal.
	Code, Message string
	// RequestID is the reply's X-Request-Id or Request-Id, if it has one.
	RequestID string
	// RetryAfter is how long the service asked to wait, zero if it did not.
	RetryAfter time.Duration
	// Body is the reply's body, at most 64 KiB of it.
	Body []byte
	// Header is the reply's header.
	Header http.Header
	// Attempts is the number of requests that were sent.
	Attempts int
}

// Error names the operation, the status and the service's message.
func (e *APIError) Error() string {
	if e == nil {
		return "coviu: API error"
	}
	s := "coviu: " + e.Operation + ": " + statusText(e.StatusCode)
	if e.Message != "" {
		s += ": " + quote(e.Message)
	}
	return s + attemptsText(e.Attempts)
}

// Is reports whether target is the sentinel of the StatusCode.
func (e *APIError) Is(target error) bool {
	return e != nil && target != nil && target == statusSentinel(e.StatusCode)
}

// DecodeError is a success whose body is not the promised model: not JSON, cut
// short, too large, or without its id. It is [ErrUnexpectedResponse].
type DecodeError struct {
	// Operation is the endpoint's route.
	Operation string
	// StatusCode is the HTTP status.
	StatusCode int
	// Field is the path of the field at fault, such as "participants[1].role",
	// empty where the body as a whole is.
	Field string

	cause    error
	attempts int
}

// Error names the operation, the status and what is wrong with the body.
func (e *DecodeError) Error() string {
	if e == nil {
		return "coviu: unexpected response"
	}
	s := "coviu: " + e.Operation + ": " + statusText(e.StatusCode) + ": unexpected response"
	switch {
	case e.cause != nil:
		s += ": " + e.cause.Error()
	case e.Field != "":
		s += ": " + e.Field
	}
	return s + attemptsText(e.attempts)
}

// Is reports whether target is [ErrUnexpectedResponse].
func (e *DecodeError) Is(target error) bool { return e != nil && target == ErrUnexpectedResponse }

// Unwrap returns why the body could not be read, if that is known.
func (e *DecodeError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// TokenError is a reply of the token endpoint that is no grant. It is
// [ErrAuthentication] for a 400, 401 or 403, [ErrReauthorize] where a user's
// grant or code is dead, [ErrRateLimited] or [ErrServer] by its StatusCode.
type TokenError struct {
	// Grant is the grant_type that was asked for.
	Grant string
	// StatusCode is the HTTP status, zero if nothing could be asked.
	StatusCode int
	// Code is the reply's error code, such as "invalid_grant".
	Code string
	// Description is the reply's explanation. It is never printed.
	Description string
}

// Error names the grant, the status and the error code.
func (e *TokenError) Error() string {
	if e == nil {
		return "coviu: token request failed"
	}
	s := "coviu: token request (" + e.Grant + ")"
	switch {
	case e.StatusCode/100 == 2:
		s += ": " + statusText(e.StatusCode) + ": the reply is no grant"
	case e.StatusCode != 0:
		s += ": " + statusText(e.StatusCode)
	}
	if isCode(e.Code) {
		s += ": " + quote(e.Code)
	}
	return s
}

// isCode tells an error code from free text, which may quote a token.
func isCode(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z')
	})
}

const invalidGrant = "invalid_grant"

// Is reports whether target is one of the sentinels of the type's description.
func (e *TokenError) Is(target error) bool {
	if e == nil {
		return false
	}
	dead := e.Code == invalidGrant && e.Grant != grantClientCredentials
	switch target {
	case ErrReauthorize:
		return dead
	case ErrAuthentication:
		return dead || e.StatusCode == http.StatusBadRequest || e.StatusCode == http.StatusUnauthorized ||
			e.StatusCode == http.StatusForbidden
	case ErrRateLimited, ErrServer:
		return target == statusSentinel(e.StatusCode)
	}
	return false
}

// OutcomeUnknownError is a request that may or may not have been carried out: a
// POST whose reply was lost or could not be read, or a repeated DELETE. It is
// [ErrOutcomeUnknown] and whatever Err is. The client never repeats such a POST;
// look whether the session is there before doing so, or book with
// [SessionService.CreateOnce], which does.
type OutcomeUnknownError struct {
	// Operation is the endpoint's route.
	Operation string
	// Err is what happened.
	Err error
}

// Error names the operation and what happened.
func (e *OutcomeUnknownError) Error() string {
	if e == nil {
		return "coviu: outcome unknown"
	}
	return "coviu: " + e.Operation + ": outcome unknown" + causeText(e.Operation, e.Err)
}

// Is reports whether target is [ErrOutcomeUnknown].
func (e *OutcomeUnknownError) Is(target error) bool { return e != nil && target == ErrOutcomeUnknown }

// Unwrap returns Err.
func (e *OutcomeUnknownError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// ListError is where an iteration over sessions stopped. To go on from there,
// set the options' Page and PageSize to those of the error and iterate again.
type ListError struct {
	// Page and PageSize name the page that could not be read. It may begin with
	// sessions that were yielded: where pages came shorter than PageSize, and where
	// others came into the part already read, as new ones do under OrderReverse.
	// Under StartTime, EndTime or State it may also begin too late and skip
	// sessions, as [SessionService.Pages] says.
	Page, PageSize int
	// Err is why.
	Err error
}

// Error names the page and what happened.
func (e *ListError) Error() string {
	if e == nil {
		return "coviu: list stopped"
	}
	return "coviu: list stopped at page " + strconv.Itoa(e.Page) + causeText("", e.Err)
}

// Unwrap returns Err.
func (e *ListError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// KeyError is a key that [SessionService.CreateOnce] found taken in a way that
// it may not adopt. It is [ErrKeyConflict], [ErrPreviouslyCanceled] or
// [ErrDuplicate]. Nothing was created, unless the outcome of a booking was
// unknown first: then what it created is among the Sessions.
type KeyError struct {
	// Sessions are the sessions that have the key and are in the way.
	Sessions []Session

	kind error
}

// Error names the kind of conflict and how many sessions there are.
func (e *KeyError) Error() string {
	if e == nil || e.kind == nil {
		return "coviu: key taken"
	}
	return e.kind.Error() + " (" + strconv.Itoa(len(e.Sessions)) + " found)"
}

// Is reports whether target is the sentinel of this error.
func (e *KeyError) Is(target error) bool { return e != nil && e.kind != nil && target == e.kind }

// callError names the operation of a failure that has no type of its own: a
// request without a reply, or without a token to send.
type callError struct {
	operation string
	attempts  int
	err       error
	// earlier is the failure that was being retried when err put an end to it.
	earlier error
}

func (e *callError) Error() string {
	return "coviu: " + e.operation + causeText(e.operation, e.err) +
		causeText(e.operation, e.earlier) + attemptsText(e.attempts)
}

func (e *callError) Unwrap() []error {
	if e.earlier == nil {
		return []error{e.err}
	}
	return []error{e.err, e.earlier}
}

// causeText is the text of a cause behind an error that names the operation
// already.
func causeText(operation string, cause error) string {
	if cause == nil {
		return ""
	}
	text := strings.TrimPrefix(cause.Error(), "coviu: ")
	if operation != "" {
		text = strings.TrimPrefix(text, operation+": ")
	}
	return ": " + text
}

func attemptsText(n int) string {
	if n < 2 {
		return ""
	}
	return " (" + strconv.Itoa(n) + " attempts)"
}

func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return strconv.Itoa(code) + " " + text
	}
	return strconv.Itoa(code)
}

func statusSentinel(code int) error {
	switch code {
	case http.StatusBadRequest:
		return ErrBadRequest
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	case http.StatusTooManyRequests:
		return ErrRateLimited
	}
	if code/100 == 5 {
		return ErrServer
	}
	return nil
}

// maxQuoted is how much of a service's text goes into an error.
const maxQuoted = 200

func quote(s string) string {
	if len(s) > maxQuoted {
		cut := maxQuoted
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	return fmt.Sprintf("%q", s)
}
