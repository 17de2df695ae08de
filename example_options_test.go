package coviu_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// One line for each attempt, at debug level. Here the handler leaves out what
// differs from run to run.
func ExampleWithLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level:       slog.LevelDebug,
		ReplaceAttr: dropVarying,
	}))
	client, server := connect(
		coviu.WithLogger(logger),
		coviu.WithRetry(coviu.RetryPolicy{BaseDelay: time.Millisecond}),
	)
	defer server.Close()
	server.Fail("GET /sessions", coviutest.Unavailable())

	if _, err := client.Sessions.List(context.Background(), nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// level=DEBUG msg="coviu: attempt" operation="POST /auth/token" attempt=1 status=200
	// level=DEBUG msg="coviu: attempt" operation="GET /sessions" attempt=1 status=503
	// level=DEBUG msg="coviu: attempt" operation="GET /sessions" attempt=2 status=200
}

func dropVarying(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey, "duration", "bytes":
		return slog.Attr{}
	}
	return a
}

// Count each request, those for tokens and each retry included.
func ExampleWithMiddleware() {
	requests := 0
	count := func(next http.RoundTripper) http.RoundTripper {
		return transportFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			return next.RoundTrip(req)
		})
	}
	server := coviutest.NewServer()
	defer server.Close()

	client, err := coviu.NewClient(server.APIKey, server.KeySecret,
		coviu.WithBaseURL(server.URL),
		coviu.WithMiddleware(count),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	_, err = client.Sessions.List(context.Background(), nil)
	fmt.Println(err, requests) // one for the token, one for the list
	// Output: <nil> 2
}

// Rates, errors and durations of the calls. The status class and the route are
// good labels: there are few of them, and they name nobody.
func ExampleWithResponseHook() {
	record := func(_ context.Context, info coviu.ResponseInfo) {
		fmt.Printf("%s %dxx attempts=%d failed=%t timed=%t\n",
			info.Operation, info.StatusCode/100, info.Attempts, info.Err != nil, info.Duration > 0)
	}
	client, server := connect(coviu.WithResponseHook(record))
	defer server.Close()
	ctx := context.Background()

	_, _ = client.Sessions.List(ctx, nil)
	_, _ = client.Sessions.Get(ctx, "no-such-session", nil)
	// Output:
	// POST /auth/token 2xx attempts=1 failed=false timed=true
	// GET /sessions 2xx attempts=1 failed=false timed=true
	// GET /sessions/{session_id} 4xx attempts=1 failed=true timed=true
}

// A service that has to answer quickly itself: one try, and no long waits.
func ExampleWithRetry() {
	client, server := connect(
		coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}),
		coviu.WithAttemptTimeout(2*time.Second),
	)
	defer server.Close()
	server.Fail("GET /sessions", coviutest.Unavailable())

	_, err := client.Sessions.List(context.Background(), nil)
	fmt.Println(errors.Is(err, coviu.ErrServer), server.Count("GET /sessions"))
	// Output: true 1
}

// A transport of one's own: a proxy, a private CA, or instrumentation. The client
// is copied, and follows no redirect whatever it says.
func ExampleWithHTTPClient() {
	server := coviutest.NewServer()
	defer server.Close()
	requests := 0
	counting := transportFunc(func(req *http.Request) (*http.Response, error) {
		requests++
		return server.Transport().RoundTrip(req)
	})

	client, err := coviu.NewClient(server.APIKey, server.KeySecret,
		coviu.WithBaseURL(server.URL),
		coviu.WithHTTPClient(&http.Client{Transport: counting}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Sessions.List(context.Background(), nil)
	fmt.Println(err, requests) // one for the token, one for the list
	// Output: <nil> 2
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func ExampleWithUserAgent() {
	client, server := connect(coviu.WithUserAgent("clinic/2.1"))
	defer server.Close()

	if _, err := client.Sessions.List(context.Background(), nil); err != nil {
		fmt.Println(err)
	}
	requests := server.Requests()
	fmt.Println(requests[len(requests)-1].Header.Get("User-Agent"))
	// Output: clinic/2.1 coviu-go-sdk/0.1.0
}

func ExampleWithMaxResponseSize() {
	client, server := connect(coviu.WithMaxResponseSize(64))
	defer server.Close()
	booked(server)

	_, err := client.Sessions.List(context.Background(), nil)
	fmt.Println(errors.Is(err, coviu.ErrUnexpectedResponse))
	// Output: true
}

// For servers that read no other dates than RFC 1123.
func ExampleWithRFC1123Dates() {
	client, server := connect(coviu.WithRFC1123Dates())
	defer server.Close()

	_, err := client.Sessions.List(context.Background(), &coviu.SessionListOptions{StartTime: three})
	requests := server.Requests()
	fmt.Println(err, requests[len(requests)-1].Query.Get("start_time"))
	// Output: <nil> Mon, 02 Mar 2026 15:00:00 GMT
}
