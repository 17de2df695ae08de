package coviu_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// mountedAt is where the far side serves the API: not at the root, and not
// where the service itself has it.
const mountedAt = "/base/v1"

const (
	farKey    = "key-of-the-clinic"
	farSecret = "s+e/c=r%t&#@:x"
	farToken  = "access-token-of-the-clinic"
)

// received is a request as it arrived.
type received struct {
	Method, URI, Host string
	Header            http.Header
	Body              string
}

// farSide is a server that grants tokens and answers everything else as its
// handler says, and keeps what it was asked.
type farSide struct {
	URL       string
	transport http.RoundTripper
	answer    http.HandlerFunc
	// grant answers token requests in place of an ordinary grant.
	grant http.HandlerFunc

	mu            sync.Mutex
	tokens, calls []received
}

// onLoopback starts a far side behind a real socket.
func onLoopback(t *testing.T, answer http.HandlerFunc) *farSide {
	t.Helper()
	f := &farSide{answer: answer}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL + mountedAt
	f.transport = server.Client().Transport
	return f
}

// inMemory starts a far side for a bubble, where it ends with the test.
func inMemory(t *testing.T, answer http.HandlerFunc) *farSide {
	t.Helper()
	f := &farSide{answer: answer}
	server := coviutest.NewServer(coviutest.WithInMemory(),
		coviutest.WithMiddleware(func(http.Handler) http.Handler { return f }))
	t.Cleanup(server.Close)
	f.URL = strings.TrimSuffix(server.URL, "/v1") + mountedAt
	f.transport = server.Transport()
	return f
}

func (f *farSide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := received{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), Body: string(body)}
	asksForToken := strings.HasSuffix(r.URL.Path, "/auth/token")
	f.mu.Lock()
	if asksForToken {
		f.tokens = append(f.tokens, got)
	} else {
		f.calls = append(f.calls, got)
	}
	f.mu.Unlock()
	switch {
	case !asksForToken:
		f.answer(w, r)
	case f.grant != nil:
		f.grant(w, r)
	default:
		says(200, `{"access_token":"`+farToken+`","refresh_token":"r-1","expires_in":3600,"token_type":"Bearer"}`)(w, r)
	}
}

func (f *farSide) received() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *farSide) tokenRequests() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tokens)
}

// requests is how many requests arrived, those for tokens included.
func (f *farSide) requests() int { return len(f.received()) + len(f.tokenRequests()) }

func (f *farSide) client(t *testing.T, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	own := []coviu.Option{coviu.WithBaseURL(f.URL), coviu.WithHTTPClient(&http.Client{Transport: f.transport})}
	c, err := coviu.NewClient(farKey, farSecret, append(own, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// says answers with this status and body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;UTF-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// fixture is a reply out of testdata.
func fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(text)
}

// endpoint is one of the ten, with arguments that pass every check.
type endpoint struct {
	operation string
	// field names the argument that holds an id, empty where there is none.
	field string
	// reply is a fixture that the endpoint can read.
	reply string
	call  func(ctx context.Context, c *coviu.Client, id string) (any, error)
}

func (e endpoint) method() string {
	method, _, _ := strings.Cut(e.operation, " ")
	return method
}

func (e endpoint) isPOST() bool { return e.method() == http.MethodPost }

func tenEndpoints() []endpoint { return slices.Concat(sessionEndpoints(), participantEndpoints()) }

func sessionEndpoints() []endpoint {
	return []endpoint{
		{"POST /sessions", "", "session.json", func(ctx context.Context, c *coviu.Client, _ string) (any, error) {
			return c.Sessions.Create(ctx, bookingRequest())
		}},
		{"GET /sessions", "", "session_page.json", func(ctx context.Context, c *coviu.Client, _ string) (any, error) {
			return c.Sessions.List(ctx, nil)
		}},
		{"GET /sessions/{session_id}", "sessionID", "session.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Sessions.Get(ctx, id, nil)
		}},
		{"PUT /sessions/{session_id}", "sessionID", "session.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Sessions.Update(ctx, id, &coviu.SessionUpdateRequest{SessionName: new("n")})
		}},
		{"DELETE /sessions/{session_id}", "sessionID", "unit_ok.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Sessions.Delete(ctx, id)
		}},
	}
}

