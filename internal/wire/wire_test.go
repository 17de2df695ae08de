package wire_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/wire"
)

const (
	canary      = "canary-7f3a"
	errorLimit  = 64 << 10
	drainedMore = 256 << 10
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// countedBody tells how much of it was read, and how often it was closed.
type countedBody struct {
	io.Reader
	read, closed int
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

func (b *countedBody) Close() error {
	b.closed++
	return nil
}

func ask(t testing.TB, status int, body *countedBody, length, limit int64) *wire.Reply {
	t.Helper()
	reply, err := wire.Do(replying(status, body, length), request(t), limit)
	require.NoError(t, err)
	return &reply
}

func replying(status int, body io.ReadCloser, length int64) *http.Client {
	return &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"X-Request-Id": {"77"}},
			Body: body, ContentLength: length, Request: r,
		}, nil
	})}
}

func TestATransportThatReturnsNothingAtAll(t *testing.T) {
	nothing := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, nil })}
	_, err := wire.Do(nothing, request(t), 1<<20)
	require.Error(t, err)

	bodyless := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent, Request: r}, nil
	})}
	reply, err := wire.Do(bodyless, request(t), 1<<20)
	require.NoError(t, err)
	require.True(t, reply.OK())
	require.Empty(t, reply.Body)
	reply.Release()
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, location := range []string{"https://elsewhere.example.test/", "%zz", "", "/v1/sessions"} {
		asked := 0
		client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			asked++
			return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {location}}, Body: http.NoBody, Request: r}, nil
		})}
		reply, err := wire.Do(client, request(t), 1<<20)
		require.NoError(t, err)
		require.Equal(t, http.StatusFound, reply.Status)
		require.Equal(t, 1, asked)
		reply.Release()
	}
}

func request(t testing.TB) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/v1/sessions/"+canary+"?state="+canary, nil)
	require.NoError(t, err)
	return r
}

func TestAReplyIsReadWhole(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 512 << 10, 512<<10 + 1, 1 << 20, 3 << 20} {
		for _, length := range []int64{int64(size), -1} {
			text := bytes.Repeat([]byte("a"), size)
			body := &countedBody{Reader: iotest.HalfReader(bytes.NewReader(text))}
			reply := ask(t, http.StatusOK, body, length, 4<<20)
			require.True(t, reply.OK())
			require.NoError(t, reply.Fault)
			require.True(t, bytes.Equal(text, reply.Body), "%d bytes", size)
			require.Equal(t, length, reply.Length)
			require.Equal(t, "77", reply.Header.Get("X-Request-Id"))
			require.NotNil(t, reply.Request)
			require.Equal(t, 1, body.closed)
			reply.Release()
			require.Nil(t, reply.Body)
			reply.Release()
		}
	}
}

func TestAReplyHasALimit(t *testing.T) {
	for _, limit := range []int64{1, 100, 4096, 1 << 20} {
		body := &countedBody{Reader: strings.NewReader(strings.Repeat("a", int(limit)))}
		reply := ask(t, http.StatusOK, body, -1, limit)
		require.NoError(t, reply.Fault, "exactly the limit")
		require.Len(t, reply.Body, int(limit))
		reply.Release()

		for _, length := range []int64{-1, limit + 1, 10 << 30} {
			body = &countedBody{Reader: endless{}}
			reply = ask(t, http.StatusOK, body, length, limit)
			require.ErrorIs(t, reply.Fault, wire.ErrTooLarge)
			require.EqualValues(t, limit+1, body.read, "no more is read than tells that it is too large")
			require.Equal(t, 1, body.closed)
			reply.Release()
		}
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestABufferIsNotMadeOnTheWordOfAHeader(t *testing.T) {
	body := &countedBody{Reader: strings.NewReader("{}")}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ask(t, http.StatusOK, body, 1<<30, 1<<31).Release()
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestARefusalsBodyIsCutAndDrained(t *testing.T) {
	for _, status := range []int{302, 400, 404, 503} {
		body := &countedBody{Reader: strings.NewReader(strings.Repeat("a", errorLimit))}
		reply := ask(t, status, body, -1, 1<<20)
		require.False(t, reply.OK())
		require.Len(t, reply.Body, errorLimit)
		reply.Release()

		body = &countedBody{Reader: strings.NewReader(strings.Repeat("a", errorLimit+drainedMore))}
		reply = ask(t, status, body, -1, 1)
		require.NoError(t, reply.Fault)
		require.Len(t, reply.Body, errorLimit)
		require.Equal(t, errorLimit+drainedMore, body.read, "drained, so that the connection can be used again")
		reply.Release()

		body = &countedBody{Reader: endless{}}
		ask(t, status, body, -1, 1<<20).Release()
		require.LessOrEqual(t, body.read, errorLimit+drainedMore+32<<10, "but not without end")
		require.Equal(t, 1, body.closed)

		body = &countedBody{Reader: io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF))}
		reply = ask(t, status, body, 100, 1<<20)
		require.NoError(t, reply.Fault, "the status says it all")
		require.Equal(t, "{", string(reply.Body))
		reply.Release()
	}
}

func TestACutReplyKeepsItsCause(t *testing.T) {
	for _, cause := range []error{io.ErrUnexpectedEOF, syscall.ECONNRESET, context.DeadlineExceeded, errors.New(canary)} {
		body := &countedBody{Reader: io.MultiReader(strings.NewReader(`{"a`), iotest.ErrReader(cause))}
		reply := ask(t, http.StatusOK, body, 100, 1<<20)
		require.ErrorIs(t, reply.Fault, wire.ErrCut)
		require.ErrorIs(t, reply.Fault, cause)
		require.NotErrorIs(t, reply.Fault, wire.ErrTooLarge)
		require.NotContains(t, fmt.Sprintf("%+v %#v", reply.Fault, reply.Fault), canary)
		require.Equal(t, 1, body.closed)
		reply.Release()
	}
}

func TestNoTwoRepliesShareABuffer(t *testing.T) {
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			for size := range 200 {
				want := strings.Repeat(string(rune('a'+i)), size*50)
				reply := ask(t, http.StatusOK, &countedBody{Reader: strings.NewReader(want)}, -1, 1<<20)
				if string(reply.Body) != want {
					t.Error("another reply's bytes")
				}
				reply.Release()
			}
		})
	}
	asking.Wait()
}

