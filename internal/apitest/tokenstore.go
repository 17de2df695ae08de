package apitest

import (
	"context"
	"sync"

	"golang.org/x/oauth2"
)

// MemoryStore is a token store in memory for one user. It counts its calls.
type MemoryStore struct {
	updating chan struct{}

	mu             sync.Mutex
	token          *oauth2.Token
	failing        error
	updates, saves int
}

// NewMemoryStore returns a store that holds t.
func NewMemoryStore(t *oauth2.Token) *MemoryStore {
	return &MemoryStore{token: t, updating: make(chan struct{}, 1)}
}

// Update lets f replace the stored token.
func (s *MemoryStore) Update(ctx context.Context, f func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
	select {
	case s.updating <- struct{}{}:
		defer func() { <-s.updating }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	stored := s.Load()
	s.mu.Lock()
	s.updates++
	s.mu.Unlock()
	next, err := f(ctx, stored)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case next == stored:
		return stored, nil
	case s.failing != nil:
		return nil, s.failing
	case s.token == nil || stored == nil || s.token.AccessToken != stored.AccessToken:
		return s.token, nil // saved or deleted meanwhile
	}
	s.token = new(*next)
	s.saves++
	return next, nil
}

// Load returns a copy of the stored token.
func (s *MemoryStore) Load() *oauth2.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil {
		return nil
	}
	return new(*s.token)
}

// Save replaces the stored token. It deletes the token if t is nil.
func (s *MemoryStore) Save(t *oauth2.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = t
}

// Fail makes every later save fail with err.
func (s *MemoryStore) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = err
}

// Counts returns how often Update was called and how often it saved a token.
func (s *MemoryStore) Counts() (updates, saves int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates, s.saves
}

// TokenStoreFunc is a token store that is one function.
type TokenStoreFunc func(context.Context, func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error)

// Update calls f.
func (f TokenStoreFunc) Update(
	ctx context.Context, renew func(context.Context, *oauth2.Token) (*oauth2.Token, error),
) (*oauth2.Token, error) {
	return f(ctx, renew)
}
