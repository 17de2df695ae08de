package coviutest

import (
	"net"
	"net/http"
	"time"
)

// Option changes how [NewServer] sets a server up.
type Option func(*settings)

type settings struct {
	apiKey, keySecret string
	clock             func() time.Time
	inMemory          bool
	listener          net.Listener
	middleware        func(http.Handler) http.Handler
	dates             DateForm
	participantPages  bool
	tokenTTL          time.Duration
	keepRefreshTokens bool
	redirectURL       string
}

// DateForm is the form in which a server writes dates.
type DateForm int

const (
	// DatesEcho writes the dates of a session in the form in which its creator
	// sent them. It is the default, and what the service itself seems to do.
	DatesEcho DateForm = iota
	// DatesISO writes ISO 8601 in UTC with milliseconds:
	// 2016-06-18T12:37:59.000Z.
	DatesISO
	// DatesRFC1123 writes RFC 1123: Wed, 08 Jun 2016 04:07:11 GMT.
	DatesRFC1123
)

// WithCredentials sets the API key and secret of the server's own team instead
// of random ones. An empty key means random ones; the key can't have a colon.
func WithCredentials(apiKey, keySecret string) Option {
	return func(s *settings) { s.apiKey, s.keySecret = apiKey, keySecret }
}

// WithClock sets the clock by which sessions start and finish and tokens
// expire, instead of [time.Now]. [Server.Advance] moves on from it. In a bubble
// of testing/synctest time.Now is virtual already.
func WithClock(now func() time.Time) Option {
	return func(s *settings) { s.clock = now }
}

// WithInMemory makes clients reach the server over connections in memory
// instead of a socket: those from [Server.Client], and any [http.Client] that
// uses [Server.Transport]. That works inside a bubble of testing/synctest, if
// NewServer and Close are called in it.
func WithInMemory() Option {
	return func(s *settings) { s.inMemory = true }
}

// WithListener makes the server accept its connections from l, which it closes
// in [Server.Close]. The URL of a server that listens on every address names the
// loopback one. WithInMemory wins over WithListener.
func WithListener(l net.Listener) Option {
	return func(s *settings) { s.listener = l }
}

// WithMiddleware puts the handler that wrap returns in front of the API: to log
// requests, or to serve other paths on the same port. A wrapped
// [http.ResponseWriter] needs an Unwrap method, or faults that take the
// connection over can't.
func WithMiddleware(wrap func(api http.Handler) http.Handler) Option {
	return func(s *settings) { s.middleware = wrap }
}

// WithDates fixes the form of all dates that the server writes. It reads every
// form either way.
func WithDates(form DateForm) Option {
	return func(s *settings) { s.dates = form }
}

// WithParticipantPages makes GET /sessions/{session_id}/participants answer
// with a page object, as the service's endpoint document has it, instead of a
// bare array, as its REST guide has it.
func WithParticipantPages() Option {
	return func(s *settings) { s.participantPages = true }
}

// WithTokenTTL sets how long access tokens live by the server's clock, instead
// of one hour. Replies carry it in whole seconds.
func WithTokenTTL(ttl time.Duration) Option {
	return func(s *settings) { s.tokenTTL = ttl }
}

// WithLastingRefreshTokens makes the reply to a refresh bring no refresh token:
// the old one stays valid. By default a refresh uses its token up and brings a
// new one.
func WithLastingRefreshTokens() Option {
	return func(s *settings) { s.keepRefreshTokens = true }
}

// WithRedirectURL registers the URL to which the consent page at
// {base}/auth/authorize sends users back, with code and state in its query.
// Without one the page shows the code instead.
func WithRedirectURL(rawURL string) Option {
	return func(s *settings) { s.redirectURL = rawURL }
}