func participantEndpoints() []endpoint {
	return []endpoint{
		{"POST /sessions/{session_id}/participants", "sessionID", "participant.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Participants.Add(ctx, id, &coviu.ParticipantCreationRequest{})
		}},
		{"GET /sessions/{session_id}/participants", "sessionID", "participants_array.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Participants.List(ctx, id, nil)
		}},
		{"GET /participants/{participant_id}", "participantID", "participant.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Participants.Get(ctx, id)
		}},
		{"PUT /participants/{participant_id}", "participantID", "participant.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Participants.Update(ctx, id, &coviu.ParticipantUpdateRequest{State: new("s")})
		}},
		{"DELETE /participants/{participant_id}", "participantID", "unit_ok.json", func(ctx context.Context, c *coviu.Client, id string) (any, error) {
			return c.Participants.Delete(ctx, id)
		}},
	}
}

func bookingRequest() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{
		StartTime: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		EndTime:   time.Date(2026, 3, 2, 9, 25, 0, 0, time.UTC),
	}
}

// requireNothing checks that value is a nil pointer: no half-read model comes
// back beside an error.
func requireNothing(t *testing.T, value any) {
	t.Helper()
	require.Nil(t, value)
}

// sentExactly is one call of an endpoint and what has to arrive.
type sentExactly struct {
	name         string
	opts         []coviu.Option
	call         func(context.Context, *coviu.Client) (any, error)
	reply        string
	method, uri  string
	body         string
	want         any
	responseCode int
}

func (s sentExactly) run(t *testing.T) {
	status := s.responseCode
	if status == 0 {
		status = http.StatusOK
	}
	far := onLoopback(t, says(status, fixture(t, s.reply)))
	got, err := s.call(t.Context(), far.client(t, s.opts...))
	require.NoError(t, err)
	require.Equal(t, s.want, got)

	require.Len(t, far.tokenRequests(), 1)
	require.Len(t, far.received(), 1)
	sent := far.received()[0]
	assert.Equal(t, s.method, sent.Method)
	assert.Equal(t, mountedAt+s.uri, sent.URI)
	assert.Equal(t, s.body, sent.Body)
	assert.True(t, strings.HasPrefix(far.URL, "http://"+sent.Host+"/"), sent.Host)

	want := http.Header{
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip"},
		"Authorization":   {"Bearer " + farToken},
		"User-Agent":      {"coviu-go-sdk/" + coviu.Version},
	}
	if s.body != "" {
		want["Content-Type"] = []string{"application/json"}
		want["Content-Length"] = []string{fmt.Sprint(len(s.body))}
	}
	assert.Equal(t, want, sent.Header)
}

func TestTheServiceIsFoundWhereItLives(t *testing.T) {
	var asked []string
	c, err := coviu.NewClient(farKey, farSecret, coviu.WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Host)
		if strings.HasSuffix(r.URL.Path, "/auth/token") {
			return replyTo(r, 200, `{"access_token":"a"}`), nil
		}
		return replyTo(r, 200, `{"content":[]}`), nil
	})}))
	require.NoError(t, err)
	_, err = c.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{
		"POST https://api.coviu.com/v1/auth/token api.coviu.com",
		"GET https://api.coviu.com/v1/sessions api.coviu.com",
	}, asked)
	require.Equal(t, "https://api.coviu.com/v1", coviu.DefaultBaseURL)
}

func TestEveryPathIsBelowTheBaseURL(t *testing.T) {
	for _, c := range []struct{ base, prefix string }{
		{"", ""},
		{"/", ""},
		{"/v1/", "/v1"},
		{"/v1///", "/v1"},
		{"/a%2Fb/v1", "/a%2Fb/v1"},
		{"/a%20b", "/a%20b"},
		{"/%7Eclinic", "/%7Eclinic"},
	} {
		t.Run("base path "+c.base, func(t *testing.T) {
			far := onLoopback(t, says(200, `{"content":[],"session_id":"s","participant_id":"p","ok":true}`))
			client := far.client(t, coviu.WithBaseURL(strings.TrimSuffix(far.URL, mountedAt)+c.base))
			for _, e := range tenEndpoints() {
				_, err := e.call(t.Context(), client, "id-1")
				require.NoError(t, err, e.operation)
			}
			require.Equal(t, c.prefix+"/auth/token", far.tokenRequests()[0].URI)
			for i, e := range tenEndpoints() {
				path := strings.NewReplacer(e.method()+" ", "", "{session_id}", "id-1", "{participant_id}", "id-1").Replace(e.operation)
				require.Equal(t, c.prefix+path, far.received()[i].URI)
			}
		})
	}
}

