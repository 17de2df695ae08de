package endpointtest

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func TestTheLargestMaxResponseSizeIsAccepted(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	_, err := server.Client(t, coviu.WithMaxResponseSize(math.MaxInt64)).Sessions.List(t.Context(), nil)
	require.NoError(t, err)
}

func TestTheLastTimeoutOptionWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		client := func(timeout time.Duration) coviu.Option {
			return coviu.WithHTTPClient(&http.Client{Transport: server.Transport(), Timeout: timeout})
		}
		once := coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1})
		for _, opts := range [][]coviu.Option{
			{client(time.Second), client(0)},
			{coviu.WithAttemptTimeout(5 * time.Second), client(0)},
			{client(time.Second), coviu.WithAttemptTimeout(5 * time.Second)},
		} {
			c := server.Client(t, append(opts, once)...)
			server.Fail("GET /sessions", coviutest.Delay(2*time.Second))
			_, err := c.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
		}
	})
}

func TestAnInvalidOptionIsRefused(t *testing.T) {
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
		{"token store", "token store", coviu.WithTokenStore(nil)},
		{"response hook", "response hook", coviu.WithResponseHook(nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := coviu.NewClient("key", "secret", c.opt)
			require.Nil(t, client)
			apitest.RequireInvalid(t, err, c.field)
			other, err := apitest.UnusedClient(t).As(apitest.UserToken(), c.opt)
			require.Nil(t, other)
			apitest.RequireInvalid(t, err, c.field)
		})
	}
}

func TestATokenAndATokenSourceExcludeEachOther(t *testing.T) {
	token, source := coviu.WithToken(apitest.UserToken()), coviu.WithTokenSource(oauth2.StaticTokenSource(apitest.UserToken()))
	for _, opts := range [][]coviu.Option{{token, source}, {source, token}} {
		_, err := coviu.NewClient("key", "secret", opts...)
		apitest.RequireInvalid(t, err, "token")
	}
	_, err := apitest.UnusedClient(t).As(apitest.UserToken(), source)
	apitest.RequireInvalid(t, err, "token")
	fromSource := apitest.UnusedClient(t, source)
	_, err = fromSource.As(apitest.UserToken())
	require.NoError(t, err, "the source is not taken over")
}

func TestTheLastOfTwoOptionsWins(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	var asked []string
	hook := func(name string) coviu.Option {
		return coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { asked = append(asked, name) })
	}
	c := api.Client(t,
		coviu.WithBaseURL("https://elsewhere.example.com"), coviu.WithBaseURL(api.URL),
		coviu.WithHTTPClient(apitest.UnusedHTTPClient(t)), coviu.WithHTTPClient(&http.Client{Transport: api.Transport}),
		coviu.WithUserAgent("first/1"), coviu.WithUserAgent("second/2"),
		coviu.WithToken(&oauth2.Token{AccessToken: "first"}), coviu.WithToken(&oauth2.Token{AccessToken: "second"}),
		coviu.WithMaxResponseSize(1), coviu.WithMaxResponseSize(1<<20),
		hook("first"), hook("second"))
	_, err := c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Len(t, api.Calls(), 1)
	sent := api.Calls()[0]
	require.Equal(t, "second/2 coviu-go-sdk/"+coviu.Version, sent.Header.Get("User-Agent"))
	require.Equal(t, "Bearer second", sent.Header.Get("Authorization"))
	require.Equal(t, []string{"second"}, asked)
}

func TestEveryRequestHasTheUserAgent(t *testing.T) {
	for product, want := range map[string]string{
		"":                      "coviu-go-sdk/0.1.0",
		"clinic/2.1":            "clinic/2.1 coviu-go-sdk/0.1.0",
		"clinic/2.1 (Zürich)":   "clinic/2.1 (Zürich) coviu-go-sdk/0.1.0",
		"  clinic/2.1\u00a0(x)": "clinic/2.1\u00a0(x) coviu-go-sdk/0.1.0",
	} {
		api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
		var opts []coviu.Option
		if product != "" {
			opts = append(opts, coviu.WithUserAgent(product))
		}
		c := api.Client(t, opts...)
		_, err := c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, []string{want}, api.TokenRequests()[0].Header["User-Agent"])
		require.Equal(t, []string{want}, api.Calls()[0].Header["User-Agent"])
	}
}

