package createoncetest_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// pause waits in virtual time, as long as ctx lasts.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// strategy is a way to book with a key.
type strategy struct {
	name string
	book func(ctx context.Context, s *coviu.SessionService) (*coviu.Session, error)
}

func strategies() []strategy {
	return []strategy{{"blind retry", retryBlindly}, {"look, then post", lookThenPost}, {"CreateOnce", createOnce}}
}

func createOnce(ctx context.Context, s *coviu.SessionService) (*coviu.Session, error) {
	return s.CreateOnce(ctx, onceKey, onceRequest())
}

// retryBlindly books in a loop, without looking first.
func retryBlindly(ctx context.Context, s *coviu.SessionService) (session *coviu.Session, err error) {
	for range 3 {
		if session, err = s.Create(ctx, onceRequest()); err == nil {
			return session, nil
		}
		if pause(ctx, time.Second) != nil {
			break
		}
	}
	return nil, err
}

// lookThenPost looks for the booking before each attempt.
func lookThenPost(ctx context.Context, s *coviu.SessionService) (session *coviu.Session, err error) {
	for range 3 {
		page, failure := s.List(ctx, &coviu.SessionListOptions{State: onceKey})
		if failure == nil && len(page.Content) > 0 {
			return &page.Content[0], nil
		}
		if failure == nil {
			if session, err = s.Create(ctx, onceRequest()); err == nil {
				return session, nil
			}
		}
		if pause(ctx, time.Second) != nil {
			break
		}
	}
	return nil, err
}

// process holds a client. After a crash, it holds a new one.
type process struct {
	model *onceModel

	mu     sync.Mutex
	client *coviu.Client
	ctx    context.Context //nolint:containedctx // a process is a lifetime
	cancel context.CancelFunc
}

func newProcess(t testing.TB, m *onceModel) *process {
	t.Helper()
	p := &process{model: m}
	p.start(t)
	return p
}

func (p *process) start(t testing.TB) {
	t.Helper()
	client, err := coviu.NewClient("", "",
		coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"})),
		coviu.WithHTTPClient(&http.Client{Transport: p.model}))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // ends by a crash
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client, p.ctx, p.cancel = client, ctx, cancel
}

func (p *process) current() (*coviu.Client, context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.client, p.ctx
}

func (p *process) crash(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	cancel := p.cancel
	p.mu.Unlock()
	p.start(t)
	cancel()
}

func (p *process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel()
}

// call books once, with the client that the process holds now.
func (p *process) call(book strategy) (*coviu.Session, *onceCall, error) {
	client, ctx := p.current()
	call := &onceCall{client: client}
	session, err := book.book(context.WithValue(ctx, onceCallKey{}, call), client.Sessions)
	p.model.mu.Lock()
	defer p.model.mu.Unlock()
	for _, b := range call.bookings {
		b.ended = time.Now()
	}
	return session, call, err
}

// caller calls until it has a session or the schedule ends its calls.
func (p *process) caller(book strategy) (mostPosts int) {
	for range 3 {
		_, call, err := p.call(book)
		mostPosts = max(mostPosts, call.posts)
		if err == nil || errors.As(err, new(*coviu.KeyError)) || p.model.schedule.again < 0 {
			return mostPosts
		}
		<-time.After(p.model.schedule.again)
	}
	return mostPosts
}
