package coviu

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/lease"
	"github.com/coviu/coviu-go-sdk/internal/opaque"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/wire"
)

const (
	grantClientCredentials = "client_credentials"
	grantRefreshToken      = "refresh_token"
	grantAuthorizationCode = "authorization_code"

	tokenOperation = "POST /auth/token"
	// refreshLimit bounds what it takes to replace a grant, the observer
	// included.
	refreshLimit = 15 * time.Second
	// quietPeriod is how long a 401 on one session or participant is not taken
	// for a matter of tokens, after a new token did not help: the service
	// answers 401 for a session that was canceled.
	quietPeriod     = time.Minute
	defaultLifetime = time.Hour
	maxLifetime     = 24 * time.Hour
	maxTokenReply   = 1 << 20
)

// grant is one token and the header that it travels in. It is never modified.
type grant struct {
	token  oauth2.Token
	header []string
}

func newGrant(t oauth2.Token) *grant {
	return &grant{token: t, header: []string{"Bearer " + t.AccessToken}}
}

// auth is all that knows a secret: the account's credentials and the grant in
// use.
type auth struct {
	basic    []string
	tokenURL *url.URL
	http     *http.Client
	agent    []string
	source   oauth2.TokenSource
	user     bool
	observer func(context.Context, *oauth2.Token) error
	logger   *slog.Logger
	grants   *lease.Holder[grant]
	// quiet is until when a 401 on one session or participant starts no refresh.
	quiet atomic.Int64
	// onTrial is the grant that a 401 led to, until it is accepted anywhere.
	onTrial atomic.Pointer[trial]
}

type trial struct {
	grant *grant
	until time.Duration
}

func newAuth(c *config, base *url.URL, agent []string) *auth {
	a := &auth{
		basic:    []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(c.key+":"+c.secret))},
		tokenURL: below(base, "/auth/token"),
		http:     c.http,
		agent:    agent,
		source:   c.source,
		user:     c.token != nil,
		observer: c.observer,
		logger:   c.logger,
	}
	var first *grant
	var left time.Duration
	if c.token != nil {
		first = newGrant(*c.token)
		left = remaining(c.token)
	}
	config := lease.Config[grant]{
		Fetch: a.fetch,
		Fatal: func(err error) bool { return errors.Is(err, ErrReauthorize) },
		Early: c.source == nil,
		Limit: refreshLimit,
	}
	if a.observer != nil && a.source == nil {
		config.Accept = a.observe
	}
	a.grants = lease.New(config, first, left)
	return a
}

// authenticated is hc with the grant in use on every request.
func (a *auth) authenticated(base *url.URL) *http.Client {
	hc := *a.http
	hc.Transport = &bearer{
		auth:     a,
		scheme:   base.Scheme,
		host:     base.Host,
		agent:    a.agent,
		jsonType: []string{"application/json"},
		next:     a.http.Transport,
	}
	return &hc
}

// bearer puts the header with the bearer token on requests to the service, and
// on no others.
type bearer struct {
	auth            *auth
	scheme, host    string
	agent, jsonType []string
	next            http.RoundTripper
}

var errForeignHost = errors.New("coviu: request to a host that is not the service's")

func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != b.scheme || req.URL.Host != b.host {
		return nil, refuse(req, &refusedError{errForeignHost})
	}
	g, err := b.auth.grants.Get(req.Context())
	if err != nil {
		return nil, refuse(req, &refusedError{err})
	}
	// A round tripper must not modify its request.
	sent := req.WithContext(req.Context())
	sent.Header = http.Header{"Accept": b.jsonType, "Authorization": g.header, "User-Agent": b.agent}
	if req.Body != nil {
		sent.Header["Content-Type"] = b.jsonType
	}
	resp, err := b.next.RoundTrip(sent)
	if resp != nil {
		resp.Request = sent
	}
	return resp, err
}

func (b *bearer) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// refusedError is a request that the bearer did not pass on.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// refuse closes the body, as a round tripper must even when it sends nothing.
func refuse(req *http.Request, err error) error {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return err
}

// ready waits for a grant, as long as the caller does.
func (a *auth) ready(ctx context.Context) error {
	_, err := a.grants.Get(ctx)
	return err
}