func TestTheCallersHTTPClientIsCopied(t *testing.T) {
	api := apitest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "pursued", Value: "yes", Path: "/"})
		apitest.Reply(200, apitest.Fixture(t, "session.json"))(w, r)
	})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	follow := func(*http.Request, []*http.Request) error { return nil }
	own := &http.Client{Transport: api.Transport, Jar: jar, CheckRedirect: follow, Timeout: time.Minute}
	c := api.Client(t, coviu.WithHTTPClient(own))
	for range 2 {
		_, err := c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err)
	}
	require.NotContains(t, api.Calls()[1].Header, "Cookie")
	require.Same(t, jar, own.Jar)
	require.Equal(t, time.Minute, own.Timeout)
	require.Equal(t, api.Transport, own.Transport)
	require.NotNil(t, own.CheckRedirect)
	require.NoError(t, own.CheckRedirect(nil, nil), "the caller's own still follows")

	own.Transport = apitest.UnusedHTTPClient(t).Transport
	_, err = c.Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err, "what the caller changes afterwards changes nothing")
}

func TestTheLibrarysTransportIsUsedByDefault(t *testing.T) {
	api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
	for name, opts := range map[string][]coviu.Option{
		"no client":        nil,
		"no transport":     {coviu.WithHTTPClient(&http.Client{})},
		"client of client": {coviu.WithHTTPClient(&http.Client{Timeout: time.Minute})},
	} {
		c, err := coviu.NewClient("key", "secret", append(opts, coviu.WithBaseURL(api.URL))...)
		require.NoError(t, err)
		_, err = c.Sessions.Get(t.Context(), "id", nil)
		require.NoError(t, err, name)
		c.CloseIdleConnections()
	}
	require.Len(t, api.Calls(), 3)
}

func TestAnAttemptTimesOut(t *testing.T) {
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
					api := apitest.NewInMemoryServer(t, func(w http.ResponseWriter, r *http.Request) {
						if stalls == "in the body" {
							_, _ = io.WriteString(w, `{"session_id":`)
							w.(http.Flusher).Flush()
						}
						<-r.Context().Done()
					})
					timed := coviu.WithHTTPClient(&http.Client{Transport: api.Transport, Timeout: 9 * time.Second})
					client := api.Client(t, append(c.opts(timed), coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))...)
					_, err := client.Token(t.Context())
					require.NoError(t, err)

					began := time.Now()
					session, err := client.Sessions.Get(t.Context(), "id", nil)
					require.Nil(t, session)
					require.Error(t, err)
					require.Equal(t, c.want, time.Since(began))
					require.Len(t, api.Calls(), 1)
				})
			})
		}
	}
}

func TestAReplyOverMaxResponseSizeIsRefused(t *testing.T) {
	body := apitest.Fixture(t, "session.json")
	api := apitest.NewServer(t, apitest.Reply(200, body))
	_, err := api.Client(t, coviu.WithMaxResponseSize(int64(len(body)))).Sessions.Get(t.Context(), "id", nil)
	require.NoError(t, err)
	session, err := api.Client(t, coviu.WithMaxResponseSize(int64(len(body)-1))).Sessions.Get(t.Context(), "id", nil)
	require.Nil(t, session)
	var unreadable *coviu.DecodeError
	require.ErrorAs(t, err, &unreadable)
	require.EqualError(t, err, "coviu: GET /sessions/{session_id}: 200 OK: unexpected response: reply larger than the limit")
	require.Len(t, api.Calls(), 2, "a reply that is too large is not asked for again")
}

func TestMaxAttemptsLimitsTheAttempts(t *testing.T) {
	for attempts, want := range map[int]int{0: 3, 1: 1, 5: 5} {
		synctest.Test(t, func(t *testing.T) {
			api := apitest.NewInMemoryServer(t, apitest.Reply(503, ""))
			c := api.Client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: attempts}))
			_, err := c.Sessions.Get(t.Context(), "id", nil)
			var refused *coviu.APIError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, want, refused.Attempts)
			require.Len(t, api.Calls(), want)
		})
	}
}

func TestRetriesWaitAsThePolicySays(t *testing.T) {
	longest := func(t *testing.T, p coviu.RetryPolicy, status int) (whole time.Duration) {
		for range 32 {
			synctest.Test(t, func(t *testing.T) {
				api := apitest.NewInMemoryServer(t, apitest.Reply(status, ""))
				c := api.Client(t, coviu.WithRetry(p))
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
