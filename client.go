package coviu

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/baseurl"
	"github.com/coviu/coviu-go-sdk/internal/expirymap"
	"github.com/coviu/coviu-go-sdk/internal/keymutex"
	"github.com/coviu/coviu-go-sdk/internal/pacer"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/roundtrip"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

// DefaultBaseURL is the address of the service.
const DefaultBaseURL = "https://api.coviu.com/v1"

// Version is the version of this library. The User-Agent header contains it.
const Version = "0.1.0"

const jsonType = "application/json"

// Client calls the service for one account, or for one user who consented. Make
// it with [NewClient], keep it and share it: it is safe for concurrent use, keeps
// the connections and the token, and never changes.
type Client struct {
	// Sessions has the endpoints for sessions.
	Sessions *SessionService
	// Participants has the endpoints for the people in sessions.
	Participants *ParticipantService

	noPrint
	config config
	base   url.URL
	// header is sent with requests without a body, bodyHeader with those that have
	// one. All requests share them, so they are never modified.
	header, bodyHeader http.Header
	auth               *auth
	// bookings serializes CreateOnce for each key. unsettled are the keys for which
	// a booking may still turn up.
	bookings  *keymutex.Mutexes
	unsettled *expirymap.Map
}

// NewClient returns a client for the account of the API key. It sends nothing
// before the first call. A key, secret or option that can't work is a
// [*ValidationError].
func NewClient(apiKey, keySecret string, opts ...Option) (*Client, error) {
	c := config{
		http:           new(http.Client),
		key:            apiKey,
		secret:         keySecret,
		baseURL:        DefaultBaseURL,
		retry:          retry.Policy{MaxAttempts: defaultAttempts, BaseDelay: defaultBaseDelay, MaxDelay: defaultMaxDelay},
		budget:         new(retry.Budget),
		pacer:          new(pacer.Pacer),
		attemptTimeout: defaultAttemptTimeout,
		maxResponse:    defaultMaxResponseSize,
	}
	if err := c.apply(opts); err != nil {
		return nil, err
	}
	return newClient(c)
}

func newClient(c config) (*Client, error) {
	if err := c.checkCredentials(); err != nil {
		return nil, err
	}
	base, err := c.parseBaseURL()
	if err != nil {
		return nil, err
	}
	// Only the transport of the caller's client is used: it must not follow
	// redirects, keep cookies, or end an attempt by itself.
	c.http = &http.Client{Transport: c.http.Transport}
	if c.http.Transport == nil {
		c.http.Transport = transport.New((&net.Dialer{}).DialContext)
	}
	c.plainHTTP2 = roundtrip.SpeaksPlainHTTP2(c.http.Transport)
	wrapped, err := c.transport()
	if err != nil {
		return nil, err
	}
	agent := strings.TrimSpace(c.product + " coviu-go-sdk/" + Version)
	client := &Client{
		noPrint:    "coviu.Client{…}",
		config:     c,
		base:       base,
		header:     http.Header{"Accept": {jsonType}, "User-Agent": {agent}},
		bodyHeader: http.Header{"Accept": {jsonType}, "User-Agent": {agent}, "Content-Type": {jsonType}},
		auth:       newAuth(&c, wrapped, baseurl.Join(base, "/auth/token"), agent),
		bookings:   new(keymutex.Mutexes),
		unsettled:  new(expirymap.Map),
	}
	client.Sessions = &SessionService{"coviu.SessionService{…}", client}
	client.Participants = &ParticipantService{"coviu.ParticipantService{…}", client}
	return client, nil
}

// As returns a client that acts for the user who granted t. It shares the
// connections and the policies of c; opts come on top. It refreshes t with the API
// key and secret of c (POST /auth/token), and keeps the new token in memory only:
// use [Client.AsStored] where the user shall stay connected after a restart.
//
// A booking ledger of c is not used: bookings of different users may have equal
// keys. An empty t, or a client without API key, is a [*ValidationError].
func (c *Client) As(t *oauth2.Token, opts ...Option) (*Client, error) {
	return c.as(append([]Option{WithToken(t)}, opts...))
}

// AsStored returns a client that acts for the user whose token s keeps. It is like
// [Client.As], but shares the token with all processes that use the store, and
// stores each new token before it uses it. Make one such client for each user and
// keep it. A nil s is a [*ValidationError].
func (c *Client) AsStored(s TokenStore, opts ...Option) (*Client, error) {
	return c.as(append([]Option{WithTokenStore(s)}, opts...))
}

func (c *Client) as(opts []Option) (*Client, error) {
	if c == nil || c.auth == nil {
		return nil, errNoClient()
	}
	other := c.config
	other.token, other.source, other.store, other.ledger = nil, nil, nil, nil
	if err := other.apply(opts); err != nil {
		return nil, err
	}
	return newClient(other)
}

// Exchange turns the authorization code of a user who consented into the user's
// token (POST /auth/token). Store the token, and pass it to [Client.As] or, from
// the store, to [Client.AsStored]. Exchange changes nothing in c.
//
// A code works once, and the request is sent once. A refusal is a [*TokenError]. It
// is [ErrReauthorize] if the code has expired or was used. If the reply was lost or
// can't be read, the error is an [*OutcomeUnknownError]: the user has to consent
// again.
func (c *Client) Exchange(ctx context.Context, code string) (*oauth2.Token, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	if c.config.key == "" {
		return nil, &ValidationError{"API key", "is empty, but an exchange needs it"}
	}
	if code == "" || hasControl(code) {
		return nil, &ValidationError{"code", "is empty or holds a control character"}
	}
	if err := ctx.Err(); err != nil {
		return nil, &callError{operation: string(opToken), err: err}
	}
	return c.auth.exchange(ctx, code)
}

// Token returns a copy of the token in use. If there is none, it asks for one
// (POST /auth/token), like any call does. A refusal is a [*TokenError].
func (c *Client) Token(ctx context.Context) (*oauth2.Token, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	err := ctx.Err()
	if err == nil {
		var t *authorized
		if t, err = (&attempts{client: c, tries: 1}).token(ctx); err == nil {
			return new(t.token), nil
		}
	}
	return nil, &callError{operation: string(opToken), err: err}
}

// CloseIdleConnections closes the connections that no call is using. Clients made
// by [Client.As] and [Client.AsStored] share them.
func (c *Client) CloseIdleConnections() {
	if c != nil && c.config.http != nil {
		c.config.http.CloseIdleConnections()
	}
}

func (c *Client) check(ctx context.Context) error {
	if c == nil || c.auth == nil {
		return errNoClient()
	}
	if ctx == nil {
		return &ValidationError{"context", "is nil"}
	}
	return nil
}

func errNoClient() error {
	return &ValidationError{"client", "was not made by NewClient"}
}
