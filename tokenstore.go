package coviu

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/internal/safeerr"
	"github.com/coviu/coviu-go-sdk/internal/tokenendpoint"
)

// TokenStore keeps one user's token for every process that acts for the user.
// Package coviusql has one for PostgreSQL and SQLite.
//
// To write one for another database, keep a row for each user: the token, a
// version that every save changes, the holder and the end of its lease. Update
// takes the lease, calls f without a transaction, lock or connection open, and
// renews the lease meanwhile. It then saves the result only if the version is
// the one it read. A save that failed is tried again as long as the lease lasts:
// until then nobody else sends the old refresh token. The lease only saves token
// requests; the version is what protects a newer token. So f must go on when the
// lease is lost.
//
// A holder that did not release the row may have died after the service replaced
// the refresh token. Give the next holder's f the token with an Expiry in the past,
// if it has a refresh token: f then refreshes it while the service may still accept
// the old refresh token.
//
// Compare times by the database's clock alone, and keep the token's Expiry
// relative to it: the clocks of the processes may differ. Errors must not carry
// the token or the user's id in their text.
type TokenStore interface {
	// Update calls f with the stored token, or with nil if there is none, while no
	// other process does so for this user. It stores the token that f returns and
	// returns it. If f returns the pointer that it was given, nothing is stored.
	// Update calls f at most once. It waits for other processes as long as ctx
	// lasts. f may take 15 seconds.
	//
	// What f returned is stored even if ctx has ended meanwhile: a refresh token
	// that the service has replaced can't be asked for again. If f fails, Update
	// stores nothing and returns that error. A token that was saved or deleted
	// meanwhile wins: Update returns it, or nil.
	Update(ctx context.Context, f func(ctx context.Context, stored *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error)
}

// storePause is how long the answer of a store that has no usable token is used
// again, instead of asking the store.
const storePause = time.Second

// unsavedToken is a new token that the store failed to keep, and the refresh
// token that it replaces.
type unsavedToken struct {
	token    *oauth2.Token
	replaces string
}

// reauthorization is the last answer of a store that has no usable token.
type reauthorization struct {
	at  time.Time
	err error
}

// fromStore takes a newer token from the store, or refreshes the stored one.
func (a *auth) fromStore(ctx context.Context, last *authorized) (*authorized, time.Duration, error) {
	if r := a.reauthorize; r != nil && time.Since(r.at) < storePause {
		return nil, 0, r.err
	}
	t, err := a.updateStore(ctx, last)
	if e, ok := errors.AsType[*TokenError](err); ok && e.StatusCode != 0 && errors.Is(err, ErrReauthorize) {
		// The service refused the stored token. Another process, or the user, may
		// have stored a new one meanwhile.
		if newer, again := a.updateStore(ctx, last); !errors.Is(again, ErrReauthorize) {
			t, err = newer, again
		}
	}
	a.reauthorize = nil
	if errors.Is(err, ErrReauthorize) {
		a.reauthorize = &reauthorization{time.Now(), err}
	}
	if err != nil {
		return nil, 0, err
	}
	left := remaining(t)
	if left < 0 || !tokenendpoint.Sendable(t.AccessToken) {
		return nil, 0, errors.New("token store gave no usable token")
	}
	return a.authorize(*t), left, nil
}

// updateStore runs one Update. An error of the store is wrapped, so that its text
// shows nothing of the store's.
func (a *auth) updateStore(ctx context.Context, last *authorized) (t *oauth2.Token, err error) {
	var renewErr error
	err = a.observer.guard(ctx, "token store", func() (err error) {
		t, err = a.store.Update(ctx, func(ctx context.Context, stored *oauth2.Token) (renewed *oauth2.Token, _ error) {
			renewed, renewErr = a.renewStored(ctx, stored, last)
			return renewed, renewErr
		})
		return err
	})
	switch {
	case renewErr != nil:
		return nil, renewErr
	case err != nil:
		return nil, safeerr.New("token store failed", err)
	}
	a.unsaved = nil
	if t == nil {
		return nil, a.noStoredToken(last)
	}
	return t, nil
}

// renewStored returns stored if it is newer than last, and else refreshes it.
func (a *auth) renewStored(ctx context.Context, stored *oauth2.Token, last *authorized) (*oauth2.Token, error) {
	if stored == nil {
		return nil, a.noStoredToken(last)
	}
	refreshToken := stored.RefreshToken
	switch u := a.unsaved; {
	case u != nil && u.replaces == stored.RefreshToken && remaining(u.token) >= 0:
		return u.token, nil
	case u != nil && u.replaces == stored.RefreshToken:
		refreshToken = u.token.RefreshToken
	case remaining(stored) >= 0 && (last == nil || stored.AccessToken != last.token.AccessToken):
		return stored, nil
	}
	renewed, _, err := a.refresh(ctx, refreshToken)
	if err != nil {
		return nil, err
	}
	a.unsaved = &unsavedToken{&renewed.token, stored.RefreshToken}
	return &renewed.token, nil
}

// noStoredToken is the error for a token that was deleted from the store. The
// token in use is dropped too.
func (a *auth) noStoredToken(last *authorized) error {
	if last != nil {
		a.tokens.Invalidate(last)
	}
	return &TokenError{Grant: grantRefreshToken, Code: invalidGrant, Description: "the store has no token"}
}
