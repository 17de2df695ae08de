package roundtrip_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/roundtrip"
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

func ask(t testing.TB, status int, body *countedBody, length, limit int64) *roundtrip.Reply {
	t.Helper()
	reply, err := do(t, replying(status, body, length), limit)
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
	_, err := do(t, nothing, 1<<20)
	require.Error(t, err)

	bodyless := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent, Request: r}, nil
	})}
	reply, err := do(t, bodyless, 1<<20)
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
		reply, err := do(t, client, 1<<20)
		require.NoError(t, err)
		require.Equal(t, http.StatusFound, reply.Status)
		require.Equal(t, 1, asked)
		reply.Release()
	}
}

var target = url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: "/v1/sessions/" + canary, RawQuery: "state=" + canary}

func do(t testing.TB, client *http.Client, limit int64) (roundtrip.Reply, error) {
	t.Helper()
	return roundtrip.Send(t.Context(), client, roundtrip.Request{
		Method: http.MethodGet, URL: target, Header: http.Header{}, Timeout: time.Minute, Limit: limit,
	})
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
			require.ErrorIs(t, reply.Fault, roundtrip.ErrTooLarge)
			require.EqualValues(t, limit+1, body.read, "no more is read than tells that it is too large")
			require.Equal(t, 1, body.closed)
			reply.Release()
		}
	}
}

func TestReadingAllocatesAtMostThreeTimesTheLimit(t *testing.T) {
	for _, limit := range []int64{1, 5000, 100 << 10, 600 << 10, 1 << 20, 8<<20 - 1, 8 << 20, 8<<20 + 1, 20 << 20} {
		for _, length := range []int64{-1, 1, limit / 2, limit + 1, 10 << 30} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			reply := ask(t, http.StatusOK, &countedBody{Reader: endless{}}, length, limit)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, reply.Fault, roundtrip.ErrTooLarge)
			// A few KB for the request and the reply come on top.
			require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(3*limit+8<<10), "limit %d, length %d", limit, length)
		}
	}
}

func TestTheBufferOfAGiantReplyIsNotUsedAgain(t *testing.T) {
	for range 50 {
		for _, size := range []int{100 << 10, 3 << 20} {
			reply := ask(t, http.StatusOK, &countedBody{Reader: bytes.NewReader(make([]byte, size))}, -1, 8<<20)
			require.Len(t, reply.Body, size)
			reply.Release()
			reply = ask(t, http.StatusOK, &countedBody{Reader: strings.NewReader("{}")}, 2, 8<<20)
			require.LessOrEqual(t, cap(reply.Body), 1<<20, "after a reply of %d bytes", size)
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
		require.ErrorIs(t, reply.Fault, roundtrip.ErrTruncated)
		require.ErrorIs(t, reply.Fault, cause)
		require.NotErrorIs(t, reply.Fault, roundtrip.ErrTooLarge)
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
		{&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, "the proxy failed: connection refused", false},
		{context.DeadlineExceeded, "timed out", false},
		{context.Canceled, "context canceled", false},
		{io.EOF, "connection closed before a reply", false},
		{io.ErrUnexpectedEOF, "connection closed before a reply", false},
		{tls.RecordHeaderError{Msg: canary}, "TLS handshake failed", true},
		{tls.AlertError(70), "TLS handshake failed", true},
	}
	for _, row := range rows {
		client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, row.cause })}
		reply, err := do(t, client, 1<<20)
		require.Zero(t, reply)
		fault, ok := errors.AsType[*roundtrip.Error](err)
		require.True(t, ok)
		require.Equal(t, row.text, err.Error())
		require.Equal(t, row.lasting, fault.Permanent, row.text)
		require.ErrorIs(t, err, row.cause)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err), canary)
		_, ok = errors.AsType[*url.Error](err)
		require.False(t, ok)
	}
}

func TestACertificatesFaultIsQuoted(t *testing.T) {
	cause := &tls.CertificateVerificationError{Err: errors.New("certificate has expired")}
	client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, cause })}
	_, err := do(t, client, 1<<20)
	require.ErrorContains(t, err, "certificate has expired")
	fault, ok := errors.AsType[*roundtrip.Error](err)
	require.True(t, ok)
	require.True(t, fault.Permanent)
	_, ok = errors.AsType[*tls.CertificateVerificationError](err)
	require.True(t, ok)
}

func BenchmarkDo(b *testing.B) {
	text := bytes.Repeat([]byte("a"), 16<<10)
	reader := bytes.NewReader(text)
	client := replying(http.StatusOK, io.NopCloser(reader), int64(len(text)))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		reader.Reset(text)
		reply, err := do(b, client, 8<<20)
		if err != nil {
			b.Fatal(err)
		}
		reply.Release()
	}
}
