package coviu_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

func userGrant() *oauth2.Token {
	return &oauth2.Token{AccessToken: "user-access", RefreshToken: "user-refresh"}
}

func TestFault03_BaseURLThatGivesSecretsAway(t *testing.T) {
	for name, raw := range map[string]string{
		"http to a host":               "http://canary.example.com/v1",
		"http to an address":           "http://192.0.2.1/canary",
		"http to a name like loopback": "http://localhost.canary.example.com",
		"http to an address like it":   "http://127.0.0.1.canary.example.com",
		"http to everywhere":           "http://0.0.0.0/canary",
		"http to a numeric address":    "http://2130706433/canary",
		"user info":                    "https://canary:canary@example.com/v1",
		"user":                         "https://canary@example.com/v1",
		"no user but its mark":         "https://@canary.example.com/v1",
		"query":                        "https://example.com/v1?canary=1",
		"empty query":                  "https://example.com/canary?",
		"fragment":                     "https://example.com/v1#canary",
		"empty fragment":               "https://example.com/canary#",
		"no host":                      "https:///canary",
		"no host but a port":           "https://:443/canary",
		"no scheme":                    "canary.example.com/v1",
		"no scheme but a slash":        "//canary.example.com/v1",
		"other scheme":                 "ftp://canary.example.com/v1",
		"opaque":                       "https:canary",
		"not a URL":                    "https://canary.example.com:port/",
		"control character":            "https://canary.example.com/\r\n",
		"bad escape":                   "https://example.com/canary%zz",
		"blank":                        " https://canary.example.com",
		"empty":                        "",
	} {
		t.Run(name, func(t *testing.T) {
			opts := []coviu.Option{coviu.WithHTTPClient(untouched(t)), coviu.WithBaseURL(raw)}
			c, err := coviu.NewClient("key", "secret", opts...)
			requireNothing(t, c)
			requireInvalid(t, err, "base URL")
			require.NotContains(t, err.Error(), "canary")
			if strings.HasPrefix(name, "http to") {
				_, err = coviu.NewClient("key", "secret", append(opts, coviu.WithInsecureHTTP())...)
				require.NoError(t, err)
				return
			}
			_, err = coviu.NewClient("key", "secret", append(opts, coviu.WithInsecureHTTP())...)
			requireInvalid(t, err, "base URL")
		})
	}
	for _, raw := range []string{
		"https://example.com", "https://example.com:8443/v1/", "http://localhost:8080/v1", "http://127.0.0.1/v1",
		"http://127.8.8.8", "http://[::1]:9/v1", "HTTPS://EXAMPLE.COM/v1",
	} {
		_, err := coviu.NewClient("key", "secret", coviu.WithBaseURL(raw))
		require.NoError(t, err, raw)
	}
}

func TestFault04_CredentialsThatBasicCantCarry(t *testing.T) {
	for _, c := range []struct{ name, key, secret, field string }{
		{"no key", "", "canary", "API key"},
		{"no secret", "canary", "", "key secret"},
		{"neither", "", "", "API key"},
		{"key with a colon", "can:ary", "secret", "API key"},
		{"key with CR", "canary\r", "secret", "API key"},
		{"key with LF", "canary\nX-Header: canary", "secret", "API key"},
		{"key with NUL", "canary\x00", "secret", "API key"},
		{"key with DEL", "canary\x7f", "secret", "API key"},
		{"secret with CR", "key", "canary\r", "key secret"},
		{"secret with LF", "key", "\ncanary", "key secret"},
		{"secret with NUL", "key", "can\x00ary", "key secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := coviu.NewClient(c.key, c.secret, coviu.WithHTTPClient(untouched(t)))
			requireNothing(t, client)
			requireInvalid(t, err, c.field)
			require.NotContains(t, strings.ToLower(fmt.Sprintf("%v %+v %#v %q", err, err, err, err)), "can")
			_, err = coviu.NewClient(c.key, c.secret, coviu.WithToken(userGrant()))
			requireInvalid(t, err, c.field)
		})
	}
	t.Run("a token source needs neither, but no half of them", func(t *testing.T) {
		source := coviu.WithTokenSource(oauth2.StaticTokenSource(userGrant()))
		_, err := coviu.NewClient("", "", source)
		require.NoError(t, err)
		_, err = coviu.NewClient("key", "", source)
		requireInvalid(t, err, "key secret")
		_, err = coviu.NewClient("", "secret", source)
		requireInvalid(t, err, "API key")
		_, err = coviu.NewClient("k:ey", "secret", source)
		requireInvalid(t, err, "API key")
	})
}

func TestAnOptionWithNothingInItIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, field string
		opt         coviu.Option
	}{
		{"nil option", "option", nil},
		{"base URL", "base URL", coviu.WithBaseURL("")},
		{"HTTP client", "HTTP client", coviu.WithHTTPClient(nil)},
		{"user agent", "user agent", coviu.WithUserAgent("")},
		{"user agent with LF", "user agent", coviu.WithUserAgent("clinic/1\nX-Header: 1")},
		{"user agent with DEL", "user agent", coviu.WithUserAgent("clinic\x7f")},
		{"logger", "logger", coviu.WithLogger(nil)},
		{"attempts", "MaxAttempts", coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: -1})},
		{"base delay", "BaseDelay", coviu.WithRetry(coviu.RetryPolicy{BaseDelay: -1})},
		{"long base delay", "BaseDelay", coviu.WithRetry(coviu.RetryPolicy{BaseDelay: time.Hour + 1})},
		{"longest delay", "MaxDelay", coviu.WithRetry(coviu.RetryPolicy{MaxDelay: -1})},
		{"longer longest delay", "MaxDelay", coviu.WithRetry(coviu.RetryPolicy{MaxDelay: time.Hour + 1})},
		{"attempt timeout", "attempt timeout", coviu.WithAttemptTimeout(0)},
		{"negative attempt timeout", "attempt timeout", coviu.WithAttemptTimeout(-1)},
		{"response size", "response size", coviu.WithMaxResponseSize(0)},
		{"negative response size", "response size", coviu.WithMaxResponseSize(-1)},
		{"token", "token", coviu.WithToken(nil)},
		{"empty token", "token", coviu.WithToken(&oauth2.Token{TokenType: "Bearer"})},
		{"token with LF", "token", coviu.WithToken(&oauth2.Token{AccessToken: "a\nb"})},
		{"token with a blank", "token", coviu.WithToken(&oauth2.Token{AccessToken: "a b"})},
		{"token beyond ASCII", "token", coviu.WithToken(&oauth2.Token{AccessToken: "ä"})},
		{"token source", "token source", coviu.WithTokenSource(nil)},
		{"token observer", "token observer", coviu.WithTokenObserver(nil)},
		{"response hook", "response hook", coviu.WithResponseHook(nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := coviu.NewClient("key", "secret", c.opt)
			requireNothing(t, client)
			requireInvalid(t, err, c.field)
			other, err := unsendingClient(t).As(userGrant(), c.opt)
			requireNothing(t, other)
			requireInvalid(t, err, c.field)
		})
	}
}

func TestATokenAndATokenSourceExcludeEachOther(t *testing.T) {
	token, source := coviu.WithToken(userGrant()), coviu.WithTokenSource(oauth2.StaticTokenSource(userGrant()))
	for _, opts := range [][]coviu.Option{{token, source}, {source, token}} {
		_, err := coviu.NewClient("key", "secret", opts...)
		requireInvalid(t, err, "token")
	}
	_, err := unsendingClient(t).As(userGrant(), source)
	requireInvalid(t, err, "token")
	fromSource := unsendingClient(t, source)
	_, err = fromSource.As(userGrant())
	require.NoError(t, err, "the source is not taken over")
}

