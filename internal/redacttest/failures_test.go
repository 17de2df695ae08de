package redacttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

type failingSource struct{ err error }

func (s failingSource) Token() (*oauth2.Token, error) { return nil, s.err }

func TestAnErrorOfATokenSourceHidesItsURL(t *testing.T) {
	cause := fmt.Errorf("asking: %w", &url.Error{Op: "Get", URL: "https://host/?secret=canary", Err: context.DeadlineExceeded})
	c, err := coviu.NewClient("", "", coviu.WithTokenSource(failingSource{cause}))
	require.NoError(t, err)
	_, err = c.Token(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	if found, ok := errors.AsType[net.Error](err); ok {
		require.NotContains(t, found.Error(), "canary")
	}
}

func TestATokenInPlaceOfAnErrorCodeIsNotPrinted(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	server.Fail("POST /auth/token", coviutest.Status(http.StatusBadRequest, nil, `{"error":"unknown token CANARY"}`))
	_, err := server.Client(t).Sessions.List(t.Context(), nil)
	require.ErrorIs(t, err, coviu.ErrAuthentication)
	require.NotContains(t, err.Error(), "CANARY")
	refused, ok := errors.AsType[*coviu.TokenError](err)
	require.True(t, ok)
	require.Equal(t, "unknown token CANARY", refused.Code)
}

func TestAnInvalidErrorCodeIsNotLogged(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, nil))
	log.Info("failed", slog.Any("err", &coviu.TokenError{Grant: "refresh_token", StatusCode: http.StatusBadRequest, Code: "Bearer CANARY"}))
	require.True(t, strings.Contains(lines.String(), "400") && !strings.Contains(lines.String(), "CANARY"))
}

// failure makes calls fail in a way that involves canary, and returns their errors.
type failure func(t *testing.T, canary string, log coviu.Option) []error

// allOf makes every kind of call with canary as ID, key, state, name and code, and
// returns the errors.
func allOf(t *testing.T, c *coviu.Client, canary string) (errs []error) {
	t.Helper()
	ctx := t.Context()
	for _, e := range apitest.Endpoints() {
		_, err := e.Call(ctx, c, canary)
		errs = append(errs, err)
	}
	booking := apitest.Booking()
	booking.SessionName = canary
	booking.Participants = []coviu.ParticipantCreationRequest{{DisplayName: canary, State: canary}}
	_, err := c.Sessions.Create(ctx, booking)
	errs = append(errs, err)
	_, err = c.Sessions.CreateOnce(ctx, canary, booking)
	errs = append(errs, err)
	_, err = c.Sessions.List(ctx, &coviu.SessionListOptions{State: canary})
	errs = append(errs, err)
	_, err = c.Exchange(ctx, canary)
	errs = append(errs, err)
	_, err = c.Token(ctx)
	errs = append(errs, err)
	for _, err := range c.Sessions.All(ctx, &coviu.SessionListOptions{State: canary, Prefetch: 2}) {
		errs = append(errs, err)
	}
	return errs
}

// answers is a failure in which every endpoint sends this raw reply and closes the
// connection.
func answers(reply func(canary string) string) failure {
	return func(t *testing.T, canary string, log coviu.Option) []error {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		for _, e := range apitest.Endpoints() {
			server.Fail(e.Operation, coviutest.Raw(reply(canary)).Always())
		}
		c := server.Client(t, log)
		errs := allOf(t, c, canary)
		server.Fail("POST /auth/token", coviutest.Raw(reply(canary)).Always())
		return append(errs, allOf(t, server.Client(t, log), canary)...)
	}
}

// breaks is a failure in which the transport returns this error.
func breaks(fault func(canary string) error) failure {
	return func(t *testing.T, canary string, log coviu.Option) []error {
		broken := coviu.WithHTTPClient(&http.Client{Transport: apitest.RoundTripFunc(func(*http.Request) (*http.Response, error) {
			return nil, fault(canary)
		})})
		c, err := coviu.NewClient(canary, canary, broken, log)
		require.NoError(t, err)
		withToken, err := coviu.NewClient(canary, canary, broken, log, coviu.WithToken(&oauth2.Token{AccessToken: canary}))
		require.NoError(t, err)
		return append(allOf(t, c, canary), allOf(t, withToken, canary)...)
	}
}

