package faulttest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func clientOver(t testing.TB, transport http.RoundTripper, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	own := []coviu.Option{
		coviu.WithBaseURL(farURL),
		coviu.WithHTTPClient(&http.Client{Transport: transport}),
		withFixedToken(),
	}
	client, err := coviu.NewClient("", "", append(own, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// withFixedToken avoids the token request and its idle connection, which would
// change what a test counts.
func withFixedToken() coviu.Option {
	return coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "fixed"}))
}

// fixedClient returns a client of the server that sends no token request.
func fixedClient(t testing.TB, s *coviutest.Server, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	token, err := s.Client(t).Token(t.Context())
	require.NoError(t, err)
	source := coviu.WithTokenSource(oauth2.StaticTokenSource(token))
	s.Transport().(interface{ CloseIdleConnections() }).CloseIdleConnections()
	s.ClearRequests()
	return s.Client(t, append([]coviu.Option{source}, opts...)...)
}

// faultedCall is a call of one endpoint, used as the example of its HTTP method.
type faultedCall struct {
	method, operation string
	call              func(ctx context.Context, c *coviu.Client, id string) error
}

var (
	getOne = faultedCall{"GET", "GET /sessions/{session_id}", func(ctx context.Context, c *coviu.Client, id string) error {
		return either(c.Sessions.Get(ctx, id, nil))
	}}
	putOne = faultedCall{"PUT", "PUT /sessions/{session_id}", func(ctx context.Context, c *coviu.Client, id string) error {
		return either(c.Sessions.Update(ctx, id, &coviu.SessionUpdateRequest{SessionName: new("Follow-up")}))
	}}
	deleteOne = faultedCall{"DELETE", "DELETE /sessions/{session_id}", func(ctx context.Context, c *coviu.Client, id string) error {
		return either(c.Sessions.Delete(ctx, id))
	}}
	postOne = faultedCall{"POST", "POST /sessions", func(ctx context.Context, c *coviu.Client, _ string) error {
		return either(c.Sessions.Create(ctx, soon()))
	}}

	repeatable = []faultedCall{getOne, putOne, deleteOne}
	everyOne   = []faultedCall{getOne, putOne, deleteOne, postOne}
)

var errBothOrNeither = errors.New("a call returned a value with an error, or neither")

// either checks that a call returned a value or an error, and not both.
func either[T any](value *T, err error) error {
	if (value == nil) == (err == nil) {
		return errors.Join(errBothOrNeither, err)
	}
	return err
}

func soon() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{
		SessionName: "Check-up",
		StartTime:   time.Now().Add(24 * time.Hour),
		EndTime:     time.Now().Add(25 * time.Hour),
	}
}

func seedOne(t testing.TB, s *coviutest.Server) string {
	t.Helper()
	seeded, err := s.Seed(coviu.Session{StartTime: time.Now().Add(24 * time.Hour)})
	require.NoError(t, err)
	return seeded[0].SessionID
}

// pass waits for d, which is virtual time in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

// requireUnknown checks that err reports an unknown outcome.
func requireUnknown(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	unknown, ok := errors.AsType[*coviu.OutcomeUnknownError](err)
	require.True(t, ok)
	require.Error(t, unknown.Err)
	require.NotErrorIs(t, err, errBothOrNeither)
}

// requireCertain checks that err is an error and does not report an unknown outcome.
func requireCertain(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, errBothOrNeither)
}
