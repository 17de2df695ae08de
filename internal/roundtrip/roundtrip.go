// Package roundtrip sends one HTTP request, reads the whole reply within limits,
// and tells what is known about the request when that fails.
package roundtrip

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Request is one request, with the limits of its reply.
type Request struct {
	Method string
	URL    url.URL
	// Header may be shared with other requests. It is not modified.
	Header http.Header
	// Body is nil for none. A POST has a body all the same, an empty one.
	Body []byte

	// Timeout ends the attempt, body included. With Into it counts from the last
	// byte.
	Timeout time.Duration
	// Limit is how much of a body is read, in bytes, decompressed.
	Limit int64
	// Into takes the body of a successful reply, without a limit. If it is nil,
	// the body is kept in the Reply.
	Into io.Writer

	// PlainHTTP2 says that the transport speaks HTTP/2 without TLS. Other
	// transports speak HTTP/1 there.
	PlainHTTP2 bool
}

// Send sends r once, signed by client, and reads the whole reply. If no usable
// reply headers came, it returns an *[Error].
//
// It calls the transport of client directly. http.Client.Do would add two
// faults: it fails on a redirect whose Location is malformed, and it quotes
// addresses in its errors.
func Send(ctx context.Context, client *http.Client, r Request) (Reply, error) {
	a := attempt{Request: r}
	ctx, req := a.start(ctx)
	defer a.cancel()
	resp, err := client.Transport.RoundTrip(req)
	switch {
	case a.stopped.Load():
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		err = errStopped
	case err == nil && resp == nil:
		err = errNoReply
	}
	if err != nil {
		return Reply{}, a.newError(req, timeoutOf(ctx, err))
	}
	if a.Into != nil && resp.StatusCode/100 == 2 && resp.StatusCode != http.StatusPartialContent && resp.Body != nil {
		return a.copyReply(ctx, resp), nil
	}
	return readReply(resp, a.Limit), nil
}

// SpeaksPlainHTTP2 reports whether rt is set to speak HTTP/2 without TLS.
func SpeaksPlainHTTP2(rt http.RoundTripper) bool {
	t, ok := rt.(*http.Transport)
	return ok && t.Protocols != nil && t.Protocols.UnencryptedHTTP2()
}
