package coviu_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// The examples share a day: the server's clock stands at nine in the morning,
// and the call of most of them starts at three in the afternoon.
var (
	nine  = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	three = nine.Add(6 * time.Hour)
)

// clinic is the clinic's time zone. A program takes it from time.LoadLocation.
var clinic = time.FixedZone("CET", 60*60)

// connect starts a server and returns a client of its account.
func connect(opts ...coviu.Option) (*coviu.Client, *coviutest.Server) {
	server := coviutest.NewServer(coviutest.WithClock(func() time.Time { return nine }))
	opts = append([]coviu.Option{
		coviu.WithBaseURL(server.URL),
		coviu.WithHTTPClient(&http.Client{Transport: server.Transport()}),
	}, opts...)
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, opts...)
	if err != nil {
		panic(err)
	}
	return client, server
}

// consultation is a booking at three, with a host and a guest.
func consultation() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{
		SessionName: "Consultation",
		StartTime:   three,
		EndTime:     three.Add(30 * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest},
		},
	}
}

// booked is a consultation that the server has already.
func booked(server *coviutest.Server) *coviu.Session {
	sessions, err := server.Seed(coviu.Session{
		SessionName: "Consultation",
		StartTime:   three,
		EndTime:     three.Add(30 * time.Minute),
		Participants: []coviu.Participant{
			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest},
		},
	})
	if err != nil {
		panic(err)
	}
	return &sessions[0]
}

// A booking, from the credentials to the links. [SessionService.CreateOnce]
// books one session for the key, however often it is asked to.
func Example() {
	server := coviutest.NewServer(coviutest.WithClock(func() time.Time { return nine }))
	defer server.Close()

	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	start := time.Date(2026, time.March, 2, 15, 0, 0, 0, time.UTC)
	session, err := client.Sessions.CreateOnce(ctx, "appointment-4711", &coviu.SessionCreationRequest{
		SessionName: "Consultation",
		StartTime:   start,
		EndTime:     start.Add(30 * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, guest := range session.WithRole(coviu.RoleGuest) {
		// EntryURL is the link to send to this person, and to nobody else.
		fmt.Println(guest.DisplayName, guest.EntryURL != "")
	}
	// Output: Ben Okafor true
}

func ExampleNewClient() {
	client, err := coviu.NewClient("api-key", "key-secret",
		coviu.WithUserAgent("clinic/2.1"),
		coviu.WithAttemptTimeout(5*time.Second),
		coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 5}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()

	// A client prints without its secrets.
	fmt.Printf("%+v\n", client)
	// Output: coviu.Client{…}
}

// What can't work is found at once, and the error does not quote it.
func ExampleNewClient_refused() {
	_, err := coviu.NewClient("api-key", "key-secret", coviu.WithBaseURL("http://api.example.com/v1"))
	fmt.Println(err)
	// Output: coviu: invalid base URL: is http on a host that is not loopback (WithInsecureHTTP allows that)
}

// The code is what the consent page sends to the registered redirect URL.
func ExampleClient_Exchange() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	code := server.AuthorizationCode("")

	token, err := client.Exchange(ctx, code)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.AccessToken != "", token.RefreshToken != "")

	// A code works once.
	_, err = client.Exchange(ctx, code)
	fmt.Println(err)
	// Output:
	// true true
	// coviu: POST /auth/token: token request (authorization_code): 400 Bad Request: "invalid_grant"
}

// One client for the account, one more for each user who consented. All of them
// share their connections. As keeps new tokens in memory only: where the user shall
// stay connected after a restart, use AsStored.
func ExampleClient_As() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	user := server.AddUser(coviutest.User{TeamID: "another-clinic"})
	code := server.AuthorizationCode(user.UserID)

	token, err := client.Exchange(ctx, code)
	if err != nil {
		fmt.Println(err)
		return
	}
	asUser, err := client.As(token)
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := asUser.Sessions.Create(ctx, consultation())
	if err != nil {
		fmt.Println(err)
		return
	}

	// The session is the user's: the account does not see it.
	_, err = client.Sessions.Get(ctx, session.SessionID, nil)
	fmt.Println(session.TeamID, err)
	// Output: another-clinic coviu: GET /sessions/{session_id}: 404 Not Found: "session not found"
}

func ExampleClient_Token() {
	client, server := connect()
	defer server.Close()

	token, err := client.Token(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.TokenType, token.RefreshToken != "", time.Until(token.Expiry).Round(time.Hour))
	// Output: Bearer true 1h0m0s
}

// The client stays usable: the next call connects again.
func ExampleClient_CloseIdleConnections() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	session := booked(server)

	_, before := client.Sessions.Get(ctx, session.SessionID, nil)
	client.CloseIdleConnections()
	_, after := client.Sessions.Get(ctx, session.SessionID, nil)
	fmt.Println(before, after)
	// Output: <nil> <nil>
}

