package coviu

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/keyed"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/wire"
)

// DefaultBaseURL is where the service answers.
const DefaultBaseURL = "https://api.coviu.com/v1"

// Version is the version of this library, as it stands in the User-Agent.
const Version = "0.1.0"

// Client is a connection to the service for one account, or for one user who
// consented. Make it with [NewClient], keep it, and share it: it is safe for
// concurrent use, holds the connections and the grant, and never changes.
type Client struct {
	// Sessions are the calls about sessions.
	Sessions *SessionService
	// Participants are the calls about the people in them.
	Participants *ParticipantService

	config   config
	http     *http.Client
	auth     *auth
	blank    *http.Request
	bookings *keyed.Locks
}

// NewClient makes a client for the account of the API key. Nothing is sent
// until the first call. A key, secret or option that can't work is a
// [*ValidationError].
func NewClient(apiKey, keySecret string, opts ...Option) (*Client, error) {
	c := config{
		key:            apiKey,
		secret:         keySecret,
		baseURL:        DefaultBaseURL,
		retry:          retry.Policy{MaxAttempts: defaultAttempts, BaseDelay: defaultBaseDelay, MaxDelay: defaultMaxDelay},
		budget:         new(retry.Budget),
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
	c.http = guarded(c.http)
	agent := []string{strings.TrimSpace(c.product + " coviu-go-sdk/" + Version)}
	client := &Client{
		config:   c,
		auth:     newAuth(&c, base, agent),
		blank:    blankRequest(base),
		bookings: new(keyed.Locks),
	}
	client.http = client.auth.authenticated(base)
	client.Sessions = &SessionService{client}
	client.Participants = &ParticipantService{client}
	return client, nil
}

// As returns a client that acts for the user who granted t, over the same
// connections and with the same policies. opts come on top; the observer of
// this client is not taken over, since it stores another account's grants. The
// API key and secret of this client refresh t (POST /auth/token); without them,
// or with an empty t, the error is a [*ValidationError].
func (c *Client) As(t *oauth2.Token, opts ...Option) (*Client, error) {
	if c == nil || c.auth == nil {
		return nil, errNoClient()
	}
	other := c.config
	other.token, other.source, other.observer = nil, nil, nil
	if err := other.apply(append([]Option{WithToken(t)}, opts...)); err != nil {
		return nil, err
	}
	return newClient(other)
}

// Exchange turns the authorization code of a user who consented into the user's
// grant, for [Client.As] or [WithToken] (POST /auth/token). It changes nothing
// in the client and calls no observer.
//
// A code works once, and the request is sent once. A refusal is a [*TokenError],
// [ErrReauthorize] where the code is dead; a reply that was lost or can't be
// read is an [*OutcomeUnknownError]: the user has to consent again.
func (c *Client) Exchange(ctx context.Context, code string) (*oauth2.Token, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	if c.config.key == "" {
		return nil, &ValidationError{"API key", "is empty, and a code can't be exchanged without"}
	}
	if code == "" || hasControl(code) {
		return nil, &ValidationError{"code", "is empty or holds a control character"}
	}
	if err := ctx.Err(); err != nil {
		return nil, &callError{operation: tokenOperation, err: err}
	}
	return c.auth.exchange(ctx, code)
}

// Token returns a copy of the grant in use, fetched if need be (POST
// /auth/token). Failures are a [*TokenError], or what kept the request from
// being answered.
func (c *Client) Token(ctx context.Context) (*oauth2.Token, error) {
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, &callError{operation: tokenOperation, err: err}
	}
	g, err := c.auth.grants.Get(ctx)
	if err != nil {
		return nil, &callError{operation: tokenOperation, err: err}
	}
	return new(g.token), nil
}

