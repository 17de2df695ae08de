package faulttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestAReplyIsReportedEvenIfTheContextEndsMeanwhile(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := clientOver(t, untracedTransport(func(r *http.Request) (*http.Response, error) {
		cancel()
		return &http.Response{StatusCode: http.StatusNotFound, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
	}))
	err := postOne.call(ctx, c, "")
	require.ErrorIs(t, err, coviu.ErrNotFound)
	require.NotErrorIs(t, err, context.Canceled)
}

func TestNoRetryWaitStartsThatWouldOutlastTheDeadline(t *testing.T) {
	var retried, ended int
	for range 40 {
		withServer(t, func(t *testing.T, s *coviutest.Server) {
			c := fixedClient(t, s, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 2, BaseDelay: 10 * time.Second}))
			s.Fail(getOne.operation, coviutest.Unavailable().Always())
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			began := time.Now()
			require.ErrorIs(t, getOne.call(ctx, c, someSession), coviu.ErrServer)
			require.NoError(t, ctx.Err(), "it never waits until the deadline")
			if s.Count(getOne.operation) == 2 {
				retried++
			} else {
				ended++
				require.Zero(t, time.Since(began))
			}
		})
	}
	require.Positive(t, retried, "the wait itself counts, not the longest that it could be")
	require.Positive(t, ended)
}

func TestTheHookGetsNoStatusFromAnEarlierAttempt(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		var got coviu.ResponseInfo
		c := fixedClient(t, s, coviu.WithResponseHook(func(_ context.Context, info coviu.ResponseInfo) { got = info }))
		s.Fail(getOne.operation, coviutest.Unavailable(), coviutest.Reset().Times(2))
		require.Error(t, getOne.call(t.Context(), c, someSession))
		require.Zero(t, got.StatusCode)
		require.Nil(t, got.Header)
		require.Equal(t, 3, got.Attempts)
	})
}

func TestRetryAfterDelaysOnlyTheNextAttempt(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		id := seedOne(t, s)
		c := fixedClient(t, s)
		s.Fail(getOne.operation, coviutest.RateLimit(10*time.Second), coviutest.Reset())
		began := time.Now()
		require.NoError(t, getOne.call(t.Context(), c, id))
		require.GreaterOrEqual(t, time.Since(began), 10*time.Second)
		require.Less(t, time.Since(began), 11*time.Second)
	})
}

func TestNothingIsSentOnceTheContextHasEnded(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		c := fixedClient(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		s.Fail(putOne.operation, coviutest.RateLimit(5*time.Second))
		time.AfterFunc(time.Second, cancel)
		err := putOne.call(ctx, c, someSession)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, coviu.ErrRateLimited)
		require.Equal(t, 1, s.Count(putOne.operation))
	})
}

func TestACanceledCallReportsTheNumberOfAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		server.Fail("GET /sessions", coviutest.Unavailable().Always())
		c := server.Client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 9, BaseDelay: time.Hour, MaxDelay: time.Hour}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, err := c.Sessions.List(ctx, nil)
		require.ErrorIs(t, err, context.Canceled)
		cause, ok := errors.AsType[*coviu.APIError](err)
		require.True(t, ok)
		require.Equal(t, server.Count("GET /sessions"), cause.Attempts)
	})
}
