package coviu

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/baseurl"
	"github.com/coviu/coviu-go-sdk/internal/pacer"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/tokenendpoint"
)

// Option configures a [Client]. Of two that set the same thing, the last wins.
// A nil Option is a [*ValidationError].
type Option func(*config) error

const (
	defaultAttempts        = 3
	defaultBaseDelay       = 100 * time.Millisecond
	defaultMaxDelay        = 20 * time.Second
	defaultAttemptTimeout  = 15 * time.Second
	defaultMaxResponseSize = 8 << 20
	// longestDelay keeps the doubling of delays far from overflow.
	longestDelay = time.Hour
)

// RetryPolicy says how often and how fast a call is tried. A zero field means
// its default.
type RetryPolicy struct {
	// MaxAttempts is the number of tries, the first included; the default is 3.
	// One turns retries off. The single replay after a 401 does not count, and
	// neither do up to five replays of a request that the server provably did not
	// process.
	MaxAttempts int
	// BaseDelay bounds the wait before the first retry, which is chosen at
	// random below it; the bound doubles with each further retry. The default
	// is 100 ms. After a 429 the bounds are ten times that, up to MaxDelay.
	BaseDelay time.Duration
	// MaxDelay bounds every wait that the service did not ask for; the default
	// is 20 s.
	MaxDelay time.Duration
}

type config struct {
	key, secret    string
	baseURL        string
	insecure       bool
	http           *http.Client
	plainHTTP2     bool
	middleware     []func(http.RoundTripper) http.RoundTripper
	product        string
	observer       observer
	retry          retry.Policy
	budget         *retry.Budget
	pacer          *pacer.Pacer
	attemptTimeout time.Duration
	timedByClient  bool // attemptTimeout is the Timeout of WithHTTPClient
	maxResponse    int64
	token          *oauth2.Token
	source         oauth2.TokenSource
	store          TokenStore
	ledger         BookingLedger
	rfc1123        bool
}

// WithBaseURL sets the address of the service, [DefaultBaseURL] by default. It
// has to be https, or http on a loopback host, without user info, query or
// fragment.
func WithBaseURL(rawURL string) Option {
	return func(c *config) error {
		if rawURL == "" {
			return &ValidationError{"base URL", "is empty"}
		}
		c.baseURL = rawURL
		return nil
	}
}

// WithInsecureHTTP allows a base URL with http on any host. Whoever can read
// the network can then read the credentials: it is meant for a stand-in server
// in a private network.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecure = true
		return nil
	}
}

// WithHTTPClient sends every request, those for tokens included, through a copy
// of hc; hc itself is not modified. A nil Transport means the library's own. A
// Timeout becomes the limit of one attempt, as WithAttemptTimeout sets it. The
// Jar is dropped, and redirects are not followed, whatever CheckRedirect says. The
// transport must follow the rules of [WithMiddleware].
func WithHTTPClient(hc *http.Client) Option {
	return func(c *config) error {
		if hc == nil {
			return &ValidationError{"HTTP client", "is nil"}
		}
		c.http = hc
		if hc.Timeout > 0 {
			c.attemptTimeout, c.timedByClient = hc.Timeout, true
		} else if c.timedByClient {
			c.attemptTimeout, c.timedByClient = defaultAttemptTimeout, false
		}
		return nil
	}
}

// WithMiddleware wraps the transport: the library's own, or that of
// [WithHTTPClient]. Use it for tracing, metrics and headers. It sees every request,
// those for tokens and each retry included. If the option is given several times,
// the first is the outermost. Options of [Client.As] wrap inside those of its
// client. wrap is called once for each client.
//
// The middleware must follow the rules of [http.RoundTripper]. If it hides the
// events of net/http/httptrace, a POST that failed always counts as sent. If it
// sets GetBody or an Idempotency-Key header, net/http may send a POST twice. If it
// makes a request of its own, for a signature or a token, that request needs a
// context of its own: by the events in the context of a call, the library knows
// what was sent.
func WithMiddleware(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(c *config) error {
		if wrap == nil {
			return &ValidationError{"middleware", "is nil"}
		}
		c.middleware = append(slices.Clone(c.middleware), wrap)
		return nil
	}
}

// transport returns the transport with the middleware around it.
func (c *config) transport() (http.RoundTripper, error) {
	wrapped := c.http.Transport
	for _, wrap := range slices.Backward(c.middleware) {
		if wrapped = wrap(wrapped); wrapped == nil {
			return nil, &ValidationError{"middleware", "returned no transport"}
		}
	}
	return wrapped, nil
}

// WithUserAgent puts product, such as "clinic/2.1", in front of the library's
// own User-Agent.
func WithUserAgent(product string) Option {
	return func(c *config) error {
		if product == "" {
			return &ValidationError{"user agent", "is empty"}
		}
		if hasControl(product) {
			return &ValidationError{"user agent", "holds a control character"}
		}
		c.product = product
		return nil
	}
}

// WithLogger logs one line at debug level for each attempt: operation, attempt,
// status, duration and bytes read. Nothing else of a request or reply is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return &ValidationError{"logger", "is nil"}
		}
		c.observer.logger = l
		return nil
	}
}

