package listtest_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// consumers returns the ways to stop before the end. Each one returns the number
// of pages it got and the error that ended it.
func consumers() map[string]func(context.Context, func(), func(func(*coviu.SessionPage, error) bool)) (pages int, err error) {
	type seq = func(func(*coviu.SessionPage, error) bool)
	all := func(pages seq, each func()) (n int, err error) {
		for _, failure := range pages {
			if failure != nil {
				err = errors.Join(err, failure)
				continue
			}
			n++
			each()
		}
		return n, err
	}
	return map[string]func(context.Context, func(), func(func(*coviu.SessionPage, error) bool)) (int, error){
		"break": func(_ context.Context, _ func(), pages seq) (int, error) {
			for _, err := range pages {
				return 1, errors.Join(err, context.Canceled)
			}
			return 0, nil
		},
		"panic": func(_ context.Context, _ func(), pages seq) (n int, err error) {
			defer func() {
				if recover() != nil {
					err = context.Canceled
				}
			}()
			return all(pages, func() {
				n++
				panic("the consumer's own")
			})
		},
		"cancel": func(_ context.Context, cancel func(), pages seq) (int, error) {
			return all(pages, cancel)
		},
		"cancel at leisure": func(_ context.Context, cancel func(), pages seq) (int, error) {
			return all(pages, func() {
				<-time.After(time.Minute)
				cancel()
			})
		},
		"cancel while it waits": func(_ context.Context, cancel func(), pages seq) (int, error) {
			time.AfterFunc(1500*time.Millisecond, cancel)
			return all(pages, func() {})
		},
	}
}

// countingTransport counts the requests for lists.
type countingTransport struct {
	next  http.RoundTripper
	lists atomic.Int32
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/sessions" {
		c.lists.Add(1)
	}
	return c.next.RoundTrip(r)
}

func TestFault59_NothingStartsAfterTheConsumerStopped(t *testing.T) {
	t.Parallel()
	for name, consume := range consumers() {
		t.Run(name, func(t *testing.T) {
			inListModes(t, []int{0, 1, 4}, func(t *testing.T, o coviu.SessionListOptions) {
				synctest.Test(t, func(t *testing.T) {
					s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
					t.Cleanup(s.Close)
					seedList(t, s, 40)
					s.Fail("GET /sessions", coviutest.Delay(time.Second).Always())
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					transport := &countingTransport{next: s.Transport()}
					client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: transport}))
					o.PageSize = 2
					pages, err := consume(ctx, cancel, client.Sessions.Pages(ctx, &o))
					began := transport.lists.Load()
					require.ErrorIs(t, err, context.Canceled)
					assert.LessOrEqual(t, int(began), pages+1+o.Prefetch)
					<-time.After(time.Hour)
					assert.Equal(t, began, transport.lists.Load())
				})
			})
		})
	}
}

// The error of the context is yielded once, like any other.
func TestFault59_CancellationIsYieldedOnce(t *testing.T) {
	inListModes(t, []int{0, 1, 4}, func(t *testing.T, o coviu.SessionListOptions) {
		s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithClock(listClock))
		t.Cleanup(s.Close)
		ids := seedList(t, s, 40)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.PageSize = 2
		var got, failures int
		for session, err := range s.Client(t).Sessions.All(ctx, &o) {
			if err != nil {
				failures++
				assert.Nil(t, session)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorAs(t, err, new(*coviu.ListError))
				continue
			}
			if got++; got == 5 {
				cancel()
			}
		}
		assert.Equal(t, 1, failures)
		assert.Less(t, got, len(ids))
	})
}
