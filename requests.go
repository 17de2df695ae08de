package coviu

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
)

// blankRequest is what every request is a copy of.
func blankRequest(base *url.URL) *http.Request {
	return &http.Request{
		URL:        base,
		Host:       base.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{},
	}
}

// target is the address of the call's resource. Every attempt shares it.
func (c *Client) target(r *request) *url.URL {
	u := below(c.blank.URL, r.path)
	u.RawQuery = r.query
	return u
}

// below is the address of path, which needs no escaping, under base.
func below(base *url.URL, path string) *url.URL {
	u := *base
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	return &u
}

// newRequest makes one attempt's request. Its header is the bearer's business.
func (x *exchange) newRequest(ctx context.Context) *http.Request {
	req := x.client.blank.WithContext(ctx)
	req.Method = x.method
	req.URL = x.target
	if body := x.body; body != nil {
		// net/http repeats with GetBody what it knows was not sent.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
		req.ContentLength = int64(len(body))
	}
	return req
}