// CloseIdleConnections closes the connections that no call is using. Clients
// made by [Client.As] share them.
func (c *Client) CloseIdleConnections() {
	if c != nil && c.http != nil {
		c.http.CloseIdleConnections()
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

// operation is an endpoint's method and route template: what a call may be
// called in errors and logs.
type operation string

func (o operation) method() string {
	method, _, _ := strings.Cut(string(o), " ")
	return method
}

// named says that the route names a session or participant.
func (o operation) named() bool { return strings.Contains(string(o), "{") }

// request is what a service asks for. Its path is complete: ids are checked
// before they get here, and stand in it as they are.
type request struct {
	operation operation
	path      string
	query     string
	body      []byte
}

// call is the path of every call: it sends r as often as it takes and may, and
// reads the reply with decode.
func call[T any](ctx context.Context, c *Client, r request, decode func([]byte) (T, error)) (T, error) {
	var value, none T
	if err := c.check(ctx); err != nil {
		return none, err
	}
	x := exchange{
		client:  c,
		request: r,
		method:  r.operation.method(),
		target:  c.target(&r),
		started: time.Now(),
		tries:   1,
	}
	err := x.run(ctx, func(body []byte) (err error) {
		value, err = decode(body)
		return err
	})
	x.report(ctx, err)
	if err != nil {
		return none, err
	}
	return value, nil
}

// exchange is one call on its way.
type exchange struct {
	client *Client
	request
	method  string
	target  *url.URL
	started time.Time
	// attempts counts the requests sent, tries those that the policy counts.
	attempts, tries int
	reply           lastReply
	// replayed: a 401 was answered with a new grant already.
	replayed bool
	// happened: an earlier attempt may have been carried out.
	happened bool
	// earlier is the failure that is being retried, cost what that took from
	// the budget.
	earlier error
	cost    int64
}

// lastReply is what is kept of a reply after its body was read.
type lastReply struct {
	status  int
	header  http.Header
	request *http.Request
	after   time.Duration
}

func (x *exchange) run(ctx context.Context, read func([]byte) error) error {
	if err := ctx.Err(); err != nil {
		return x.end(retry.Outcome{Method: x.method, Unsent: true, Lasting: true}, err, nil)
	}
	for {
		o, err := x.attempt(ctx, read)
		if err == nil {
			x.client.config.budget.Refund(x.cost)
			return nil
		}
		if x.happened && x.method == http.MethodDelete && o.Status == http.StatusNotFound {
			// The reply to the attempt that deleted it was lost.
			return read(nil)
		}
		if ended := ctx.Err(); ended != nil && (o.Status == 0 || o.Cut) {
			return x.end(o, ended, x.earlier)
		}
		if err := x.prepareAnother(ctx, o, err); err != nil {
			return err
		}
		x.happened = x.happened || retry.MayHaveHappened(o)
	}
}

// attempt sends the request once and reads the whole reply.
func (x *exchange) attempt(ctx context.Context, read func([]byte) error) (retry.Outcome, error) {
	o := retry.Outcome{Method: x.method}
	// Waiting for a grant is not on this attempt's time.
	if err := x.client.auth.ready(ctx); err != nil {
		return ungranted(o, err)
	}
	limited, cancel := context.WithTimeout(ctx, x.client.config.attemptTimeout)
	defer cancel()
	var trace *wire.Trace
	if x.method == http.MethodPost || x.method == http.MethodDelete {
		trace = new(wire.Trace)
		limited = trace.Watch(limited)
	}
	x.attempts++
	x.reply = lastReply{}
	began := time.Now()
	reply, err := wire.Do(x.client.http, x.newRequest(limited), x.client.config.maxResponse)
	if err != nil {
		x.log(ctx, began, 0)
		if refused, ok := errors.AsType[*refusedError](err); ok {
			return ungranted(o, refused.error)
		}
		fault, ok := errors.AsType[*wire.Error](err)
		o.Unsent, o.Lasting = trace.Unsent(), ok && fault.Lasting
		return o, err
	}
	defer reply.Release()
	x.reply = lastReply{status: reply.Status, header: reply.Header, request: reply.Request}
	x.log(ctx, began, len(reply.Body))
	o.Status = reply.Status
	if reply.OK() || reply.Status == http.StatusNotFound {
		x.client.auth.accepted(reply.Request)
	}
	if !reply.OK() {
		e := newAPIError(string(x.operation), &reply, x.attempts)
		x.reply.after = e.RetryAfter
		return o, e
	}
	cause := reply.Fault
	if cause == nil {
		cause = read(reply.Body)
	}
	switch {
	case cause == nil && reply.Status != http.StatusPartialContent:
		return o, nil
	case errors.Is(cause, errNotOK):
		return o, newAPIError(string(x.operation), &reply, x.attempts)
	}
	o.Cut = isCut(&reply, cause)
	return o, newDecodeError(string(x.operation), &reply, x.attempts, cause)
}

// ungranted is the outcome of an attempt for which there was no grant. It may be
// repeated if the token request reached nobody either.
func ungranted(o retry.Outcome, err error) (retry.Outcome, error) {
	_, again := errors.AsType[*unsentError](err)
	o.Unsent, o.Lasting = true, !again
	return o, err
}

// prepareAnother returns nil once another attempt is due, and the call's error
// if there is to be none.
func (x *exchange) prepareAnother(ctx context.Context, o retry.Outcome, err error) error {
	if o.Status == http.StatusUnauthorized {
		return x.prepareReplay(ctx, o, err)
	}
	policy := x.client.config.retry
	throttled := o.Status == http.StatusTooManyRequests
	if retry.Decide(o) != retry.Again || x.tries >= policy.MaxAttempts || x.reply.after > retry.MaxWait {
		return x.end(o, err, nil)
	}
	delay := policy.Delay(x.tries, throttled, x.reply.after)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < delay {
		return x.end(o, err, nil)
	}
	cost, ok := x.client.config.budget.Spend(throttled)
	if !ok {
		return x.end(o, err, nil)
	}
	x.tries++
	x.earlier, x.cost = err, cost
	return x.sleep(ctx, o, delay)
}

// prepareReplay answers a 401 with another grant, once.
func (x *exchange) prepareReplay(ctx context.Context, o retry.Outcome, err error) error {
	if x.replayed {
		x.client.auth.fruitless()
		return x.end(o, err, nil)
	}
	renewed, failure := x.client.auth.renew(ctx, x.reply.request, x.operation.named())
	if failure != nil {
		return x.end(o, failure, err)
	}
	if !renewed {
		return x.end(o, err, nil)
	}
	x.replayed, x.earlier = true, err
	return nil
}

func (x *exchange) sleep(ctx context.Context, o retry.Outcome, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return x.end(o, ctx.Err(), x.earlier)
	}
}

// end gives the call's last error its final form. earlier is the failure that
// was being mended when err got in the way, if any.
func (x *exchange) end(o retry.Outcome, err, earlier error) error {
	// Not errors.As: only what this attempt returned names the call already.
	switch err.(type) { //nolint:errorlint // see above
	case *APIError, *DecodeError:
	default:
		err = &callError{operation: string(x.operation), attempts: x.attempts, err: err, earlier: earlier}
	}
	repeatedDelete := x.method == http.MethodDelete && (x.happened || x.tries > 1 && retry.MayHaveHappened(o))
	if retry.Decide(o) == retry.Unknown || repeatedDelete {
		return &OutcomeUnknownError{Operation: string(x.operation), Err: err}
	}
	return err
}