// configured is a failure that comes from a client option.
func configured(option func(canary string) coviu.Option) failure {
	return func(t *testing.T, canary string, log coviu.Option) []error {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		return allOf(t, server.Client(t, log, option(canary)), canary)
	}
}

var failures = map[string]failure{
	"status line":    answers(func(c string) string { return "HTTP/1.1 " + c + " OK\r\n\r\n" }),
	"protocol":       answers(func(c string) string { return c + "/1.1 200 OK\r\n\r\n" }),
	"no HTTP":        answers(func(c string) string { return c }),
	"header line":    answers(func(c string) string { return "HTTP/1.1 200 OK\r\n" + c + "\r\n\r\n" }),
	"header name":    answers(func(c string) string { return "HTTP/1.1 200 OK\r\nX " + c + ": 1\r\n\r\n" }),
	"header value":   answers(func(c string) string { return "HTTP/1.1 200 OK\r\nX: " + c + "\x00\r\n\r\n" }),
	"content length": answers(func(c string) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + c + "\r\n\r\n" }),
	"two lengths": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: " + c + "\r\n\r\n"
	}),
	"encoding": answers(func(c string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + c + "\r\n\r\n" }),
	"chunk":    answers(func(c string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + c + "\r\n\r\n" }),
	"trailer": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + c + "\r\n\r\n"
	}),
	"gzip": answers(func(c string) string { return "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + c }),
	"status text": answers(func(c string) string {
		return "HTTP/1.1 404 " + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"headers": answers(func(c string) string {
		return "HTTP/1.1 400 Bad\r\nX-Request-Id: " + c + "\r\nSet-Cookie: " + c + "\r\n\r\n"
	}),
	"retry after": answers(func(c string) string {
		return "HTTP/1.1 429 Slow\r\nRetry-After: " + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"redirect": answers(func(c string) string {
		return "HTTP/1.1 307 There\r\nLocation: https://" + c + ".example.com/" + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"bad redirect": answers(func(c string) string {
		return "HTTP/1.1 302 There\r\nLocation: http://[" + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"text": answers(func(c string) string { return "HTTP/1.1 400 Bad\r\n\r\n" + c }),
	"page": answers(func(c string) string { return "HTTP/1.1 200 OK\r\n\r\n<html>" + c }),
	"code": answers(func(c string) string {
		return "HTTP/1.1 400 Bad\r\n\r\n" + `{"x":"` + c + `","error":{"detail":"` + c + `"}}`
	}),
	"description": answers(func(c string) string { return "HTTP/1.1 503 No\r\n\r\n" + `{"errors":["` + c + `"]}` }),
	"field name": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":"s","participant_id":"p","` + c + `":tru}`
	}),
	"deep field name": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"content":[{"session_id":"s","x":{"` + c + `":[{"` + c + `":1e}]}}]}`
	}),
	"twice nested": answers(func(c string) string { return "HTTP/1.1 200 OK\r\n\r\n" + `{"` + c + `":` + strings.Repeat("[", 99) }),
	"date": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":"s","start_time":"` + c + `","deleted_at":"` + c + `"}`
	}),
	"number": answers(func(c string) string { return "HTTP/1.1 200 OK\r\n\r\n" + `{"content":[],"page":"` + c + `"}` }),
	"wrong type": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":["` + c + `"],"participant_id":{"` + c + `":1}}`
	}),
	"trailing garbage": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":"s","participant_id":"p","content":[],"ok":true} ` + c
	}),
	"cut": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + `{"access_token":"` + c
	}),
	"token": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"access_token":"` + c + ` ` + c + `","refresh_token":"` + c + `"}`
	}),
	"token of a type": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"access_token":["` + c + `"],"` + c + `":1}`
	}),
	"refused grant": answers(func(c string) string {
		return "HTTP/1.1 400 Bad\r\n\r\n" + `{"error":"invalid_grant","error_uri":"` + c + `"}`
	}),
	"description of the grant": func(t *testing.T, canary string, log coviu.Option) []error {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		server.Fail("POST /auth/token", coviutest.Status(400, nil, `{"error":"invalid_grant","error_description":"`+canary+`"}`).Always())
		c := server.Client(t, log)
		asUser := server.Client(t, log, coviu.WithToken(&oauth2.Token{RefreshToken: canary}))
		return append(allOf(t, c, canary), allOf(t, asUser, canary)...)
	},

	"transport error": breaks(func(c string) error { return errors.New(c) }),
	"url error":       breaks(func(c string) error { return &url.Error{Op: c, URL: c, Err: errors.New(c)} }),
	"nested url error": breaks(func(c string) error {
		return fmt.Errorf("%s: %w", c, &url.Error{Op: c, URL: c, Err: &url.Error{URL: c, Err: errors.New(c)}})
	}),
	"net error": breaks(func(c string) error {
		return &net.OpError{Op: c, Net: c, Addr: &net.UnixAddr{Name: c}, Err: errors.New(c)}
	}),
	"DNS error":        breaks(func(c string) error { return &net.DNSError{Err: c, Name: c, Server: c} }),
	"DNS not found":    breaks(func(c string) error { return &net.DNSError{Err: c, Name: c, Server: c, IsNotFound: true} }),
	"DNS timeout":      breaks(func(c string) error { return &net.DNSError{Err: c, Name: c, Server: c, IsTimeout: true} }),
	"canceled":         breaks(func(c string) error { return fmt.Errorf("%s: %w", c, context.Canceled) }),
	"deadline":         breaks(func(c string) error { return fmt.Errorf("%s: %w", c, context.DeadlineExceeded) }),
	"handshake":        breaks(func(c string) error { return errors.New("tls: " + c) }),
	"oauth2 transport": breaks(apitest.RetrieveError),

	"token source": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) { return nil, errors.New(c) }))
	}),
	"token source that asks": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) { return nil, apitest.RetrieveError(c) }))
	}),
	"token source that wraps": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) {
			return nil, &url.Error{Op: c, URL: c, Err: fmt.Errorf("%s: %w", c, apitest.RetrieveError(c))}
		}))
	}),
	"token source that panics": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) { panic(c) }))
	}),
	"token of the source": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: c + "\n", RefreshToken: c}, nil
		}))
	}),
	"expired token of the source": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(apitest.TokenSourceFunc(func() (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: c, Expiry: time.Now().Add(-time.Hour)}, nil
		}))
	}),
	"token store": configured(func(c string) coviu.Option {
		return coviu.WithTokenStore(apitest.TokenStoreFunc(func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			return nil, errors.New(c)
		}))
	}),
	"token store that panics": configured(func(c string) coviu.Option {
		return coviu.WithTokenStore(apitest.TokenStoreFunc(func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			panic(c)
		}))
	}),
	"token of the store": configured(func(c string) coviu.Option {
		return coviu.WithTokenStore(apitest.TokenStoreFunc(func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: c + "\n", RefreshToken: c}, nil
		}))
	}),
	"hook that panics": configured(func(c string) coviu.Option {
		return coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { panic(errors.New(c)) })
	}),
	"user whose grant is dead": configured(func(c string) coviu.Option {
		return coviu.WithToken(&oauth2.Token{AccessToken: c, RefreshToken: c})
	}),

	"cause of the context": func(t *testing.T, canary string, log coviu.Option) (errs []error) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		server.Fail(coviutest.AnyOperation, coviutest.Hang().Always())
		c := server.Client(t, log, coviu.WithToken(&oauth2.Token{AccessToken: canary}))
		for _, e := range apitest.Endpoints() {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errors.New(canary)) })
			_, err := e.Call(ctx, c, canary)
			errs = append(errs, err)
			ctx, stop := context.WithTimeoutCause(t.Context(), time.Second, errors.New(canary))
			_, err = e.Call(ctx, c, canary)
			stop()
			errs = append(errs, err)
		}
		return errs
	},
	"bookings that have the key": func(t *testing.T, canary string, log coviu.Option) (errs []error) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		c := server.Client(t, log)
		at := time.Now().Add(time.Hour)
		booking := &coviu.SessionCreationRequest{
			SessionName: canary, StartTime: at, EndTime: at.Add(time.Hour),
			Participants: []coviu.ParticipantCreationRequest{{DisplayName: canary}},
		}
		once := func() {
			_, err := c.Sessions.CreateOnce(t.Context(), canary, booking)
			errs = append(errs, err)
		}
		once()
		booking.EndTime = at.Add(2 * time.Hour)
		once() // Other times.
		booking.Participants[0].State = canary
		_, err := c.Sessions.Create(t.Context(), booking)
		errs = append(errs, err)
		once() // Several.
		for _, s := range server.Sessions() {
			_, err := c.Sessions.Delete(t.Context(), s.SessionID)
			errs = append(errs, err)
		}
		once() // Only canceled ones.
		require.ErrorIs(t, errs[len(errs)-1], coviu.ErrPreviouslyCanceled)
		return errs
	},
	"bad input": func(t *testing.T, canary string, _ coviu.Option) (errs []error) {
		c := secretive(t, canary)
		bad := canary + "\xff"
		for _, e := range apitest.Endpoints() {
			if e.IDField != "" {
				_, err := e.Call(t.Context(), c, canary+"/")
				errs = append(errs, err)
			}
		}
		_, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{SessionName: bad, StartTime: apitest.Clock(9, 0), EndTime: apitest.Clock(10, 0)})
		errs = append(errs, err)
		_, err = c.Participants.Add(t.Context(), canary, &coviu.ParticipantCreationRequest{DisplayName: bad})
		errs = append(errs, err)
		_, err = c.Sessions.List(t.Context(), &coviu.SessionListOptions{State: bad})
		errs = append(errs, err)
		_, err = c.Sessions.CreateOnce(t.Context(), bad, apitest.Booking())
		errs = append(errs, err)
		_, err = c.Exchange(t.Context(), canary+"\n")
		errs = append(errs, err)
		for _, opt := range []coviu.Option{
			coviu.WithBaseURL("https://" + canary + ":" + canary + "@example.com"), coviu.WithBaseURL("https://example.com:" + canary),
			coviu.WithUserAgent(canary + "\n"), coviu.WithToken(&oauth2.Token{AccessToken: canary + "\n"}),
		} {
			_, err := coviu.NewClient("key", "secret", opt)
			errs = append(errs, err)
		}
		_, err = coviu.NewClient(canary+":", canary)
		return append(errs, err)
	},
}

