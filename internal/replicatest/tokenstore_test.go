package replicatest_test

import (
	"context"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// tokenRow is the row of one user's token, in a model of a token store.
type tokenRow struct {
	row
	token   *oauth2.Token
	version int
	// known holds every access token that was ever in the row.
	known map[string]bool
	saves int
	// unmarked gives out a token as it is even if the last holder did not release the
	// row. That holder may have died between the service's reply and the save.
	unmarked bool
}

func newTokenRow(t *oauth2.Token) *tokenRow {
	return &tokenRow{token: t, known: map[string]bool{t.AccessToken: true}}
}

// load returns a copy of the stored token.
func (r *tokenRow) load() *oauth2.Token {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.copied()
}

func (r *tokenRow) copied() *oauth2.Token {
	if r.token == nil {
		return nil
	}
	return new(*r.token)
}

// save stores a token, or nil, whatever is in the row.
func (r *tokenRow) save(t *oauth2.Token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.token = t
	r.version++
	if t != nil {
		r.known[t.AccessToken] = true
	}
}

// replace stores what a refresh brought, unless the row has changed since.
func (r *tokenRow) replace(version int, next *oauth2.Token) *oauth2.Token {
	if r.version != version {
		return r.copied()
	}
	r.token = new(*next)
	r.version++
	r.saves++
	r.known[next.AccessToken] = true
	return next
}

func (r *tokenRow) knows(accessToken string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[accessToken]
}

// tokenStore is the store as one replica sees it.
type tokenStore struct {
	replica *replica
	row     *tokenRow

	mu   sync.Mutex
	seen string // the stored refresh token in the last Update
}

func (s *tokenStore) Update(ctx context.Context, f func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
	// A lost lease does not interrupt f.
	claim := &lease{replica: s.replica, row: &s.row.row, lost: func() {}}
	var stored *oauth2.Token
	var version int
	err := claim.take(ctx, func() {
		stored, version = s.row.copied(), s.row.version
		if !s.row.unmarked && s.row.holder != nil && stored != nil {
			stored.Expiry = time.Now()
		}
	})
	if err != nil {
		return nil, err
	}
	defer claim.release()
	s.see(stored)
	next, err := f(ctx, stored)
	if err != nil || next == stored {
		return next, err
	}
	var winner *oauth2.Token
	err = claim.do(beforeSave, afterSave, func() error {
		winner = s.row.replace(version, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return winner, nil
}

func (s *tokenStore) see(stored *oauth2.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = ""
	if stored != nil {
		s.seen = stored.RefreshToken
	}
}

// lastSeen returns the refresh token that the store gave to this replica last,
// "" if it had none.
func (s *tokenStore) lastSeen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}
