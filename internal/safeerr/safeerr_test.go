package safeerr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/safeerr"
)

const canary = "canary-7f3a"

type secretError struct{ Token string }

func (e *secretError) Error() string { return "token " + e.Token }

func TestTheCauseIsReachedButNotPrinted(t *testing.T) {
	cause := fmt.Errorf("%s: %w", canary, errors.Join(context.Canceled, &secretError{canary}, &net.DNSError{Name: canary}))
	fault := safeerr.New("it failed", cause)
	wrapped := fmt.Errorf("call: %w", fault)

	require.ErrorIs(t, wrapped, context.Canceled)
	require.NotErrorIs(t, wrapped, io.EOF)
	found, ok := errors.AsType[*secretError](wrapped)
	require.True(t, ok)
	require.Equal(t, canary, found.Token)
	_, ok = errors.AsType[*net.OpError](wrapped)
	require.False(t, ok)

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %v"} {
		require.NotContains(t, fmt.Sprintf(verb, fault), canary, verb)
		require.NotContains(t, fmt.Sprintf(verb, wrapped), canary, verb)
	}
	require.Equal(t, "it failed", fault.Error())
	require.Equal(t, "it failed", fmt.Sprintf("%#v", fault))
	require.NoError(t, errors.Unwrap(fault))
}

func TestTypesThatCarryWholeRequestsAreNotReached(t *testing.T) {
	retrieve := &oauth2.RetrieveError{Response: new(http.Response), Body: []byte(canary)}
	fault := safeerr.New("it failed", errors.Join(retrieve, &url.Error{URL: canary, Err: io.EOF}))
	_, ok := errors.AsType[*url.Error](fault)
	require.False(t, ok)
	_, ok = errors.AsType[*oauth2.RetrieveError](fault)
	require.False(t, ok)
	require.ErrorIs(t, fault, io.EOF)
}

func TestNoCause(t *testing.T) {
	fault := safeerr.New("it failed", nil)
	require.NotErrorIs(t, fault, io.EOF)
	_, ok := errors.AsType[*secretError](fault)
	require.False(t, ok)
}