func TestNoRequestEverAsksForAReplay(t *testing.T) {
	far := onLoopback(t, says(200, `{"content":[],"session_id":"s","participant_id":"p","ok":true}`))
	client := far.client(t)
	for _, e := range tenEndpoints() {
		_, err := e.call(t.Context(), client, "id-1")
		require.NoError(t, err, e.operation)
	}
	require.Len(t, far.received(), 10)
	for _, r := range slices.Concat(far.received(), far.tokenRequests()) {
		require.NotContains(t, r.Header, "Idempotency-Key")
		require.NotContains(t, r.Header, "X-Idempotency-Key")
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func replyTo(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

// untouched is a transport that must not be used.
func untouched(t *testing.T) *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s %s was sent", r.Method, r.URL.Path)
		return nil, errors.New("must not be used")
	})}
}

func unsendingClient(t *testing.T, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	c, err := coviu.NewClient("key", "secret", append([]coviu.Option{coviu.WithHTTPClient(untouched(t))}, opts...)...)
	require.NoError(t, err)
	return c
}

func requireInvalid(t *testing.T, err error, field string) {
	t.Helper()
	var invalid *coviu.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, field, invalid.Field)
	require.NotEmpty(t, invalid.Reason)
	require.ErrorIs(t, err, coviu.ErrInvalidRequest)
	require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
}

func TestFault01_EmptyID(t *testing.T) {
	c := unsendingClient(t)
	named := 0
	for _, e := range tenEndpoints() {
		if e.field == "" {
			continue
		}
		named++
		t.Run(e.operation, func(t *testing.T) {
			got, err := e.call(t.Context(), c, "")
			requireNothing(t, got)
			requireInvalid(t, err, e.field)
		})
	}
	require.Equal(t, 8, named)
}

func TestFault06_NothingToWorkWith(t *testing.T) {
	var none context.Context
	ended, end := context.WithCancel(t.Context())
	end()
	late, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()

	for name, ctx := range map[string]context.Context{"nil": none, "canceled": ended, "past its deadline": late} {
		t.Run(name+" context", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := inMemory(t, says(200, "{}"))
				c := far.client(t)
				check := func(operation string, got any, err error) {
					t.Helper()
					requireNothing(t, got)
					require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown, operation)
					if ctx == nil {
						requireInvalid(t, err, "context")
						return
					}
					require.ErrorIs(t, err, ctx.Err(), operation)
					require.NotErrorIs(t, err, coviu.ErrInvalidRequest, operation)
				}
				for _, e := range tenEndpoints() {
					got, err := e.call(ctx, c, "id")
					check(e.operation, got, err)
					if ctx != nil {
						require.EqualError(t, err, "coviu: "+e.operation+": "+ctx.Err().Error())
					}
				}
				for page, err := range c.Sessions.Pages(ctx, nil) {
					check("Pages", page, err)
				}
				for session, err := range c.Sessions.All(ctx, &coviu.SessionListOptions{Prefetch: 4}) {
					check("All", session, err)
				}
				booking := bookingRequest()
				booking.Participants = []coviu.ParticipantCreationRequest{{}}
				session, err := c.Sessions.CreateOnce(ctx, "key", booking)
				check("CreateOnce", session, err)
				token, err := c.Exchange(ctx, "code")
				check("Exchange", token, err)
				token, err = c.Token(ctx)
				check("Token", token, err)
				synctest.Wait()
				require.Zero(t, far.requests(), "requests")
			})
		})
	}

	t.Run("nil request", func(t *testing.T) {
		c := unsendingClient(t)
		session, err := c.Sessions.Create(t.Context(), nil)
		requireNothing(t, session)
		requireInvalid(t, err, "request")
		session, err = c.Sessions.Update(t.Context(), "id", nil)
		requireNothing(t, session)
		requireInvalid(t, err, "request")
		session, err = c.Sessions.CreateOnce(t.Context(), "key", nil)
		requireNothing(t, session)
		requireInvalid(t, err, "request")
		participant, err := c.Participants.Add(t.Context(), "id", nil)
		requireNothing(t, participant)
		requireInvalid(t, err, "request")
		participant, err = c.Participants.Update(t.Context(), "id", nil)
		requireNothing(t, participant)
		requireInvalid(t, err, "request")
	})

	t.Run("nil options are the defaults", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			far := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
				reply := map[string]string{
					mountedAt + "/sessions":                 "session_page_null_content.json",
					mountedAt + "/sessions/id":              "session.json",
					mountedAt + "/sessions/id/participants": "participants_array.json",
				}[r.URL.Path]
				says(200, fixture(t, reply))(w, r)
			})
			c := far.client(t)
			_, err := c.Sessions.Get(t.Context(), "id", nil)
			require.NoError(t, err)
			_, err = c.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
			_, err = c.Participants.List(t.Context(), "id", nil)
			require.NoError(t, err)
			for range c.Sessions.Pages(t.Context(), nil) {
				t.Error("a page without sessions was yielded")
			}
			for range c.Sessions.All(t.Context(), nil) {
				t.Error("a session was yielded")
			}
			for _, r := range far.received()[:3] {
				require.NotContains(t, r.URI, "?")
			}
		})
	})
}

