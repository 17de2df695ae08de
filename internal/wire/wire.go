// Package wire sends one HTTP request and reads the whole reply, within limits,
// and tells what is known when that fails.
package wire

import (
	"errors"
	"io"
	"math"
	"net/http"
	"sync"
)

const (
	// maxErrorBody is how much is kept of a reply that reports a failure.
	maxErrorBody = 64 << 10
	// maxDrain is how much of a reply nobody wants is still read, so that its
	// connection can serve the next request.
	maxDrain = 256 << 10
	// maxTrusted is the Content-Length up to which a buffer is made in advance.
	maxTrusted = 512 << 10
	// maxPooled is the size beyond which a buffer is left to the collector.
	maxPooled = 1 << 20
	minBuffer = 4 << 10
)

var (
	// ErrTooLarge is the fault of a reply over the limit.
	ErrTooLarge = errors.New("reply larger than the limit")
	// ErrCut is the fault of a reply that ended before it was complete.
	ErrCut = errors.New("reply cut short")

	errNoReply = errors.New("transport returned neither reply nor error")
)

// Reply is what came back. Its Body may only be used until Release.
type Reply struct {
	Status int
	Header http.Header
	// Request is the request as it was sent, authorization included.
	Request *http.Request
	// Length is the body's declared length, -1 where none is declared.
	Length int64
	Body   []byte
	// Fault says why Body is not the whole body: ErrTooLarge, or an error that
	// is ErrCut. The body of a reply that is not 2xx is cut at a limit of its
	// own without that being a fault.
	Fault  error
	buffer *[]byte
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Do sends req and reads the reply up to limit bytes, decompressed. Its error
// is an *Error: no usable reply headers came. It calls the client's transport
// itself, because what http.Client adds to that is not wanted: redirects that
// are followed, or refused with their address in the error, and a jar.
func Do(client *http.Client, req *http.Request, limit int64) (Reply, error) {
	limit = min(limit, math.MaxInt64-1)
	resp, err := client.Transport.RoundTrip(req)
	if err == nil && resp == nil {
		err = errNoReply
	}
	if err != nil {
		return Reply{}, newError(err)
	}
	if resp.Body != nil && resp.StatusCode == http.StatusSwitchingProtocols {
		// The body is the bare connection, and no context ends a read from it.
		_ = resp.Body.Close()
		resp.Body = nil
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	defer func() { _ = resp.Body.Close() }()
	r := Reply{Status: resp.StatusCode, Header: resp.Header, Request: resp.Request, Length: resp.ContentLength}
	if r.OK() {
		r.read(resp, limit)
		if r.Fault == nil && int64(len(r.Body)) > limit {
			r.Fault = ErrTooLarge
		}
		return r, nil
	}
	r.read(resp, maxErrorBody)
	r.Fault = nil
	if len(r.Body) > maxErrorBody {
		r.Body = r.Body[:maxErrorBody]
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	}
	return r, nil
}

// OK reports whether the status is a success.
func (r *Reply) OK() bool { return r.Status/100 == 2 }

// Release gives the body's memory back.
func (r *Reply) Release() {
	if r.buffer == nil {
		return
	}
	if cap(r.Body) <= maxPooled {
		*r.buffer = r.Body[:0]
		buffers.Put(r.buffer)
	}
	r.buffer, r.Body = nil, nil
}

// read fills Body up to one byte more than limit, which tells a body of that
// very size from a larger one.
func (r *Reply) read(resp *http.Response, limit int64) {
	r.buffer = buffers.Get().(*[]byte)
	b := (*r.buffer)[:0]
	want := int64(minBuffer)
	if resp.ContentLength > 0 {
		// One more byte, so that the end is met without growing.
		want = min(resp.ContentLength, maxTrusted) + 1
	}
	if want = min(want, limit+1); int64(cap(b)) < want {
		b = make([]byte, 0, want)
	}
	for {
		room := b[len(b):min(int64(cap(b)), limit+1)]
		n, err := resp.Body.Read(room)
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			r.Body = b
			return
		case err != nil:
			r.Body, r.Fault = b, newCut(err)
			return
		case int64(len(b)) > limit:
			r.Body = b
			return
		case len(b) == cap(b):
			b = append(make([]byte, 0, grown(int64(cap(b)), limit)), b...)
		}
	}
}

// grown doubles a capacity. The last steps are taken at once, so that all
// buffers together stay well below three times the limit.
func grown(capacity, limit int64) int64 {
	if 2*capacity > limit/2 {
		return limit + 1
	}
	return 2 * capacity
}
