package coviu

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/baseurl"
	"github.com/coviu/coviu-go-sdk/internal/errorbody"
	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/roundtrip"
)

// maxErrorBody is how much an APIError keeps of a body, in bytes.
const maxErrorBody = 64 << 10

// operation is an endpoint's method and route template. Errors and logs name a
// call by it.
type operation string

func (o operation) method() string {
	method, _, _ := strings.Cut(string(o), " ")
	return method
}

// isNamed reports whether the route names a session or participant.
func (o operation) isNamed() bool { return strings.Contains(string(o), "{") }

// request is what a service method asks for. Its path is complete: ids are
// checked before, and need no escaping.
type request struct {
	operation operation
	path      string
	query     string
	body      []byte
	// into takes the body of a reply as it arrives. If it is nil, the body is read
	// before it is decoded.
	into io.Writer
}

// call is the path of every call. It sends r, as often as it needs to and may, and
// reads the reply with decode.
func call[T any](ctx context.Context, c *Client, r request, decode func([]byte) (T, error)) (T, error) {
	var value, none T
	if err := c.check(ctx); err != nil {
		return none, err
	}
	a := attempts{client: c, request: r, method: r.operation.method(), started: time.Now(), tries: 1}
	err := a.run(ctx, func(body []byte) (err error) {
		value, err = decode(body)
		return err
	})
	a.report(ctx, err)
	if err != nil {
		return none, err
	}
	return value, nil
}

// attempts is one call: all requests that are sent for it.
type attempts struct {
	client *Client
	request
	method  string
	started time.Time
	// sent counts all requests, and tries those that the retry policy limits.
	// repeats counts requests that were sent again at once, because the server
	// provably did not process the one before.
	sent, tries, repeats int
	last                 lastReply
	// refused is the token that earned a 401, nil before the first one.
	refused *authorized
	// mayHaveTakenEffect says that an earlier request may have been carried out.
	mayHaveTakenEffect bool
	// earlier is the failure after which the current attempt was made, and cost
	// what that attempt took from the retry budget.
	earlier error
	cost    int64
}

// lastReply is what is kept of a reply after its body was read.
type lastReply struct {
	status     int
	header     http.Header
	retryAfter time.Duration
}

func (a *attempts) run(ctx context.Context, read func([]byte) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return a.endUnsent(err)
		}
		token, err := a.token(ctx)
		if err != nil {
			return a.endUnsent(err)
		}
		if a.refused != nil && token.token.AccessToken == a.refused.token.AccessToken {
			return a.endUnauthorized()
		}
		o, err := a.attempt(ctx, token, read)
		if err == nil {
			a.client.config.budget.Refund(a.cost)
			return nil
		}
		if a.mayHaveTakenEffect && a.method == http.MethodDelete && o.Status == http.StatusNotFound {
			// An earlier request deleted it, and its reply was lost.
			return read(nil)
		}
		if ended := ctx.Err(); ended != nil && (o.Status == 0 || o.Truncated) {
			return a.end(o, ended, a.earlier)
		}
		if err := a.prepareNext(ctx, token, o, err); err != nil {
			return err
		}
		a.mayHaveTakenEffect = a.mayHaveTakenEffect || retry.MayHaveTakenEffect(o)
	}
}

// token returns the token for the next attempt. The attempt's timeout does not run
// while it waits. After a temporary failure of the token endpoint it asks again, as
// long as the call has attempts left.
func (a *attempts) token(ctx context.Context) (*authorized, error) {
	for {
		token, err := a.client.auth.get(ctx)
		if err == nil {
			return token, nil
		}
		if a.tries < a.client.config.retry.MaxAttempts && ctx.Err() == nil && a.client.auth.isTemporary(err) {
			a.tries++
			continue
		}
		if a.refused != nil && a.operation.isNamed() && !errors.Is(err, ErrReauthorize) {
			a.client.auth.restore(a.refused)
		}
		return nil, err
	}
}

// attempt sends the request once and reads the whole reply.
func (a *attempts) attempt(ctx context.Context, token *authorized, read func([]byte) error) (retry.Outcome, error) {
	a.sent++
	a.last = lastReply{}
	began := time.Now()
	reply, err := roundtrip.Send(ctx, token.http, a.newRequest())
	a.client.config.observer.logAttempt(ctx, a.operation, a.sent, reply.Status, reply.Size(), began)
	if err != nil {
		o := retry.Outcome{Method: a.method}
		if e, ok := errors.AsType[*roundtrip.Error](err); ok {
			o.NotSent, o.Permanent = e.NotSent, e.Permanent
		}
		return o, err
	}
	defer reply.Release()
	return a.readReply(&reply, read)
}

func (a *attempts) newRequest() roundtrip.Request {
	c := a.client
	target := baseurl.Join(c.base, a.path)
	target.RawQuery = a.query
	header := c.header
	if a.body != nil {
		header = c.bodyHeader
	}
	if a.into != nil {
		header = maps.Clone(header)
		header["Accept"] = []string{"*/*"}
	}
	return roundtrip.Request{
		Method: a.method, URL: target, Header: header, Body: a.body,
		Timeout: c.config.attemptTimeout, Limit: c.config.maxResponse, Into: a.into,
		PlainHTTP2: c.config.plainHTTP2,
	}
}