func TestFault08_ClientThatWasNeverMade(t *testing.T) {
	var none *coviu.Client
	halves := map[string]*coviu.Client{
		"zero client":   {},
		"zero services": {Sessions: &coviu.SessionService{}, Participants: &coviu.ParticipantService{}},
	}
	booking := bookingRequest()
	booking.Participants = []coviu.ParticipantCreationRequest{{}}
	dated := &coviu.SessionListOptions{StartTime: booking.StartTime, EndTime: booking.EndTime, Prefetch: 2}
	for name, c := range halves {
		t.Run(name, func(t *testing.T) {
			for _, e := range tenEndpoints() {
				got, err := e.call(t.Context(), c, "id")
				requireNothing(t, got)
				requireInvalid(t, err, "client")
			}
			page, err := c.Sessions.List(t.Context(), dated)
			requireNothing(t, page)
			requireInvalid(t, err, "client")
			session, err := c.Sessions.CreateOnce(t.Context(), "key", booking)
			requireNothing(t, session)
			requireInvalid(t, err, "client")
			yielded := 0
			for page, err := range c.Sessions.Pages(t.Context(), dated) {
				requireNothing(t, page)
				requireInvalid(t, err, "client")
				yielded++
			}
			for session, err := range c.Sessions.All(t.Context(), nil) {
				requireNothing(t, session)
				requireInvalid(t, err, "client")
				yielded++
			}
			require.Equal(t, 2, yielded)
		})
	}
	for name, c := range map[string]*coviu.Client{"nil client": none, "zero client itself": {}} {
		t.Run(name, func(t *testing.T) {
			token, err := c.Exchange(t.Context(), "code")
			requireNothing(t, token)
			requireInvalid(t, err, "client")
			token, err = c.Token(t.Context())
			requireNothing(t, token)
			requireInvalid(t, err, "client")
			other, err := c.As(userGrant())
			requireNothing(t, other)
			requireInvalid(t, err, "client")
			require.NotPanics(t, c.CloseIdleConnections)
		})
	}
}

func redirecting(status int, location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if location != "" {
			w.Header()["Location"] = []string{location}
		}
		says(status, `{"code":"moved","message":"look there"}`)(w, r)
	}
}

