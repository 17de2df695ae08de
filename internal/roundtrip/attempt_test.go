package roundtrip_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/roundtrip"
	owntransport "github.com/coviu/coviu-go-sdk/internal/transport"
)

// fail sends a request over a transport that reports events and then fails.
func fail(t *testing.T, cause error, events func(*httptrace.ClientTrace)) *roundtrip.Error {
	t.Helper()
	_, err := do(t, &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		events(httptrace.ContextClientTrace(r.Context()))
		return nil, cause
	})}, 1<<20)
	failure, ok := errors.AsType[*roundtrip.Error](err)
	require.True(t, ok)
	return failure
}

func TestWhatTheTraceProves(t *testing.T) {
	getConn := func(c *httptrace.ClientTrace) { c.GetConn("") }
	gotConn := func(c *httptrace.ClientTrace) { c.GotConn(httptrace.GotConnInfo{}) }
	wroteHeaders := func(c *httptrace.ClientTrace) { c.WroteHeaders() }
	for name, row := range map[string]struct {
		events               []func(*httptrace.ClientTrace)
		notSent, unprocessed bool
	}{
		"no events":                                 {},
		"it waited for a connection":                {[]func(*httptrace.ClientTrace){getConn}, true, false},
		"it had one and did not write":              {[]func(*httptrace.ClientTrace){getConn, gotConn}, true, true},
		"it had two and wrote to neither":           {[]func(*httptrace.ClientTrace){getConn, gotConn, getConn, gotConn}, true, true},
		"it wrote":                                  {[]func(*httptrace.ClientTrace){getConn, gotConn, wroteHeaders}, false, false},
		"it wrote and waited for another":           {[]func(*httptrace.ClientTrace){getConn, gotConn, wroteHeaders, getConn}, false, false},
		"it wrote and was given another":            {[]func(*httptrace.ClientTrace){getConn, gotConn, wroteHeaders, gotConn}, false, false},
		"it wrote on the second it was given":       {[]func(*httptrace.ClientTrace){getConn, gotConn, gotConn, wroteHeaders}, false, false},
		"it wrote without looking for a connection": {[]func(*httptrace.ClientTrace){gotConn, wroteHeaders}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			failure := fail(t, io.EOF, func(c *httptrace.ClientTrace) {
				for _, event := range row.events {
					event(c)
				}
			})
			require.Equal(t, row.notSent, failure.NotSent)
			require.Equal(t, row.unprocessed, failure.Unprocessed)
		})
	}
}

func TestErrorTextsThatProveThatARequestWasNotProcessed(t *testing.T) {
	const before, after = "http2: Transport: cannot retry err [", "] after Request.Body was written; define Request.GetBody to avoid this error"
	for text, want := range map[string]bool{
		"http: server closed idle connection":                                                  true,
		"net/http: cannot rewind body after connection loss":                                   true,
		before + "stream error: stream ID 1; REFUSED_STREAM; received from peer" + after:       true,
		before + "stream error: stream ID 4294967; REFUSED_STREAM; received from peer" + after: true,
		before + "http2: Transport received Server's graceful shutdown GOAWAY" + after:         true,
		before + "stream error: stream ID 1; PROTOCOL_ERROR; received from peer" + after:       false,
		before + "stream error: stream ID ; REFUSED_STREAM; received from peer" + after:        false,
		before + "stream error: stream ID 1; REFUSED_STREAM" + after:                           false,
		before + "stream error: stream ID 1; REFUSED_STREAM; received from peer" + after + ".": false,
		"x" + before + "http2: Transport received Server's graceful shutdown GOAWAY" + after:   false,
		"stream error: stream ID 1; REFUSED_STREAM; received from peer":                        false,
		"http2: Transport received Server's graceful shutdown GOAWAY":                          false,
		"http: server closed idle connection ":                                                 false,
		before + after:                                                                         false,
	} {
		failure := fail(t, errors.New(text), func(c *httptrace.ClientTrace) {
			c.GetConn("")
			c.GotConn(httptrace.GotConnInfo{})
			c.WroteHeaders()
		})
		require.Equal(t, want, failure.NotSent, text)
		require.Equal(t, want, failure.Unprocessed, text)
	}
}

