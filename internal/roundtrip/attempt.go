package roundtrip

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/safeerr"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

// attempt watches how far a request got, and keeps net/http from sending it a
// second time.
//
// net/http repeats a request by itself when it considers that safe. Over
// HTTP/2 it also does so after a PROTOCOL_ERROR, without limit, although the
// server may have carried the request out. Two measures prevent this:
//
//   - A request with a body has no GetBody, so net/http cannot rewind the body.
//     A POST always has a body, even if the body is empty.
//   - A request without a body is stopped as soon as net/http takes another
//     connection after it wrote the request's headers to the first one.
//
// A transport may report events after the attempt was given up.
type attempt struct {
	Request

	cancel context.CancelFunc
	// idle ends the attempt after Timeout, counted from the last byte, if Into is set.
	idle  *time.Timer
	trace httptrace.ClientTrace

	wantsConn, gotConn, wroteHeaders, gotReply, stopped atomic.Bool

	// conn is the HTTP/1 connection in use, on the library's own transport, and
	// connStart what was written to it before this request.
	conn      atomic.Pointer[transport.CountingConn]
	connStart atomic.Int64
}

// start returns the request for net/http, with its context, which ends after
// Timeout and watches the request. The request has a URL and a header of its own,
// since some transports modify them.
func (a *attempt) start(ctx context.Context) (context.Context, *http.Request) {
	if a.Into == nil {
		ctx, a.cancel = context.WithTimeout(ctx, a.Timeout)
	} else {
		limited, cancel := context.WithCancelCause(ctx)
		ctx = limited
		a.idle = time.AfterFunc(a.Timeout, func() { cancel(context.DeadlineExceeded) })
		a.cancel = func() { a.idle.Stop(); cancel(nil) }
	}
	a.trace.GetConn = func(string) { a.wantsConn.Store(true) }
	a.trace.GotConn = a.useConn
	a.trace.WroteHeaders = func() { a.wroteHeaders.Store(true) }
	a.trace.GotFirstResponseByte = func() { a.gotReply.Store(true) }
	req := &http.Request{
		Method:     a.Method,
		URL:        &a.URL,
		Host:       a.URL.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     maps.Clone(a.Header),
	}
	if a.Body != nil || a.Method == http.MethodPost {
		// net/http knows this type: it sends header and body in one packet.
		req.Body = io.NopCloser(bytes.NewReader(a.Body))
		req.ContentLength = int64(len(a.Body))
	}
	ctx = httptrace.WithClientTrace(ctx, &a.trace)
	return ctx, req.WithContext(ctx)
}

// useConn runs before the request is written to the connection in info.
func (a *attempt) useConn(info httptrace.GotConnInfo) {
	a.gotConn.Store(true)
	encrypted, _ := info.Conn.(*tls.Conn)
	http2 := a.PlainHTTP2
	if encrypted != nil {
		http2 = encrypted.ConnectionState().NegotiatedProtocol == "h2"
	}
	if a.gotReply.Load() || a.wroteHeaders.Load() && !a.connUnused() {
		a.stopped.Store(true)
		a.cancel()
		if !http2 {
			refuseWrites(info.Conn)
		}
		return
	}
	a.wroteHeaders.Store(false)
	a.watchConn(info.Conn, encrypted, http2)
}

// refuseWrites keeps HTTP/1 from writing to conn, which only this request uses.
// HTTP/2 and HTTP/3 look at the context before they write, HTTP/1 does not. A
// transport may show no connection, or one whose methods panic: HTTP/3 does.
func refuseWrites(conn net.Conn) {
	defer func() { _ = recover() }()
	_ = conn.SetWriteDeadline(time.Unix(1, 0))
}

// watchConn notes how much was written to an HTTP/1 connection before the
// request. Many requests share an HTTP/2 connection.
func (a *attempt) watchConn(conn net.Conn, encrypted *tls.Conn, http2 bool) {
	a.conn.Store(nil)
	if encrypted != nil {
		conn = encrypted.NetConn()
	}
	if own, ok := conn.(*transport.CountingConn); ok && !http2 {
		a.connStart.Store(own.BytesWritten())
		a.conn.Store(own)
	}
}

// copyReply copies the body of resp and closes it.
func (a *attempt) copyReply(ctx context.Context, resp *http.Response) Reply {
	defer func() { _ = resp.Body.Close() }()
	r := Reply{Status: resp.StatusCode, Header: resp.Header, Length: resp.ContentLength}
	buffer := make([]byte, 32<<10)
	for {
		a.idle.Reset(a.Timeout)
		n, err := resp.Body.Read(buffer)
		a.idle.Stop() // a slow writer is not the server's fault
		if n > 0 {
			r.Copied += int64(n)
			taken, failed := a.Into.Write(buffer[:n])
			if failed == nil && taken < n {
				failed = io.ErrShortWrite
			}
			if failed != nil {
				r.Fault = safeerr.New(ErrWriter.Error(), errors.Join(ErrWriter, failed))
				return r
			}
		}
		if err == io.EOF {
			return r
		}
		if err != nil {
			r.Fault = newTruncated(timeoutOf(ctx, err))
			return r
		}
	}
}

// timeoutOf returns the error of a timeout in place of that of a cancellation, if
// the timeout was what canceled ctx.
func timeoutOf(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

func (a *attempt) newError(req *http.Request, err error) *Error {
	e := newError(err)
	// A middleware may have ended a context of its own.
	ended := req.Context().Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	switch {
	case a.wantsConn.Load() && !a.gotConn.Load():
		e.NotSent = true
		e.Wrapped = safeerr.New("no connection to "+hostAndPort(req.URL)+": "+e.Error(), err)
	case a.nothingWritten(ended), isUnprocessed(err):
		// After a timeout, sending again at once would only wait again.
		e.NotSent, e.Unprocessed = true, !ended
		if !ended {
			e.Wrapped = safeerr.New("the server did not process the request", err)
		}
	}
	return e
}

func hostAndPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// nothingWritten reports whether a connection was there, but the request was
// not written to it. ended says that the context has ended. A reply can come, and
// be dropped by a middleware, before net/http tells that it wrote the request.
func (a *attempt) nothingWritten(ended bool) bool {
	if !a.gotConn.Load() || a.stopped.Load() || a.gotReply.Load() {
		return false
	}
	if !a.wroteHeaders.Load() && !ended {
		// After the context has ended, HTTP/2 may still be about to write.
		return true
	}
	return a.connUnused()
}

// connUnused reports whether provably no byte of the request was written. net/http
// reports headers as written when they are still in its buffer.
func (a *attempt) connUnused() bool {
	conn := a.conn.Load()
	return conn != nil && conn.BytesWritten() == a.connStart.Load()
}