func TestFault20_RedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, location := range map[string]string{
			"to itself":     mountedAt + "/sessions",
			"around":        "?again",
			"elsewhere":     "http://elsewhere.example.com/v1/sessions",
			"nowhere":       "",
			"to no address": "http://[::1",
			"to no host":    "//",
			"to a file":     "file:///etc/passwd",
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := inMemory(t, redirecting(status, location))
					c := far.client(t)
					for i, e := range tenEndpoints() {
						got, err := e.call(t.Context(), c, "id")
						requireNothing(t, got)
						var refused *coviu.APIError
						require.ErrorAs(t, err, &refused, e.operation)
						require.Equal(t, status, refused.StatusCode)
						require.Equal(t, e.operation, refused.Operation)
						require.Equal(t, "look there", refused.Message)
						require.Equal(t, 1, refused.Attempts)
						require.Equal(t, e.isPOST(), errors.Is(err, coviu.ErrOutcomeUnknown), e.operation)
						require.Len(t, far.received(), i+1, e.operation)
					}
				})
			})
		}
	}
}

func TestFault21_NobodyElseIsAsked(t *testing.T) {
	stranger := &farSide{answer: says(200, `{"content":[]}`)}
	open := httptest.NewServer(stranger)
	defer open.Close()
	encrypted := httptest.NewTLSServer(stranger)
	defer encrypted.Close()

	for name, location := range map[string]func(home string) string{
		"another port":   func(string) string { return open.URL + mountedAt + "/sessions" },
		"another scheme": func(home string) string { return "https://" + home + mountedAt + "/sessions" },
		"another host":   func(string) string { return "http://elsewhere.example.com" + mountedAt + "/sessions" },
		"a subdomain":    func(home string) string { return "http://deeper." + home + mountedAt + "/sessions" },
		"user info":      func(home string) string { return "http://someone@" + home + mountedAt + "/sessions" },
		"no scheme":      func(string) string { return "//elsewhere.example.com/v1/sessions" },
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				far := onLoopback(t, nil)
				address := strings.TrimSuffix(strings.TrimPrefix(far.URL, "http://"), mountedAt)
				_, port, _ := strings.Cut(address, ":")
				home := "service.example.com:" + port
				far.answer = redirecting(status, location(home))
				transport := &http.Transport{
					DialContext: func(ctx context.Context, network, asked string) (net.Conn, error) {
						if asked != home {
							return new(net.Dialer).DialContext(ctx, network, open.Listener.Addr().String())
						}
						return new(net.Dialer).DialContext(ctx, network, address)
					},
					DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
						anyone := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
						return anyone.DialContext(ctx, network, encrypted.Listener.Addr().String())
					},
				}
				defer transport.CloseIdleConnections()
				c := far.client(t, coviu.WithInsecureHTTP(), coviu.WithBaseURL("http://"+home+mountedAt),
					// One that would follow, as most programs' own clients do.
					coviu.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}))
				for _, e := range tenEndpoints() {
					_, err := e.call(t.Context(), c, "id")
					var refused *coviu.APIError
					require.ErrorAs(t, err, &refused, e.operation)
					require.Equal(t, status, refused.StatusCode)
				}
				require.Len(t, far.received(), 10)
				require.Zero(t, stranger.requests())
			})
		}
	}
}

func TestClosingIdleConnectionsReachesTheTransport(t *testing.T) {
	closed := 0
	c, err := coviu.NewClient("key", "secret", coviu.WithHTTPClient(&http.Client{Transport: &closing{closed: &closed}}))
	require.NoError(t, err)
	c.CloseIdleConnections()
	require.Equal(t, 1, closed)
	other, err := c.As(userGrant())
	require.NoError(t, err)
	other.CloseIdleConnections()
	require.Equal(t, 2, closed, "connections are shared")
	require.NotPanics(t, unsendingClient(t).CloseIdleConnections, "a transport without connections")
}

type closing struct {
	http.Transport
	closed *int
}

func (c *closing) CloseIdleConnections() { *c.closed++ }

func TestOneClientServesManyCallers(t *testing.T) {
	far := onLoopback(t, says(200, fixture(t, "session.json")))
	c := far.client(t)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for range 8 {
				session, err := c.Sessions.Get(t.Context(), "id", nil)
				if assert.NoError(t, err) {
					assert.Equal(t, "5f0f6c1e-0b1d-4e52-9c2a-000000000001", session.SessionID)
				}
			}
		})
	}
	callers.Wait()
	require.Len(t, far.received(), 128)
	require.Len(t, far.tokenRequests(), 1)
}
