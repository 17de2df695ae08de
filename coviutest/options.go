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
	refreshGrace      time.Duration
	reuseDetection    bool
	redirectURL       string
	strict            bool
	endTimeByEnd      bool
	pageSizeOfContent bool
	pageCount         bool
}

// DateForm is the form in which a server writes dates.
type DateForm int

const (
	// DatesEcho writes the dates of a session in the form in which its creator
	// sent them. It is the default: only so do all clients of the vendor work.
	DatesEcho DateForm = iota
	// DatesISO writes ISO 8601 in UTC with milliseconds:
	// 2016-06-18T12:37:59.000Z.
	DatesISO
	// DatesRFC1123 writes RFC 1123: Wed, 08 Jun 2016 04:07:11 GMT.
	DatesRFC1123
)

// WithCredentials sets the API key and secret of the server's own team. By default,
// and if the key is empty, they are random. The key can't have a colon.
func WithCredentials(apiKey, keySecret string) Option {
	return func(s *settings) { s.apiKey, s.keySecret = apiKey, keySecret }
}

// WithClock sets the clock by which sessions start and finish and tokens expire.
// The default is [time.Now], which is virtual in a bubble of testing/synctest.
// [Server.Advance] adds to the clock.
func WithClock(now func() time.Time) Option {
	return func(s *settings) { s.clock = now }
}

// WithInMemory makes clients connect in memory instead of over a socket. The
// clients have to come from [Server.Client] or use [Server.Transport]. Such a
// server works in a bubble of testing/synctest if NewServer and Close are called
// in the bubble.
func WithInMemory() Option {
	return func(s *settings) { s.inMemory = true }
}

// WithListener makes the server accept its connections from l. [Server.Close]
// closes l. If l listens on every address, the server's URL has the loopback
// address. WithInMemory overrides WithListener.
func WithListener(l net.Listener) Option {
	return func(s *settings) { s.listener = l }
}

// WithMiddleware puts the handler that wrap returns in front of the API, to log
// requests or to serve other paths on the same port. If it wraps the
// [http.ResponseWriter], the wrapper needs an Unwrap method. Otherwise time-outs
// and faults that need the connection do not work.
func WithMiddleware(wrap func(api http.Handler) http.Handler) Option {
	return func(s *settings) { s.middleware = wrap }
}

// WithDates sets the form of the dates that the server writes. The server reads
// every form in any case.
func WithDates(form DateForm) Option {
	return func(s *settings) { s.dates = form }
}

// WithParticipantPages makes GET /sessions/{session_id}/participants answer with a
// page object, as the service's endpoint document has it. By default it answers
// with a bare array, as the REST guide has it.
func WithParticipantPages() Option {
	return func(s *settings) { s.participantPages = true }
}

// WithTokenTTL sets how long access tokens live by the server's clock. The default
// is one hour. Replies give it in whole seconds.
func WithTokenTTL(ttl time.Duration) Option {
	return func(s *settings) { s.tokenTTL = ttl }
}

// WithLastingRefreshTokens keeps a refresh token valid after its use. The reply to
// a refresh then has no refresh token. By default it has a new one, and the old
// one is dead. [WithRefreshGrace] and [WithReuseDetection] then have no effect.
func WithLastingRefreshTokens() Option {
	return func(s *settings) { s.keepRefreshTokens = true }
}

// WithRefreshGrace lets a refresh token that was used work for d more, by the
// server's clock. Each such refresh brings tokens of its own. By default a used
// refresh token is dead at once.
func WithRefreshGrace(d time.Duration) Option {
	return func(s *settings) { s.refreshGrace = d }
}

// WithReuseDetection makes the server take the second use of a refresh token for
// a theft: it revokes all tokens that come from the same authorization. With
// [WithRefreshGrace], uses within the grace time are allowed.
func WithReuseDetection() Option {
	return func(s *settings) { s.reuseDetection = true }
}

// WithRedirectURL registers the URL to which the consent page at
// {base}/auth/authorize sends users back, with code and state in its query.
// Without one the page shows the code instead.
func WithRedirectURL(rawURL string) Option {
	return func(s *settings) { s.redirectURL = rawURL }
}

// WithStrict makes the server refuse with 400 what only the older documents of
// the service allow: a session without session_name, and a participant without
// role.
func WithStrict() Option {
	return func(s *settings) { s.strict = true }
}

// WithEndTimeByEnd makes the end_time of GET /sessions select the sessions that
// end before it, as the service's REST guide has it. By default it selects those
// that start up to and including it, as the endpoint document has it.
func WithEndTimeByEnd() Option {
	return func(s *settings) { s.endTimeByEnd = true }
}

// WithPageSizeOfContent makes page_size of a page of sessions the number of
// sessions in it, as the service's REST guide has it. By default it is the size
// that was asked for.
func WithPageSizeOfContent() Option {
	return func(s *settings) { s.pageSizeOfContent = true }
}

// WithPageCount adds page_count to pages. Documents of the service name it as
// optional and do not say what it is; here it is the number of pages of the list.
func WithPageCount() Option {
	return func(s *settings) { s.pageCount = true }
}