// renew is for a request that was answered with a 401. It reports whether there
// is now another grant than the one that the request carried. named says that
// the request named a session or participant.
func (a *auth) renew(ctx context.Context, req *http.Request, named bool) (bool, error) {
	current := a.grants.Current()
	if req == nil || current == nil {
		return false, nil
	}
	refused := req.Header.Get("Authorization")
	if current.header[0] != refused {
		return true, nil
	}
	if named && a.isQuiet(current) || a.user && current.token.RefreshToken == "" {
		return false, nil
	}
	a.grants.Revoke(current)
	next, err := a.grants.Get(ctx)
	if err != nil {
		if named && !errors.Is(err, ErrReauthorize) {
			// Perhaps it was only the session that was canceled: the other calls
			// go on with a grant that nothing could replace.
			a.grants.Restore(current)
		}
		return false, err
	}
	if next.header[0] != refused {
		a.onTrial.Store(&trial{next, a.grants.Now() + quietPeriod})
		return true, nil
	}
	if a.source == nil {
		a.fruitless()
	}
	return false, nil
}

// fruitless notes that a new grant was refused like the one before it.
func (a *auth) fruitless() { a.quiet.Store(int64(a.grants.Now() + quietPeriod)) }

// isQuiet says that a 401 does not count against current: a new grant did not
// help a moment ago, or current is new itself and nobody has accepted it yet.
func (a *auth) isQuiet(current *grant) bool {
	now := a.grants.Now()
	t := a.onTrial.Load()
	return int64(now) < a.quiet.Load() || t != nil && t.grant == current && now < t.until
}

// accepted notes that the service took the grant that req carried.
func (a *auth) accepted(req *http.Request) {
	if t := a.onTrial.Load(); t != nil && req != nil && req.Header.Get("Authorization") == t.grant.header[0] {
		a.onTrial.CompareAndSwap(t, nil)
	}
}

// fetch replaces last, or gets the first grant. Under the account's own grant a
// refresh that fails for whatever reason turns into a new grant; a user's grant
// can only be refreshed.
func (a *auth) fetch(ctx context.Context, last *grant) (*grant, time.Duration, error) {
	if a.source != nil {
		return a.ask()
	}
	if last == nil || last.token.RefreshToken == "" {
		if a.user {
			return nil, 0, &TokenError{Grant: grantRefreshToken, Code: invalidGrant, Description: "there is no refresh token"}
		}
		return a.request(ctx, url.Values{"grant_type": {grantClientCredentials}})
	}
	refresh := url.Values{"grant_type": {grantRefreshToken}, "refresh_token": {last.token.RefreshToken}}
	if a.user {
		return keepRefreshToken(last)(a.request(ctx, refresh))
	}
	half, cancel := context.WithTimeout(ctx, refreshLimit/2)
	defer cancel()
	g, lifetime, err := keepRefreshToken(last)(a.request(half, refresh))
	if err == nil {
		return g, lifetime, nil
	}
	_, unsent := errors.AsType[*unsentError](err)
	g, lifetime, err = a.request(ctx, url.Values{"grant_type": {grantClientCredentials}})
	if again, ok := errors.AsType[*unsentError](err); ok && !unsent {
		// Asking once more would begin with a refresh token that is used up.
		err = again.error
	}
	return g, lifetime, err
}

// keepRefreshToken carries last's refresh token on: a refresh that brings no
// new one leaves the old one valid.
func keepRefreshToken(last *grant) func(*grant, time.Duration, error) (*grant, time.Duration, error) {
	return func(g *grant, lifetime time.Duration, err error) (*grant, time.Duration, error) {
		if err == nil && g.token.RefreshToken == "" {
			g.token.RefreshToken = last.token.RefreshToken
		}
		return g, lifetime, err
	}
}

// ask takes a token from the caller's source.
func (a *auth) ask() (*grant, time.Duration, error) {
	t, err := a.source.Token()
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		e := &TokenError{Grant: "token source", Code: r.ErrorCode, Description: r.ErrorDescription}
		if r.Response != nil {
			e.StatusCode = r.Response.StatusCode
		}
		return nil, 0, e
	}
	if err != nil {
		return nil, 0, opaque.New("token source failed", err)
	}
	if t == nil || t.AccessToken == "" || !validToken(t.AccessToken) {
		return nil, 0, errors.New("token source gave no usable token")
	}
	left := remaining(t)
	if left < 0 {
		return nil, 0, errors.New("token source gave an expired token")
	}
	return newGrant(*t), left, nil
}

// observe shows a copy of g to the caller's observer.
func (a *auth) observe(ctx context.Context, g *grant) (err error) {
	defer func() {
		if recover() != nil {
			logPanic(ctx, a.logger, "token observer")
			err = errors.New("token observer panicked")
		}
	}()
	if err := a.observer(ctx, new(g.token)); err != nil {
		return opaque.New("token observer failed", err)
	}
	return nil
}

// unsentError is a token request that provably reached nobody: whoever needed
// the token may ask again.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// request makes one token request. It is never repeated here.
func (a *auth) request(ctx context.Context, form url.Values) (*grant, time.Duration, error) {
	g, lifetime, outcome, err := a.post(ctx, form)
	if err != nil && outcome.Unsent && !outcome.Lasting {
		err = &unsentError{err}
	}
	return g, lifetime, err
}