// A user's token that the program has from elsewhere. New tokens are kept in memory
// only: to keep them, use WithTokenStore.
func ExampleWithToken() {
	_, server := connect()
	defer server.Close()
	apiKey, keySecret, endpoint := server.APIKey, server.KeySecret, server.URL
	stored := &oauth2.Token{RefreshToken: refreshTokenOf(server)}

	client, err := coviu.NewClient(apiKey, keySecret, coviu.WithBaseURL(endpoint), coviu.WithToken(stored))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	page, err := client.Sessions.List(context.Background(), nil)
	fmt.Println(len(page.Content), err, server.CountGrants("refresh_token"))
	// Output: 0 <nil> 1
}

func refreshTokenOf(server *coviutest.Server) string {
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		panic(err)
	}
	defer client.CloseIdleConnections()
	token, err := client.Exchange(context.Background(), server.AuthorizationCode(""))
	if err != nil {
		panic(err)
	}
	return token.RefreshToken
}

// tokenMap keeps tokens in memory, for one process. Its methods have the names of
// those of package coviusql, which keeps tokens in PostgreSQL or SQLite, for all
// processes.
type tokenMap struct {
	mu     sync.Mutex
	tokens map[string]*oauth2.Token
}

func newTokenMap() *tokenMap { return &tokenMap{tokens: map[string]*oauth2.Token{}} }

func (s *tokenMap) SaveToken(_ context.Context, id string, token *oauth2.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[id] = token
	return nil
}

func (s *tokenMap) DeleteToken(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, id)
	return nil
}

func (s *tokenMap) Token(id string) coviu.TokenStore { return userToken{s, id} }

type userToken struct {
	store *tokenMap
	id    string
}

func (u userToken) Update(ctx context.Context, f func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	next, err := f(ctx, u.store.tokens[u.id])
	if err != nil {
		return nil, err
	}
	u.store.tokens[u.id] = next
	return next, nil
}

// Store the token after the exchange. From then on, the client stores each new
// token before it uses it.
func ExampleClient_AsStored() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	store, userID := newTokenMap(), "user-17"
	code := server.AuthorizationCode("")

	token, err := client.Exchange(ctx, code)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.SaveToken(ctx, userID, token); err != nil {
		fmt.Println(err)
		return
	}
	asUser, err := client.AsStored(store.Token(userID))
	if err != nil {
		fmt.Println(err)
		return
	}

	// The service ends the token. The client refreshes it and stores the new one.
	server.RevokeTokens()
	_, err = asUser.Sessions.List(ctx, nil)
	fmt.Println(err, store.tokens[userID].RefreshToken != token.RefreshToken)
	// Output: <nil> true
}

// After a restart, the stored token is all that is needed.
func ExampleClient_AsStored_restart() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	userID := "user-17"
	store := newTokenMap()
	store.tokens[userID] = &oauth2.Token{RefreshToken: refreshTokenOf(server)}

	asUser, err := client.AsStored(store.Token(userID))
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := asUser.Sessions.List(ctx, nil)
	if errors.Is(err, coviu.ErrReauthorize) {
		fmt.Println("send the user to the consent page again")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Content))
	// Output: 0
}

// A user who disconnects: without a stored token, calls fail with ErrReauthorize as
// soon as the token in use is refused or has to be renewed.
func ExampleClient_AsStored_disconnect() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	userID := "user-17"
	store := newTokenMap()
	store.tokens[userID] = &oauth2.Token{RefreshToken: refreshTokenOf(server)}
	asUser, err := client.AsStored(store.Token(userID))
	if err != nil {
		fmt.Println(err)
		return
	}

	if err := store.DeleteToken(ctx, userID); err != nil {
		fmt.Println(err)
		return
	}
	_, err = asUser.Sessions.List(ctx, nil)
	fmt.Println(errors.Is(err, coviu.ErrReauthorize))
	// Output: true
}

// A client for one user, whose token is in a store.
func ExampleWithTokenStore() {
	_, server := connect()
	defer server.Close()
	apiKey, keySecret, endpoint := server.APIKey, server.KeySecret, server.URL
	store := newTokenMap()
	store.tokens["user-17"] = &oauth2.Token{RefreshToken: refreshTokenOf(server)}

	client, err := coviu.NewClient(apiKey, keySecret, coviu.WithBaseURL(endpoint), coviu.WithTokenStore(store.Token("user-17")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	page, err := client.Sessions.List(context.Background(), nil)
	fmt.Println(len(page.Content), err)
	// Output: 0 <nil>
}

// Tokens from elsewhere, for a program that must not know the API secret.
func ExampleWithTokenSource() {
	account, server := connect()
	defer server.Close()
	ctx := context.Background()

	source := tokenSourceFunc(func() (*oauth2.Token, error) { return account.Token(ctx) })
	client, err := coviu.NewClient("", "",
		coviu.WithBaseURL(server.URL),
		coviu.WithTokenSource(source),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	_, err = client.Sessions.List(ctx, nil)
	fmt.Println(err)
	// Output: <nil>
}

type tokenSourceFunc func() (*oauth2.Token, error)

func (f tokenSourceFunc) Token() (*oauth2.Token, error) { return f() }