func TestOfTwoOptionsTheLastWins(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	var asked []string
	hook := func(name string) coviu.Option {
		return coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { asked = append(asked, name) })
	}
	c := far.client(t,
		coviu.WithBaseURL("https://elsewhere.example.com"), coviu.WithBaseURL(far.URL),
		coviu.WithHTTPClient(untouched(t)), coviu.WithHTTPClient(&http.Client{Transport: far.transport}),
		coviu.WithUserAgent("first/1"), coviu.WithUserAgent("second/2"),
		coviu.WithToken(&oauth2.Token{AccessToken: "first"}), coviu.WithToken(&oauth2.Token{AccessToken: "second"}),
		coviu.WithMaxResponseSize(1), coviu.WithMaxResponseSize(1<<20),
		hook("first"), hook("second"))
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Len(t, far.received(), 1)
	sent := far.received()[0]
	require.Equal(t, "second/2 coviu-go-sdk/"+coviu.Version, sent.Header.Get("User-Agent"))
	require.Equal(t, "Bearer second", sent.Header.Get("Authorization"))
	require.Equal(t, []string{"second"}, asked)
}

func TestTheUserAgentStandsOnEveryRequest(t *testing.T) {
	for product, want := range map[string]string{
		"":                      "coviu-go-sdk/0.1.0",
		"clinic/2.1":            "clinic/2.1 coviu-go-sdk/0.1.0",
		"clinic/2.1 (Zürich)":   "clinic/2.1 (Zürich) coviu-go-sdk/0.1.0",
		"  clinic/2.1\u00a0(x)": "clinic/2.1\u00a0(x) coviu-go-sdk/0.1.0",
	} {
		far := onLoopback(t, says(200, fixture(t, "session.json")))
		var opts []coviu.Option
		if product != "" {
			opts = append(opts, coviu.WithUserAgent(product))
		}
		c := far.client(t, opts...)
		_, err := c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, []string{want}, far.tokenRequests()[0].Header["User-Agent"])
		require.Equal(t, []string{want}, far.received()[0].Header["User-Agent"])
	}
}

func TestTheCallersHTTPClientIsCopied(t *testing.T) {
	far := onLoopback(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "pursued", Value: "yes", Path: "/"})
		says(200, fixture(t, "session.json"))(w, r)
	})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	follow := func(*http.Request, []*http.Request) error { return nil }
	own := &http.Client{Transport: far.transport, Jar: jar, CheckRedirect: follow, Timeout: time.Minute}
	c := far.client(t, coviu.WithHTTPClient(own))
	for range 2 {
		_, err := c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)
	}
	require.NotContains(t, far.received()[1].Header, "Cookie")
	require.Same(t, jar, own.Jar)
	require.Equal(t, time.Minute, own.Timeout)
	require.Equal(t, far.transport, own.Transport)
	require.NotNil(t, own.CheckRedirect)
	require.NoError(t, own.CheckRedirect(nil, nil), "the caller's own still follows")

	own.Transport = untouched(t).Transport
	_, err = c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err, "what the caller changes afterwards changes nothing")
}

func TestANilTransportIsTheLibrarysOwn(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	for name, opts := range map[string][]coviu.Option{
		"no client":        nil,
		"no transport":     {coviu.WithHTTPClient(&http.Client{})},
		"client of client": {coviu.WithHTTPClient(&http.Client{Timeout: time.Minute})},
	} {
		c, err := coviu.NewClient("key", "secret", append(opts, coviu.WithBaseURL(far.URL))...)
		require.NoError(t, err)
		_, err = c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err, name)
		c.CloseIdleConnections()
	}
	require.Len(t, far.received(), 3)
}

