package roundtrip

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
)

// NewRequest makes the request for one [Attempt]. It has a URL of its own, since
// some transports modify it. It has no GetBody, and a POST always has a body, so
// that net/http cannot send the request a second time.
func NewRequest(ctx context.Context, method string, target url.URL, header http.Header, body []byte) *http.Request {
	req := &http.Request{
		Method:     method,
		URL:        &target,
		Host:       target.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     header,
	}
	if body != nil || method == http.MethodPost {
		// net/http knows this type: it sends header and body in one packet.
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	return req.WithContext(ctx)
}
