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

// The kinds of failure, for use with [errors.Is]. Each type below says which of them
// its errors match. "It is ErrX" means that errors.Is(err, ErrX) is true.
var (
	// ErrInvalidRequest is bad input, found before anything is sent.
	ErrInvalidRequest = errors.New("coviu: invalid request")
	// ErrBadRequest is a 400: the service refused the request as it stands, for
	// example because a session's start lies in the past.
	ErrBadRequest = errors.New("coviu: bad request")
	// ErrUnauthorized is a 401. The service also answers 401 for a session that was
	// canceled.
	ErrUnauthorized = errors.New("coviu: unauthorized")
	// ErrForbidden is a 403.
	ErrForbidden = errors.New("coviu: forbidden")
	// ErrNotFound is a 404.
	ErrNotFound = errors.New("coviu: not found")
	// ErrConflict is a 409.
	ErrConflict = errors.New("coviu: conflict")
	// ErrRateLimited is a 429 that persisted through all retries.
	ErrRateLimited = errors.New("coviu: rate limited")
	// ErrServer is a 5xx that persisted through all retries.
	ErrServer = errors.New("coviu: server error")
	// ErrUnexpectedResponse is a successful reply with an unreadable body.
	ErrUnexpectedResponse = errors.New("coviu: unexpected response")
	// ErrAuthentication says that the credentials, or a user's token, were refused.
	ErrAuthentication = errors.New("coviu: authentication failed")
	// ErrReauthorize says that the user has to consent again. Such an error is
	// ErrAuthentication too.
	ErrReauthorize = errors.New("coviu: the user must authorize again")
	// ErrOutcomeUnknown is a request that may or may not have been carried out.
	// Check before you send it again.
	ErrOutcomeUnknown = errors.New("coviu: outcome unknown")
	// ErrKeyConflict says that the key of CreateOnce belongs to a session with other
	// times or other people.
	ErrKeyConflict = errors.New("coviu: key belongs to another booking")
	// ErrPreviouslyCanceled says that the session of the key was canceled.
	ErrPreviouslyCanceled = errors.New("coviu: the key's session was canceled")
	// ErrDuplicate says that several live sessions have the key.
	ErrDuplicate = errors.New("coviu: several sessions have the key")
)

// ValidationError is bad input. It is returned before anything is sent, and is
// [ErrInvalidRequest].
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

// APIError is a reply that is not a success: a status other than 2xx, or a deletion
// answered with ok: false. Redirects are never followed and are errors too.
//
// By its StatusCode it is [ErrBadRequest], [ErrUnauthorized], [ErrForbidden],
// [ErrNotFound], [ErrConflict], [ErrRateLimited] or [ErrServer]. Its text has the
// operation, the status and the first 200 bytes of the service's message, and
// nothing else of the reply.
type APIError struct {
	// Operation is the endpoint's route, such as "GET /sessions/{session_id}".
	Operation string
	// StatusCode is the HTTP status.
	StatusCode int
	// Code and Message are taken from the body, and may be empty. A numeric code is
	// in decimal.
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
	if e.StatusCode == http.StatusNotFound && !operation(e.Operation).isNamed() {
		s += ` (check the base URL: it ends in "/v1" by default)`
	}
	return s + attemptsText(e.Attempts)
}

// Is reports whether target is the sentinel of the StatusCode.
func (e *APIError) Is(target error) bool {
	return e != nil && target != nil && target == statusSentinel(e.StatusCode)
}

// DecodeError is a successful reply whose body is not the expected model: not JSON,
// cut short, too large, or without its id. It is [ErrUnexpectedResponse].
type DecodeError struct {
	// Operation is the endpoint's route.
	Operation string
	// StatusCode is the HTTP status.
	StatusCode int
	// Field is the path of the field at fault, such as "participants[1].role". It is
	// empty if the body as a whole is at fault.
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

// Unwrap returns why the body could not be read.
func (e *DecodeError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// TokenError is a reply of the token endpoint without a token. It is
// [ErrAuthentication] for a 400, 401 or 403, [ErrReauthorize] if a user's refresh
// token or code is no longer valid, and [ErrRateLimited] or [ErrServer] by its
// StatusCode.
type TokenError struct {
	// Grant is the grant_type of the request, such as "client_credentials".
	Grant string
	// StatusCode is the HTTP status, zero if no request was sent.
	StatusCode int
	// Code is the reply's error code, such as "invalid_grant".
	Code string
	// Description is the reply's explanation. It is never printed.
	Description string
	// RetryAfter is how long the service asked to wait, zero if it did not.
	RetryAfter time.Duration
}

// Error names the grant, the status and the error code, and what to check.
func (e *TokenError) Error() string {
	if e == nil {
		return "coviu: token request failed"
	}
	s := "coviu: token request (" + e.Grant + ")"
	switch {
	case e.StatusCode/100 == 2:
		s += ": " + statusText(e.StatusCode) + ": the reply has no token"
	case e.StatusCode != 0:
		s += ": " + statusText(e.StatusCode)
	}
	if isCode(e.Code) {
		s += ": " + quote(e.Code)
	}
	switch {
	case e.StatusCode == 0 && e.Is(ErrReauthorize):
		s += " (nothing was sent: there is no usable refresh token)"
	case e.StatusCode == http.StatusNotFound:
		s += ` (check the base URL: it ends in "/v1" by default)`
	case e.Grant == grantClientCredentials && e.Is(ErrAuthentication):
		s += " (check the API key and the key secret)"
	}
	return s
}

// isCode distinguishes an error code from free text, which may quote a token.
func isCode(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z')
	})
}

