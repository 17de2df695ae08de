package coviu_test

import (
	"context"
	"fmt"
	"net/http"
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
func booked(server *coviutest.Server) coviu.Session {
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
	return sessions[0]
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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
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
	for _, participant := range session.Participants {
		// EntryURL is the link to send to this person, and to nobody else.
		fmt.Println(participant.Role, participant.DisplayName, participant.EntryURL != "")
	}
	// Output:
	// HOST Dr. Ada Nwosu true
	// GUEST Ben Okafor true
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
	// Output: coviu: invalid base URL: is http on a host that is not loopback
}

// The code is what the consent page sends to the registered redirect URL.
func ExampleClient_Exchange() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	code := server.AuthorizationCode("")

	grant, err := client.Exchange(ctx, code)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grant.AccessToken != "", grant.RefreshToken != "")

	// A code works once.
	_, err = client.Exchange(ctx, code)
	fmt.Println(err)
	// Output:
	// true true
	// coviu: POST /auth/token: token request (authorization_code): 400 Bad Request: "invalid_grant"
}

// One client for the account, one more for each user who consented; all of them
// share their connections.
func ExampleClient_As() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	user := server.AddUser(coviutest.User{TeamID: "another-clinic"})
	code := server.AuthorizationCode(user.UserID)
	store := func(context.Context, *oauth2.Token) error { return nil }

	grant, err := client.Exchange(ctx, code)
	if err != nil {
		fmt.Println(err)
		return
	}
	asUser, err := client.As(grant, coviu.WithTokenObserver(store))
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

	grant, err := client.Token(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grant.TokenType, grant.RefreshToken != "", time.Until(grant.Expiry).Round(time.Hour))
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

// A grant that was stored, on the next start of the program.
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
	grant, err := client.Exchange(context.Background(), server.AuthorizationCode(""))
	if err != nil {
		panic(err)
	}
	return grant.RefreshToken
}

// A refresh may bring a new refresh token and make the old one worthless: store
// each grant before it is used, and a crash loses nothing.
func ExampleWithTokenObserver() {
	client, server := connect()
	defer server.Close()
	ctx := context.Background()
	grant, err := client.Exchange(ctx, server.AuthorizationCode(""))
	if err != nil {
		fmt.Println(err)
		return
	}

	stored := grant
	asUser, err := client.As(grant, coviu.WithTokenObserver(func(_ context.Context, next *oauth2.Token) error {
		stored = next // a database, or a file with mode 0600
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}

	server.RevokeTokens()
	_, err = asUser.Sessions.List(ctx, nil)
	fmt.Println(err, stored.RefreshToken != grant.RefreshToken)
	// Output: <nil> true
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