func (a *auth) post(ctx context.Context, form url.Values) (*grant, time.Duration, retry.Outcome, error) {
	var trace wire.Trace
	outcome := retry.Outcome{Method: http.MethodPost}
	kind := form.Get("grant_type")
	reply, err := wire.Do(a.http, a.tokenRequest(trace.Watch(ctx), form.Encode()), maxTokenReply)
	if err != nil {
		fault, ok := errors.AsType[*wire.Error](err)
		outcome.Unsent, outcome.Lasting = trace.Unsent(), ok && fault.Lasting
		return nil, 0, outcome, fmt.Errorf("token request (%s): %w", kind, err)
	}
	defer reply.Release()
	outcome.Status = reply.Status
	if reply.Fault != nil {
		return nil, 0, outcome, fmt.Errorf("token request (%s): %w", kind, reply.Fault)
	}
	if !reply.OK() {
		e := &TokenError{Grant: kind, StatusCode: reply.Status}
		e.Code, e.Description = parseErrorBody(reply.Body)
		return nil, 0, outcome, e
	}
	g, lifetime := parseGrant(reply.Body)
	if g == nil {
		return nil, 0, outcome, &TokenError{Grant: kind, StatusCode: reply.Status}
	}
	return g, lifetime, outcome, nil
}

func (a *auth) tokenRequest(ctx context.Context, form string) *http.Request {
	req := &http.Request{
		Method: http.MethodPost,
		URL:    a.tokenURL,
		Host:   a.tokenURL.Host,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Accept":        {"application/json"},
			"Authorization": a.basic,
			"Content-Type":  {"application/x-www-form-urlencoded"},
			"User-Agent":    a.agent,
		},
		ContentLength: int64(len(form)),
		Body:          io.NopCloser(strings.NewReader(form)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil },
	}
	return req.WithContext(ctx)
}

// exchange turns a user's authorization code into a grant. The code works once,
// so a request that may have used it up is reported as such.
func (a *auth) exchange(ctx context.Context, code string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	g, _, outcome, err := a.post(ctx, url.Values{"grant_type": {grantAuthorizationCode}, "code": {code}})
	if err == nil {
		return &g.token, nil
	}
	err = &callError{operation: tokenOperation, err: err}
	if retry.Decide(outcome) == retry.Unknown {
		err = &OutcomeUnknownError{Operation: tokenOperation, Err: err}
	}
	return nil, err
}

// parseGrant reads a token reply, whatever its media type says. It returns nil
// for one that brings no usable access token.
func parseGrant(body []byte) (*grant, time.Duration) {
	var reply struct {
		AccessToken  string          `json:"access_token"`
		RefreshToken string          `json:"refresh_token"`
		TokenType    string          `json:"token_type"`
		Scope        any             `json:"scope"`
		ExpiresIn    json.RawMessage `json:"expires_in"`
	}
	if json.Unmarshal(body, &reply) != nil || reply.AccessToken == "" || !validToken(reply.AccessToken) {
		return nil, 0
	}
	lifetime := parseLifetime(reply.ExpiresIn)
	t := oauth2.Token{
		AccessToken:  reply.AccessToken,
		RefreshToken: reply.RefreshToken,
		TokenType:    orDefault(reply.TokenType, "Bearer"),
		Expiry:       time.Now().Add(lifetime),
		ExpiresIn:    int64(lifetime / time.Second),
	}
	if reply.Scope != nil {
		t = *t.WithExtra(map[string]any{"scope": reply.Scope})
	}
	return newGrant(t), lifetime
}

// parseLifetime reads expires_in, in seconds. Servers leave it out, send zero,
// less than that, a string, or far too much; a lifetime that proves too long is
// corrected by the first 401.
func parseLifetime(raw json.RawMessage) time.Duration {
	seconds, err := strconv.ParseFloat(scalar(raw), 64)
	switch {
	case err != nil, !(seconds > 0):
		return defaultLifetime
	case seconds >= maxLifetime.Seconds():
		return maxLifetime
	}
	return max(time.Second, time.Duration(seconds*float64(time.Second)))
}

// remaining is what is left of t's lifetime: zero without limit, negative once
// it is over, as it is for a grant that has only a refresh token.
func remaining(t *oauth2.Token) time.Duration {
	switch {
	case t.AccessToken == "":
		return -1
	case t.Expiry.IsZero():
		return 0
	}
	if left := time.Until(t.Expiry); left > 0 {
		return left
	}
	return -1
}

// validToken reports whether t can stand in a header.
func validToken(t string) bool {
	return !strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