func TestAnAttemptHasALimit(t *testing.T) {
	type options = []coviu.Option
	limit := coviu.WithAttemptTimeout
	for name, c := range map[string]struct {
		opts func(timed coviu.Option) options
		want time.Duration
	}{
		"by default":                   {func(coviu.Option) options { return nil }, 15 * time.Second},
		"as asked":                     {func(coviu.Option) options { return options{limit(7 * time.Second)} }, 7 * time.Second},
		"as the HTTP client's":         {func(timed coviu.Option) options { return options{timed} }, 9 * time.Second},
		"as asked last":                {func(timed coviu.Option) options { return options{timed, limit(3 * time.Second)} }, 3 * time.Second},
		"as the HTTP client's if last": {func(timed coviu.Option) options { return options{limit(3 * time.Second), timed} }, 9 * time.Second},
	} {
		for _, stalls := range []string{"before the reply", "in the body"} {
			t.Run(name+" "+stalls, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
						if stalls == "in the body" {
							_, _ = io.WriteString(w, `{"session_id":`)
							w.(http.Flusher).Flush()
						}
						<-r.Context().Done()
					})
					timed := coviu.WithHTTPClient(&http.Client{Transport: far.transport, Timeout: 9 * time.Second})
					client := far.client(t, append(c.opts(timed), coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))...)
					_, err := client.Token(t.Context())
					require.NoError(t, err)

					began := time.Now()
					session, err := client.Sessions.Get(t.Context(), "id", nil)
					requireNothing(t, session)
					require.Error(t, err)
					require.Equal(t, c.want, time.Since(began))
					require.Len(t, far.received(), 1)
				})
			})
		}
	}
}

func TestAReplyHasALargestSize(t *testing.T) {
	body := fixture(t, "session.json")
	far := onLoopback(t, says(200, body))
	_, err := far.client(t, coviu.WithMaxResponseSize(int64(len(body)))).Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	session, err := far.client(t, coviu.WithMaxResponseSize(int64(len(body)-1))).Sessions.Get(t.Context(), "id", nil)
	requireNothing(t, session)
	var unreadable *coviu.DecodeError
	require.ErrorAs(t, err, &unreadable)
	require.EqualError(t, err, "coviu: GET /sessions/{session_id}: 200 OK: unexpected response: reply larger than the limit")
	require.Len(t, far.received(), 2, "a reply that is too large is not asked for again")
}

func TestRetriesCanBeTurnedOff(t *testing.T) {
	for attempts, want := range map[int]int{0: 3, 1: 1, 5: 5} {
		synctest.Test(t, func(t *testing.T) {
			far := inMemory(t, says(503, ""))
			c := far.client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: attempts}))
			_, err := c.Sessions.Get(t.Context(), "id", nil)
			var refused *coviu.APIError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, want, refused.Attempts)
			require.Len(t, far.received(), want)
		})
	}
}

func TestTheDelaysOfThePolicyAreKept(t *testing.T) {
	longest := func(t *testing.T, p coviu.RetryPolicy, status int) (whole time.Duration) {
		for range 32 {
			synctest.Test(t, func(t *testing.T) {
				far := inMemory(t, says(status, ""))
				c := far.client(t, coviu.WithRetry(p))
				_, err := c.Token(t.Context())
				require.NoError(t, err)
				began := time.Now()
				_, err = c.Sessions.Get(t.Context(), "id", nil)
				require.Error(t, err)
				whole = max(whole, time.Since(began))
			})
		}
		return whole
	}
	for _, c := range []struct {
		policy      coviu.RetryPolicy
		status      int
		least, most time.Duration
	}{
		{coviu.RetryPolicy{}, 503, 150 * time.Millisecond, 300 * time.Millisecond},
		{coviu.RetryPolicy{}, 429, 1500 * time.Millisecond, 3 * time.Second},
		{coviu.RetryPolicy{BaseDelay: time.Second}, 503, 1500 * time.Millisecond, 3 * time.Second},
		{coviu.RetryPolicy{BaseDelay: time.Minute, MaxDelay: time.Second}, 503, time.Second, 2 * time.Second},
		{coviu.RetryPolicy{BaseDelay: time.Minute, MaxAttempts: 2}, 503, 10 * time.Second, 20 * time.Second},
	} {
		got := longest(t, c.policy, c.status)
		require.LessOrEqual(t, got, c.most, "%+v", c)
		require.GreaterOrEqual(t, got, c.least, "%+v: a longest of 32 runs", c)
	}
}