func TestARequestIsStoppedBeforeItGoesOutASecondTime(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	ended := false
	_, err := do(t, &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(r.Context())
		trace.GotConn(httptrace.GotConnInfo{Conn: near})
		trace.WroteHeaders()
		require.NoError(t, r.Context().Err())
		trace.GotConn(httptrace.GotConnInfo{Conn: near})
		ended = r.Context().Err() != nil
		_, err := near.Write([]byte("GET"))
		require.Error(t, err, "the connection refuses to write")
		return nil, r.Context().Err()
	})}, 1<<20)
	require.True(t, ended)
	require.NotErrorIs(t, err, context.Canceled, "the caller did not cancel")
	require.EqualError(t, err, "the connection failed after the request was sent")
}

// standIn is what a transport shows as its connection if that is no net.Conn.
type standIn struct{ net.Conn }

func (standIn) SetWriteDeadline(time.Time) error { panic("not a connection") }

func TestARequestIsStoppedEvenIfTheConnectionIsAStandIn(t *testing.T) {
	for _, conn := range []net.Conn{nil, standIn{}} {
		failure := fail(t, io.EOF, func(trace *httptrace.ClientTrace) {
			trace.GotConn(httptrace.GotConnInfo{Conn: conn})
			trace.WroteHeaders()
			trace.GotConn(httptrace.GotConnInfo{Conn: conn})
		})
		require.EqualError(t, failure, "the connection failed after the request was sent")
		require.False(t, failure.NotSent)
	}
}

func TestTheReplyToAStoppedRequestIsClosed(t *testing.T) {
	for name, sent := range map[string]func(*httptrace.ClientTrace){
		"wrote the headers":             func(c *httptrace.ClientTrace) { c.WroteHeaders() },
		"got a reply while it wrote it": func(c *httptrace.ClientTrace) { c.GotFirstResponseByte() },
	} {
		t.Run(name, func(t *testing.T) {
			body := &countedBody{Reader: strings.NewReader("{}")}
			_, err := do(t, &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				trace := httptrace.ContextClientTrace(r.Context())
				trace.GotConn(httptrace.GotConnInfo{})
				sent(trace)
				trace.GotConn(httptrace.GotConnInfo{})
				return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
			})}, 1<<20)
			require.EqualError(t, err, "the connection failed after the request was sent")
			require.Equal(t, 1, body.closed)
			require.Zero(t, body.read)
		})
	}
}

func TestATraceOfTheCallerKeepsItsEvents(t *testing.T) {
	called := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(string) { called++ }})
	client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(r.Context()).GetConn("")
		return nil, io.EOF
	})}
	_, err := roundtrip.Send(ctx, client, roundtrip.Request{Method: http.MethodGet, URL: target, Timeout: time.Minute})
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 1, called)
}

func TestTheLibrarysTransportReportsItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan struct{})
		defer close(answered)
		hangs := func(context.Context, string, string) (net.Conn, error) {
			<-answered
			return nil, net.ErrClosed
		}
		silent := func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			return near, nil
		}
		unwritable := func(context.Context, string, string) (net.Conn, error) {
			near, _ := net.Pipe()
			return near, nil
		}
		for name, row := range map[string]struct {
			dial    owntransport.DialFunc
			notSent bool
		}{
			"no connection":              {hangs, true},
			"no reply":                   {silent, false},
			"a connection takes no byte": {unwritable, true},
		} {
			client := &http.Client{Transport: owntransport.New(row.dial)}
			_, err := do(t, client, 1<<20)
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			failure, ok := errors.AsType[*roundtrip.Error](err)
			require.True(t, ok)
			require.Equal(t, row.notSent, failure.NotSent, name)
			client.CloseIdleConnections()
		}
	})
}

func TestARequestCannotBeRewound(t *testing.T) {
	for _, row := range []struct {
		method  string
		body    []byte
		hasBody bool
	}{
		{http.MethodPost, nil, true},
		{http.MethodPost, []byte("{}"), true},
		{http.MethodPut, []byte("{}"), true},
		{http.MethodPut, nil, false},
		{http.MethodGet, nil, false},
		{http.MethodDelete, nil, false},
	} {
		var sent *http.Request
		client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			sent = r
			return nil, io.EOF
		})}
		asked := roundtrip.Request{Method: row.method, URL: target, Body: row.body, Timeout: time.Minute}
		_, err := roundtrip.Send(t.Context(), client, asked)
		require.ErrorIs(t, err, io.EOF)
		require.Nil(t, sent.GetBody)
		require.Equal(t, row.hasBody, sent.Body != nil)
		require.NotEqual(t, http.NoBody, sent.Body)
		require.EqualValues(t, len(row.body), sent.ContentLength)
		require.Equal(t, target, *sent.URL)
		require.NotSame(t, &target, sent.URL)
	}
}