// The values of grant_type, and the code by which the service refuses one.
const (
	grantClientCredentials = "client_credentials"
	grantRefreshToken      = "refresh_token"
	grantAuthorizationCode = "authorization_code"

	invalidGrant = "invalid_grant"
)

// Is reports whether target is one of the Err variables named above.
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
// [ErrOutcomeUnknown] and whatever Err is. The client never repeats such a POST.
// Before you repeat it, check whether the session exists, or book with
// [SessionService.CreateOnce], which checks.
type OutcomeUnknownError struct {
	// Operation is the endpoint's route.
	Operation string
	// Err is the cause.
	Err error
}

// Error names the operation and the cause.
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

// ListError says where an iteration over sessions stopped. To continue, set Page
// and PageSize of the options to those of the error, and iterate again.
//
// The second iteration may repeat sessions: pages can come shorter than PageSize,
// and others may have booked. Under StartTime, EndTime or State it may also skip
// one session for each one that left the part already read. If that matters:
//
//   - Under StartTime or EndTime, set Page to 0 and StartTime to the start of the
//     last session seen (with OrderReverse: EndTime, one second later). Then skip
//     the sessions that you have had.
//   - Under State alone, start again.
type ListError struct {
	// Page and PageSize name the page to continue with.
	Page, PageSize int
	// Err is the cause.
	Err error
}

// Error names the cause and, after the first page, the page.
func (e *ListError) Error() string {
	switch {
	case e == nil:
		return "coviu: list stopped"
	case e.Page == 0 && e.Err != nil:
		return "coviu" + causeText("", e.Err)
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

// KeyError says that [SessionService.CreateOnce] can't use its key. It is
// [ErrKeyConflict], [ErrPreviouslyCanceled] or [ErrDuplicate]. The call booked
// nothing, with one exception: if it sent a booking whose outcome was unknown, that
// session may be among the Sessions.
type KeyError struct {
	// Sessions are the sessions that have the key and are in the way. It is empty
	// if the service doesn't show the canceled session any more.
	Sessions []Session
	// Times says that the session starts or ends at another time than requested,
	// People that it lacks a requested participant. At least one of them is true
	// for ErrKeyConflict.
	Times, People bool

	kind error
}

// Error names the kind of conflict, what differs, and how many sessions there are.
func (e *KeyError) Error() string {
	if e == nil || e.kind == nil {
		return "coviu: key taken"
	}
	text := e.kind.Error()
	switch {
	case e.Times && e.People:
		text += ": other times and other people"
	case e.Times:
		text += ": other times"
	case e.People:
		text += ": other people"
	}
	return text + " (" + strconv.Itoa(len(e.Sessions)) + " found)"
}

// Is reports whether target is the sentinel of this error.
func (e *KeyError) Is(target error) bool { return e != nil && e.kind != nil && target == e.kind }

// callError names the operation of a failure that has no type of its own: a
// request without a reply, or a call without a token.
type callError struct {
	operation string
	attempts  int
	err       error
	// earlier is the failure that the call was recovering from when err ended it.
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

// causeText returns the text of a cause without the operation, which the error
// around it names already.
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
	switch {
	case code == http.StatusBadRequest:
		return ErrBadRequest
	case code == http.StatusUnauthorized:
		return ErrUnauthorized
	case code == http.StatusForbidden:
		return ErrForbidden
	case code == http.StatusNotFound:
		return ErrNotFound
	case code == http.StatusConflict:
		return ErrConflict
	case code == http.StatusTooManyRequests:
		return ErrRateLimited
	case code/100 == 5:
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