// WithRetry replaces the retry policy.
func WithRetry(p RetryPolicy) Option {
	return func(c *config) error {
		switch {
		case p.MaxAttempts < 0:
			return &ValidationError{"MaxAttempts", "is negative"}
		case p.BaseDelay < 0 || p.BaseDelay > longestDelay:
			return &ValidationError{"BaseDelay", "is not between 0 and 1 h"}
		case p.MaxDelay < 0 || p.MaxDelay > longestDelay:
			return &ValidationError{"MaxDelay", "is not between 0 and 1 h"}
		}
		c.retry = retry.Policy{
			MaxAttempts: cmp.Or(p.MaxAttempts, defaultAttempts),
			BaseDelay:   cmp.Or(p.BaseDelay, defaultBaseDelay),
			MaxDelay:    cmp.Or(p.MaxDelay, defaultMaxDelay),
		}
		return nil
	}
}

// WithAttemptTimeout bounds one attempt, from its start to the last byte of the
// reply; the default is 15 s. The call as a whole is bounded by its context.
func WithAttemptTimeout(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return &ValidationError{"attempt timeout", "is not positive"}
		}
		c.attemptTimeout, c.timedByClient = d, false
		return nil
	}
}

// WithMaxResponseSize bounds a reply's body, decompressed, in bytes; the
// default is 8 MiB. A larger one is a [*DecodeError].
func WithMaxResponseSize(n int64) Option {
	return func(c *config) error {
		if n <= 0 {
			return &ValidationError{"response size", "is not positive"}
		}
		c.maxResponse = n
		return nil
	}
}

// WithToken acts for the user who granted t, instead of for the account of the
// API key. The token is refreshed with its refresh token, and never replaced by
// a grant of the account; once the user's grant is dead, calls fail with
// [ErrReauthorize]. A zero Expiry means that t serves until it is refused.
func WithToken(t *oauth2.Token) Option {
	return func(c *config) error {
		if t == nil || t.AccessToken == "" && t.RefreshToken == "" {
			return &ValidationError{"token", "is empty"}
		}
		if !tokenendpoint.Sendable(t.AccessToken) {
			return &ValidationError{"token", "holds a character that a header can't"}
		}
		c.token = new(*t)
		return nil
	}
}

// WithTokenSource takes tokens from ts; API key and secret may then be empty.
// It is asked once for each token: at first, again near the Expiry of the token
// that it gave, and once after a 401.
func WithTokenSource(ts oauth2.TokenSource) Option {
	return func(c *config) error {
		if ts == nil {
			return &ValidationError{"token source", "is nil"}
		}
		c.source = ts
		return nil
	}
}

// WithTokenStore acts for the user whose token s keeps, instead of for the account
// of the API key. The token is shared with all processes that use the store. A
// stored token is refreshed with its refresh token, and the new one is stored
// before it is used. If the store fails, the token at hand serves until it
// expires. If the store has no token, or the service refused the stored one, calls
// fail with [ErrReauthorize].
func WithTokenStore(s TokenStore) Option {
	return func(c *config) error {
		if s == nil {
			return &ValidationError{"token store", "is nil"}
		}
		c.store = s
		return nil
	}
}

// WithBookingLedger makes [SessionService.CreateOnce] safe across processes: with
// the same ledger, many processes book at most one live session for each key. Keys
// have to be unique among all that use the ledger, so clients made by [Client.As]
// and [Client.AsStored] need the option again.
func WithBookingLedger(l BookingLedger) Option {
	return func(c *config) error {
		if l == nil {
			return &ValidationError{"booking ledger", "is nil"}
		}
		c.ledger = l
		return nil
	}
}

// WithRFC1123Dates sends dates as RFC 1123 in GMT instead of RFC 3339, for
// servers that read nothing else. Such dates have whole seconds: fractions are cut.
func WithRFC1123Dates() Option {
	return func(c *config) error {
		c.rfc1123 = true
		return nil
	}
}

// WithResponseHook calls f at the end of every call that was not refused as
// invalid, and of every token request. f runs on the caller's goroutine. For token
// requests, except those of [Client.Exchange], it runs on a goroutine of the
// library, and its context has none of the caller's values. A panic in f is
// recovered and logged, and changes no result.
func WithResponseHook(f func(context.Context, ResponseInfo)) Option {
	return func(c *config) error {
		if f == nil {
			return &ValidationError{"response hook", "is nil"}
		}
		c.observer.hook = f
		return nil
	}
}

func (c *config) apply(opts []Option) error {
	for _, opt := range opts {
		if opt == nil {
			return &ValidationError{"option", "is nil"}
		}
		if err := opt(c); err != nil {
			return err
		}
	}
	if c.token != nil && c.source != nil || c.store != nil && (c.token != nil || c.source != nil) {
		return &ValidationError{"token", "must come from only one of WithToken, WithTokenSource and WithTokenStore"}
	}
	return nil
}

// checkCredentials refuses what HTTP Basic can't carry. With a token source, both
// may be empty.
func (c *config) checkCredentials() error {
	switch {
	case c.source != nil && c.key == "" && c.secret == "":
		return nil
	case c.key == "":
		return &ValidationError{"API key", "is empty"}
	case c.secret == "":
		return &ValidationError{"key secret", "is empty"}
	case strings.Contains(c.key, ":"):
		return &ValidationError{"API key", "holds a colon"}
	case hasControl(c.key):
		return &ValidationError{"API key", "holds a control character"}
	case hasControl(c.secret):
		return &ValidationError{"key secret", "holds a control character"}
	}
	return nil
}

// parseBaseURL never quotes the URL: it may hold a password by mistake.
func (c *config) parseBaseURL() (url.URL, error) {
	base, reason := baseurl.Parse(c.baseURL, c.insecure)
	if reason != "" {
		return url.URL{}, &ValidationError{"base URL", reason}
	}
	return base, nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
