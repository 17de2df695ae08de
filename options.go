package coviu

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/retry"
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
	// One turns retries off. The single replay after a 401 does not count.
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
	product        string
	logger         *slog.Logger
	retry          retry.Policy
	budget         *retry.Budget
	attemptTimeout time.Duration
	timedByClient  bool
	maxResponse    int64
	token          *oauth2.Token
	source         oauth2.TokenSource
	observer       func(context.Context, *oauth2.Token) error
	rfc1123        bool
	hook           func(context.Context, ResponseInfo)
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
// Jar is dropped, and redirects are not followed, whatever CheckRedirect says.
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
		c.logger = l
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
			MaxAttempts: orDefault(p.MaxAttempts, defaultAttempts),
			BaseDelay:   orDefault(p.BaseDelay, defaultBaseDelay),
			MaxDelay:    orDefault(p.MaxDelay, defaultMaxDelay),
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
		if !validToken(t.AccessToken) {
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

// WithTokenObserver shows f a copy of every grant that the client fetched for
// itself, before its first use, so that a rotated refresh token can be stored.
// If f fails, or panics, calls that need the grant fail with its error; the
// grant is kept and offered to f again. f shares the 15 s of the refresh; its
// context holds that limit, and nothing of any caller's context.
func WithTokenObserver(f func(context.Context, *oauth2.Token) error) Option {
	return func(c *config) error {
		if f == nil {
			return &ValidationError{"token observer", "is nil"}
		}
		c.observer = f
		return nil
	}
}

// WithRFC1123Dates sends dates as RFC 1123 in GMT instead of RFC 3339, for
// servers that read nothing else. They have whole seconds; what is finer is cut.
func WithRFC1123Dates() Option {
	return func(c *config) error {
		c.rfc1123 = true
		return nil
	}
}

// WithResponseHook calls f at the end of every call that was not refused as
// invalid. f runs on the caller's
// goroutine; a panic in it is recovered, logged, and changes no result.
func WithResponseHook(f func(context.Context, ResponseInfo)) Option {
	return func(c *config) error {
		if f == nil {
			return &ValidationError{"response hook", "is nil"}
		}
		c.hook = f
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
	if c.token != nil && c.source != nil {
		return &ValidationError{"token", "and a token source exclude each other"}
	}
	return nil
}

// checkCredentials refuses what HTTP Basic can't carry. Empty ones are fine
// where a token source makes them unnecessary.
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

// parseBaseURL never quotes the URL: it may be a slip that holds a password.
func (c *config) parseBaseURL() (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(c.baseURL, "/"))
	reason := ""
	switch {
	case err != nil:
		reason = "can't be parsed"
	case u.Scheme != "https" && u.Scheme != "http":
		reason = "is neither https nor http"
	case u.Hostname() == "":
		reason = "has no host"
	case u.User != nil:
		reason = "holds user info"
	case u.RawQuery != "" || u.ForceQuery:
		reason = "has a query"
	case u.Fragment != "" || strings.Contains(c.baseURL, "#"):
		reason = "has a fragment"
	case u.Scheme == "http" && !c.insecure && !isLoopback(u.Hostname()):
		reason = "is http on a host that is not loopback"
	default:
		return u, nil
	}
	return nil, &ValidationError{"base URL", reason}
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