// attempts matches the number of attempts in an error text. It varies, because pages
// that are prefetched share the retry budget.
var attempts = regexp.MustCompile(` \(\d+ attempts\)`)

func TestFault55_CanariesInEveryFailure(t *testing.T) {
	t.Parallel()
	changesNothing := map[string]bool{"hook that panics": true}
	var linesLogged atomic.Int64
	t.Cleanup(func() { require.NotZero(t, linesLogged.Load()) })
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts [2][]string
			for i, canary := range canaries {
				synctest.Test(t, func(t *testing.T) {
					var lines bytes.Buffer
					log := coviu.WithLogger(slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
					failed := map[string]bool{}
					for _, err := range fail(t, canary, log) {
						if err == nil {
							continue
						}
						// The ten endpoints fail alike: print only one error of each type in all formats.
						types := fmt.Sprintf("%T %T", err, errors.Unwrap(err))
						if failed[types] {
							texts[i] = append(texts[i], apitest.PrintedAs(err, []string{"%v", "%+v", "%#v", "%q", "%d"})...)
							continue
						}
						failed[types] = true
						texts[i] = append(texts[i], apitest.Printed(err)...)
					}
					require.True(t, len(failed) > 0 || changesNothing[name])
					synctest.Wait()
					apitest.RequireNoCanary(t, lines.String())
					linesLogged.Add(int64(lines.Len()))
				})
			}
			apitest.RequireNoCanary(t, texts[0]...)
			require.Len(t, texts[1], len(texts[0]))
			for i, text := range texts[0] {
				if other := texts[1][i]; other != text {
					require.Equal(t, attempts.ReplaceAllString(other, ""), attempts.ReplaceAllString(text, ""), "a text depends on a secret")
				}
			}
		})
	}
}