func (a *attempts) readReply(reply *roundtrip.Reply, read func([]byte) error) (retry.Outcome, error) {
	o := retry.Outcome{Method: a.method, Status: reply.Status}
	a.last = lastReply{status: reply.Status, header: reply.Header}
	if !reply.OK() {
		e := newAPIError(a.operation, reply, a.sent)
		a.last.retryAfter = e.RetryAfter
		return o, e
	}
	cause := reply.Fault
	if cause == nil && reply.Status != http.StatusPartialContent {
		if cause = read(reply.Body); cause == nil {
			return o, nil
		}
	}
	switch {
	case errors.Is(cause, errNotOK):
		return o, newAPIError(a.operation, reply, a.sent)
	case errors.Is(cause, roundtrip.ErrWriter):
		return o, cause
	}
	o.Truncated = isTruncated(reply, cause)
	return o, newDecodeError(a.operation, reply, a.sent, cause)
}

// isTruncated reports whether the end of the reply was lost, and another attempt
// may bring it. A body that the server declared empty is not truncated. If a part
// of the body was copied to a writer, another attempt can't help.
func isTruncated(reply *roundtrip.Reply, cause error) bool {
	if errors.Is(cause, roundtrip.ErrTruncated) {
		return reply.Copied == 0
	}
	at, ok := errors.AsType[*jsoncursor.Error](cause)
	return ok && at.Truncated && reply.Length != 0
}

func newAPIError(op operation, r *roundtrip.Reply, attempts int) *APIError {
	e := &APIError{
		Operation:  string(op),
		StatusCode: r.Status,
		RequestID:  cmp.Or(r.Header.Get("X-Request-Id"), r.Header.Get("Request-Id")),
		RetryAfter: retry.After(r.Header, time.Now()),
		Body:       bytes.Clone(r.Body[:min(len(r.Body), maxErrorBody)]),
		Header:     r.Header,
		Attempts:   attempts,
	}
	e.Code, e.Message = errorbody.Parse(r.Body)
	return e
}

func newDecodeError(op operation, r *roundtrip.Reply, attempts int, cause error) *DecodeError {
	e := &DecodeError{Operation: string(op), StatusCode: r.Status, cause: cause, attempts: attempts}
	if at, ok := errors.AsType[*jsoncursor.Error](cause); ok {
		e.Field = at.Field
	}
	return e
}

// prepareNext returns nil once the next attempt may be sent, and the error of the
// call if there is to be none.
func (a *attempts) prepareNext(ctx context.Context, token *authorized, o retry.Outcome, err error) error {
	if o.Status == http.StatusUnauthorized {
		return a.prepareReplay(token, o, err)
	}
	// If there was a reply, a *roundtrip.Error belongs to another call: one that the
	// caller's writer or decoder made.
	if e, ok := errors.AsType[*roundtrip.Error](err); ok && o.Status == 0 && e.Unprocessed && a.repeats < retry.MaxRepeats {
		a.repeats++
		return nil
	}
	policy := a.client.config.retry
	if retry.Decide(o) != retry.Retry || a.tries >= policy.MaxAttempts || a.last.retryAfter > retry.MaxWait {
		return a.end(o, err, nil)
	}
	throttled := o.Status == http.StatusTooManyRequests
	delay := policy.Delay(a.tries, throttled, a.last.retryAfter)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < delay {
		return a.end(o, err, nil)
	}
	cost, ok := a.client.config.budget.Spend(throttled)
	if !ok {
		return a.end(o, err, nil)
	}
	a.tries++
	a.earlier, a.cost = err, cost
	return a.sleep(ctx, o, delay)
}

// prepareReplay lets a request that earned a 401 be sent once more, with another
// token. A replay that earns a 401 too shows that tokens are not the cause.
func (a *attempts) prepareReplay(token *authorized, o retry.Outcome, err error) error {
	if a.refused != nil {
		a.client.auth.muteRefresh()
		return a.end(o, err, nil)
	}
	if !a.client.auth.invalidate(token, a.operation.isNamed()) {
		return a.end(o, err, nil)
	}
	a.refused, a.earlier = token, err
	return nil
}

func (a *attempts) sleep(ctx context.Context, o retry.Outcome, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return a.end(o, ctx.Err(), a.earlier)
	}
}

// endUnsent ends the call before its next attempt is sent: the context has ended, or
// there is no token.
func (a *attempts) endUnsent(err error) error {
	return a.end(retry.Outcome{Method: a.method, NotSent: true, Permanent: true}, err, a.earlier)
}

// endUnauthorized ends the call because the new token is the one that was refused.
func (a *attempts) endUnauthorized() error {
	if a.client.auth.source == nil {
		a.client.auth.muteRefresh()
	}
	return a.end(retry.Outcome{Method: a.method, Status: http.StatusUnauthorized}, a.earlier, nil)
}

// end gives the call's last error its final form. earlier is the failure that the
// call was recovering from when err ended it, if any.
func (a *attempts) end(o retry.Outcome, err, earlier error) error {
	// Not errors.As: err may wrap an error of another call, which does not name this
	// one.
	switch err.(type) { //nolint:errorlint // see above
	case *APIError, *DecodeError:
	default:
		err = &callError{operation: string(a.operation), attempts: a.sent, err: err, earlier: earlier}
	}
	repeatedDelete := a.method == http.MethodDelete && (a.mayHaveTakenEffect || a.sent > 1 && retry.MayHaveTakenEffect(o))
	if retry.Decide(o) == retry.Ambiguous || repeatedDelete {
		return &OutcomeUnknownError{Operation: string(a.operation), Err: err}
	}
	return err
}

// report tells the response hook how the call went.
func (a *attempts) report(ctx context.Context, err error) {
	a.client.config.observer.report(ctx, ResponseInfo{
		Operation:  string(a.operation),
		StatusCode: a.last.status,
		Attempts:   a.sent,
		Header:     a.last.header,
		Duration:   time.Since(a.started),
		Err:        err,
	})
}
