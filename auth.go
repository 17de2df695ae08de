package coviu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/pacer"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/roundtrip"
	"github.com/coviu/coviu-go-sdk/internal/safeerr"
	"github.com/coviu/coviu-go-sdk/internal/tokencache"
	"github.com/coviu/coviu-go-sdk/internal/tokenendpoint"
)

const (
	opToken operation = "POST /auth/token"

	// refreshLimit bounds one token request, the token store included.
	refreshLimit = 15 * time.Second
	// shortWait is how long a refresh waits for the pacer while the old token has
	// not expired. If the wait would be longer, the refresh fails at once, and the
	// old token serves until the next one.
	shortWait = time.Second
	// mutePeriod begins when a new token earns a 401 like the one before it. While
	// it lasts, a 401 on one session or participant starts no refresh. The service
	// also answers 401 for a session that was canceled.
	mutePeriod = time.Minute
)

// authorized is a token and the http.Client that sends it with every request. It
// is never modified.
type authorized struct {
	token oauth2.Token
	http  *http.Client
}

// auth keeps the secrets of a client: the credentials of the account and the
// token in use.
type auth struct {
	endpoint tokenendpoint.Endpoint
	observer observer
	// pacer is shared by a client and those made from it by As and AsStored.
	pacer *pacer.Pacer

	source oauth2.TokenSource
	store  TokenStore
	// user says that the tokens are a user's, not the account's.
	user   bool
	tokens *tokencache.Cache[authorized]
	// dead is the user's refresh token that the service refused. unsaved is a new
	// token that the store has not kept yet. reauthorize is the last answer of a
	// store that had no usable token. Only fetch uses them, and only one fetch runs
	// at a time.
	dead        string
	unsaved     *unsavedToken
	reauthorize *reauthorization

	// refreshMutedUntil is the end of the mutePeriod, nil if there was none yet.
	refreshMutedUntil atomic.Pointer[time.Time]
}

func newAuth(c *config, transport http.RoundTripper, tokenURL url.URL, agent string) *auth {
	a := &auth{
		endpoint: tokenendpoint.Endpoint{
			URL:           tokenURL,
			Authorization: tokenendpoint.Basic(c.key, c.secret),
			UserAgent:     agent,
			Client:        &http.Client{Transport: transport},
			PlainHTTP2:    c.plainHTTP2,
			Timeout:       refreshLimit,
		},
		observer: c.observer,
		pacer:    c.pacer,
		source:   c.source,
		store:    c.store,
		user:     c.token != nil || c.store != nil,
	}
	var first *authorized
	var lifetime time.Duration
	if c.token != nil {
		first, lifetime = a.authorize(*c.token), remaining(c.token)
	}
	a.tokens = tokencache.New(tokencache.Config[authorized]{
		Fetch:      a.fetch,
		Fatal:      func(err error) bool { return errors.Is(err, ErrReauthorize) },
		Background: c.source == nil,
		Limit:      refreshLimit + retry.MaxWait,
	}, first, lifetime)
	return a
}

// authorize returns t with an http.Client that sends it.
func (a *auth) authorize(t oauth2.Token) *authorized {
	signed := &bearerTransport{authorization: []string{"Bearer " + t.AccessToken}, next: a.endpoint.Client.Transport}
	return &authorized{token: t, http: &http.Client{Transport: signed}}
}

// bearerTransport adds the Authorization header to each request.
type bearerTransport struct {
	authorization []string
	next          http.RoundTripper
}

// RoundTrip signs req itself: [roundtrip.Send] makes a new request for each attempt.
func (b *bearerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Header["Authorization"] = b.authorization
	return b.next.RoundTrip(req)
}

// get returns a valid token. It waits for one as long as ctx lasts. If the pacer
// allows no token request before ctx ends, it fails at once.
func (a *auth) get(ctx context.Context) (*authorized, error) {
	if deadline, ok := ctx.Deadline(); ok && a.source == nil && !a.tokens.Valid() {
		if delay, cause := a.pacer.Delay(); delay > 0 && time.Until(deadline) < delay {
			return nil, cause
		}
	}
	return a.tokens.Get(ctx)
}

// isTemporary reports whether the token request that failed with err may be sent
// again at once. A user's refresh token may be used up by a request whose reply
// was lost, so that one is only sent again if it was provably not carried out.
func (a *auth) isTemporary(err error) bool {
	if e, ok := errors.AsType[*TokenError](err); ok {
		return e.RetryAfter <= retry.MaxWait && (e.StatusCode == http.StatusTooManyRequests ||
			!a.user && isInTrouble(e.StatusCode))
	}
	if e, ok := errors.AsType[*roundtrip.Error](err); ok {
		return !e.Permanent && (e.NotSent || !a.user)
	}
	return !a.user && errors.Is(err, roundtrip.ErrTruncated)
}

// isInTrouble reports whether a token endpoint that answers with this status is
// overloaded or failing, so that requests to it must be spaced apart.
func isInTrouble(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status/100 == 5
}

// invalidate handles a 401 for a request that carried the token refused. It reports
// whether to send the request again with another token. named says that the request
// named a session or participant.
func (a *auth) invalidate(refused *authorized, named bool) bool {
	if a.tokens.Replaced(refused) {
		return true
	}
	if until := a.refreshMutedUntil.Load(); named && until != nil && time.Now().Before(*until) {
		return false
	}
	if a.user && a.store == nil && refused.token.RefreshToken == "" {
		return false
	}
	a.tokens.Invalidate(refused)
	return true
}