func TestFaultsAreDescribedWithoutWhatWasSent(t *testing.T) {
	rows := []struct {
		cause   error
		text    string
		lasting bool
	}{
		{errors.New("malformed HTTP response \"" + canary + "\""), "no readable reply", false},
		{&net.DNSError{Err: "no such host", Name: canary, Server: canary, IsNotFound: true}, "no address for the host: not found", true},
		{&net.DNSError{Err: canary, Name: canary, IsTimeout: true}, "no address for the host: timed out", false},
		{&net.DNSError{Err: canary, Name: canary}, "no address for the host: lookup failed", false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, syscall.ECONNREFUSED.Error(), false},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, syscall.ECONNRESET.Error(), false},
		{context.DeadlineExceeded, "timed out", false},
		{context.Canceled, "context canceled", false},
		{io.EOF, "connection closed before a reply", false},
		{io.ErrUnexpectedEOF, "connection closed before a reply", false},
		{tls.RecordHeaderError{Msg: canary}, "TLS handshake failed", true},
		{tls.AlertError(70), "TLS handshake failed", true},
	}
	for _, row := range rows {
		client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, row.cause })}
		reply, err := wire.Do(client, request(t), 1<<20)
		require.Zero(t, reply)
		fault, ok := errors.AsType[*wire.Error](err)
		require.True(t, ok)
		require.Equal(t, row.text, err.Error())
		require.Equal(t, row.lasting, fault.Lasting, row.text)
		require.ErrorIs(t, err, row.cause)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err), canary)
		_, ok = errors.AsType[*url.Error](err)
		require.False(t, ok)
	}
}

func TestACertificatesFaultIsQuoted(t *testing.T) {
	cause := &tls.CertificateVerificationError{Err: errors.New("certificate has expired")}
	client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, cause })}
	_, err := wire.Do(client, request(t), 1<<20)
	require.ErrorContains(t, err, "certificate has expired")
	fault, ok := errors.AsType[*wire.Error](err)
	require.True(t, ok)
	require.True(t, fault.Lasting)
	_, ok = errors.AsType[*tls.CertificateVerificationError](err)
	require.True(t, ok)
}

func TestOnlyAConnectionThatNeverCameProvesThatNothingWasSent(t *testing.T) {
	rows := []struct {
		name   string
		events func(*httptrace.ClientTrace)
		unsent bool
	}{
		{"no events", func(*httptrace.ClientTrace) {}, false},
		{"looked for a connection", func(c *httptrace.ClientTrace) { c.GetConn("") }, true},
		{"was given one", func(c *httptrace.ClientTrace) {
			c.GetConn("")
			c.GotConn(httptrace.GotConnInfo{})
		}, false},
		{"looked for another after one that may have taken it", func(c *httptrace.ClientTrace) {
			c.GetConn("")
			c.GotConn(httptrace.GotConnInfo{})
			c.GetConn("")
		}, false},
	}
	for _, row := range rows {
		var trace wire.Trace
		row.events(httptrace.ContextClientTrace(trace.Watch(t.Context())))
		require.Equal(t, row.unsent, trace.Unsent(), row.name)
	}
}

func TestATraceOfTheCallersStaysInPlace(t *testing.T) {
	called := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(string) { called++ }})
	var trace wire.Trace
	httptrace.ContextClientTrace(trace.Watch(ctx)).GetConn("")
	require.True(t, trace.Unsent())
	require.Equal(t, 1, called)
}

func TestATransportOfTheLibraryIsTraced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan struct{})
		defer close(answered)
		hung := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			<-answered
			return nil, net.ErrClosed
		}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var trace wire.Trace
		_, err := wire.Do(hung, request(t).WithContext(trace.Watch(ctx)), 1<<20)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, trace.Unsent())

		silent := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			return near, nil
		}}}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = wire.Do(silent, request(t).WithContext(trace.Watch(ctx)), 1<<20)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, trace.Unsent())
	})
}

func BenchmarkDo(b *testing.B) {
	text := bytes.Repeat([]byte("a"), 16<<10)
	reader := bytes.NewReader(text)
	client, req := replying(http.StatusOK, io.NopCloser(reader), int64(len(text))), request(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		reader.Reset(text)
		reply, err := wire.Do(client, req, 8<<20)
		if err != nil {
			b.Fatal(err)
		}
		reply.Release()
	}
}
