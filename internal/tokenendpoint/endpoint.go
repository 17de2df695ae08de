package tokenendpoint

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/errorbody"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/roundtrip"
)

// maxReply is the largest reply that is read, in bytes.
const maxReply = 1 << 20

// Endpoint is the token endpoint of a service.
type Endpoint struct {
	URL url.URL
	// Authorization is the header that [Basic] returns.
	Authorization, UserAgent string
	Client                   *http.Client
	// PlainHTTP2 is as in [roundtrip.Request].
	PlainHTTP2 bool
	// Timeout bounds one request.
	Timeout time.Duration
}

// Reply is the answer to a token request: a token with its lifetime, or the code
// and description of a refusal.
type Reply struct {
	Outcome retry.Outcome
	Header  http.Header
	Size    int

	Granted  bool
	Token    oauth2.Token
	Lifetime time.Duration

	Code, Description string
	RetryAfter        time.Duration
}

// Send sends one token request. The error says that no complete reply came. The
// outcome is set in any case.
func (e *Endpoint) Send(ctx context.Context, form url.Values) (r Reply, err error) {
	reply, err := roundtrip.Send(ctx, e.Client, roundtrip.Request{
		Method: http.MethodPost,
		URL:    e.URL,
		Header: http.Header{
			"Accept":        {"application/json"},
			"Authorization": {e.Authorization},
			"Content-Type":  {"application/x-www-form-urlencoded"},
			"User-Agent":    {e.UserAgent},
		},
		Body:       []byte(form.Encode()),
		Timeout:    e.Timeout,
		Limit:      maxReply,
		PlainHTTP2: e.PlainHTTP2,
	})
	r.Outcome = retry.Outcome{Method: http.MethodPost, Status: reply.Status}
	if failed, ok := errors.AsType[*roundtrip.Error](err); ok {
		r.Outcome.NotSent, r.Outcome.Permanent = failed.NotSent, failed.Permanent
	}
	if err != nil {
		return r, err
	}
	defer reply.Release()
	r.Header, r.Size = reply.Header, reply.Size()
	switch {
	case reply.Fault != nil:
		r.Outcome.Truncated = true
		return r, reply.Fault
	case reply.OK():
		r.Token, r.Lifetime, r.Granted = Parse(reply.Body)
	default:
		r.Code, r.Description = errorbody.Parse(reply.Body)
		r.RetryAfter = retry.After(reply.Header, time.Now())
	}
	return r, nil
}
