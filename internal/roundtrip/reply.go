package roundtrip

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
	// maxDrain is how much is read and dropped of the rest of such a reply, so that
	// its connection can serve the next request.
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
	// ErrTruncated is the fault of a reply that ended before it was complete.
	ErrTruncated = errors.New("reply cut short")

	// ErrWriter is the fault of a reply that the caller's writer did not take.
	ErrWriter = errors.New("the writer failed")

	errNoReply = errors.New("transport returned neither reply nor error")
)

// Reply is what came back. Its Body may only be used until Release.
type Reply struct {
	Status int
	Header http.Header
	// Length is the body's declared length, -1 where none is declared.
	Length int64
	Body   []byte
	// Copied is how much of the body was copied to a writer instead.
	Copied int64
	// Fault says why Body is not the whole body, or why the body was not copied:
	// ErrTooLarge, or an error that is ErrTruncated or ErrWriter. The body of a
	// reply that is not 2xx is cut at maxErrorBody. That is no fault.
	Fault  error
	buffer *[]byte
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// readReply reads the body of resp and closes it.
func readReply(resp *http.Response, limit int64) Reply {
	limit = min(limit, math.MaxInt64-1)
	if resp.Body != nil && resp.StatusCode == http.StatusSwitchingProtocols {
		// The body is the bare connection, and no context ends a read from it.
		_ = resp.Body.Close()
		resp.Body = nil
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	defer func() { _ = resp.Body.Close() }()
	r := Reply{Status: resp.StatusCode, Header: resp.Header, Length: resp.ContentLength}
	if r.OK() {
		r.read(resp, limit)
		if r.Fault == nil && int64(len(r.Body)) > limit {
			r.Fault = ErrTooLarge
		}
		return r
	}
	r.read(resp, maxErrorBody)
	r.Fault = nil
	if len(r.Body) > maxErrorBody {
		r.Body = r.Body[:maxErrorBody]
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	}
	return r
}

// OK reports whether the status is a success.
func (r *Reply) OK() bool { return r.Status/100 == 2 }

// Size returns the number of bytes of the body that were read.
func (r *Reply) Size() int { return len(r.Body) + int(r.Copied) }

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

// read fills Body up to limit and one byte more, which shows whether the body is
// larger than the limit.
func (r *Reply) read(resp *http.Response, limit int64) {
	r.buffer = buffers.Get().(*[]byte)
	b := (*r.buffer)[:0]
	want := int64(minBuffer)
	if resp.ContentLength > 0 {
		// With one byte more, the end is reached without growing.
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
			r.Body, r.Fault = b, newTruncated(err)
			return
		case int64(len(b)) > limit:
			r.Body = b
			return
		case len(b) == cap(b):
			b = append(make([]byte, 0, grown(int64(cap(b)), limit)), b...)
		}
	}
}

// grown doubles a capacity of up to an eighth of the limit. After a quarter comes
// the limit itself. So all buffers of one reply take 1.5 times the limit, or, for
// limits that are not much larger than the first buffer, at most twice.
func grown(capacity, limit int64) int64 {
	if capacity > limit/8 {
		return limit + 1
	}
	return 2 * capacity
}