// restore undoes invalidate when no other token could be had. If the 401 was about
// a canceled session, the token still serves other calls.
func (a *auth) restore(refused *authorized) { a.tokens.Restore(refused) }

// muteRefresh records that a new token earned a 401 like the one before it, so tokens
// are not the cause.
func (a *auth) muteRefresh() { a.refreshMutedUntil.Store(new(time.Now().Add(mutePeriod))) }

// fetch gets a new token to replace last. An account asks for it with its
// credentials. A user's token can only be refreshed.
func (a *auth) fetch(ctx context.Context, last *authorized) (*authorized, time.Duration, error) {
	if a.source != nil {
		return a.fromSource()
	}
	if delay, cause := a.pacer.Delay(); delay > shortWait && last != nil && remaining(&last.token) >= 0 {
		return nil, 0, cause
	}
	if err := a.pacer.Wait(ctx); err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	switch {
	case a.store != nil:
		return a.fromStore(ctx, last)
	case a.user:
		return a.refresh(ctx, last.token.RefreshToken)
	}
	r, err := a.request(ctx, url.Values{"grant_type": {grantClientCredentials}})
	if err != nil {
		return nil, 0, err
	}
	return a.authorize(r.Token), r.Lifetime, nil
}

// refresh gets a new token of the user. A reply without a refresh token means that
// the old one stays valid.
func (a *auth) refresh(ctx context.Context, refreshToken string) (*authorized, time.Duration, error) {
	if refreshToken == "" || refreshToken == a.dead {
		return nil, 0, &TokenError{Grant: grantRefreshToken, Code: invalidGrant, Description: "there is no usable refresh token"}
	}
	r, err := a.request(ctx, url.Values{"grant_type": {grantRefreshToken}, "refresh_token": {refreshToken}})
	if err != nil {
		if errors.Is(err, ErrReauthorize) {
			a.dead = refreshToken
		}
		return nil, 0, err
	}
	r.Token.RefreshToken = cmp.Or(r.Token.RefreshToken, refreshToken)
	return a.authorize(r.Token), r.Lifetime, nil
}

// fromSource takes a token from the caller's source.
func (a *auth) fromSource() (*authorized, time.Duration, error) {
	t, err := a.source.Token()
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		e := &TokenError{Grant: "token source", Code: r.ErrorCode, Description: r.ErrorDescription}
		if r.Response != nil {
			e.StatusCode = r.Response.StatusCode
		}
		return nil, 0, e
	}
	if err != nil {
		return nil, 0, safeerr.New("token source failed", err)
	}
	if t == nil || t.AccessToken == "" || !tokenendpoint.Sendable(t.AccessToken) {
		return nil, 0, errors.New("token source gave no usable token")
	}
	left := remaining(t)
	if left < 0 {
		return nil, 0, errors.New("token source gave an expired token")
	}
	return a.authorize(*t), left, nil
}

// exchange turns an authorization code into the user's token. A code works once. If
// the request may have used it up, the error is an OutcomeUnknownError.
func (a *auth) exchange(ctx context.Context, code string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	err := a.pacer.Wait(ctx)
	if err != nil {
		return nil, &callError{operation: string(opToken), err: err}
	}
	r, err := a.request(ctx, url.Values{"grant_type": {grantAuthorizationCode}, "code": {code}})
	if err == nil {
		return &r.Token, nil
	}
	err = &callError{operation: string(opToken), err: err}
	if retry.Decide(r.Outcome) == retry.Ambiguous {
		err = &OutcomeUnknownError{Operation: string(opToken), Err: err}
	}
	return nil, err
}

// request makes one token request. It repeats the request only if the server
// provably did not process it.
func (a *auth) request(ctx context.Context, form url.Values) (tokenendpoint.Reply, error) {
	for repeats := 0; ; repeats++ {
		r, err := a.send(ctx, form)
		if e, ok := errors.AsType[*roundtrip.Error](err); ok && e.Unprocessed && repeats < retry.MaxRepeats && ctx.Err() == nil {
			continue
		}
		switch {
		case err == nil:
			a.pacer.Succeeded()
		case errors.Is(ctx.Err(), context.Canceled):
			// The caller gave up. That says nothing about the server.
		case r.Outcome.Status == 0 || r.Outcome.Truncated || isInTrouble(r.Outcome.Status):
			a.pacer.Failed(err, r.RetryAfter)
		}
		return r, err
	}
}

// send sends one token request, logs it and reports it to the response hook.
func (a *auth) send(ctx context.Context, form url.Values) (tokenendpoint.Reply, error) {
	began := time.Now()
	r, err := a.endpoint.Send(ctx, form)
	status, kind := r.Outcome.Status, form.Get("grant_type")
	info := ResponseInfo{Operation: string(opToken), StatusCode: status, Attempts: 1, Header: r.Header}
	if err != nil {
		err = fmt.Errorf("token request (%s): %w", kind, err)
	} else if !r.Granted {
		err = &TokenError{Grant: kind, StatusCode: status, Code: r.Code, Description: r.Description, RetryAfter: r.RetryAfter}
	}
	if err != nil {
		info.Err = &callError{operation: string(opToken), err: err}
	}
	info.Duration = time.Since(began)
	a.observer.logAttempt(ctx, opToken, 1, status, r.Size, began)
	a.observer.report(ctx, info)
	return r, err
}

// remaining returns what is left of t's lifetime: zero without a limit, negative
// if t has expired or has only a refresh token.
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
