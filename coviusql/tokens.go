package coviusql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"golang.org/x/oauth2"
)

const (
	takeToken = `INSERT INTO coviu_tokens AS t (id, version, holder, lease_until) VALUES ($1, $2, $2, {now} + $3)
ON CONFLICT (id) DO UPDATE SET
	holder = excluded.holder,
	lease_until = excluded.lease_until,
	unreleased = CASE t.holder WHEN '' THEN 0 WHEN $2 THEN t.unreleased ELSE 1 END
WHERE t.lease_until <= {now} OR t.holder IN ('', $2)
RETURNING version, token, expires_at - {now}, unreleased`

	readToken = `SELECT version, token, expires_at - {now} FROM coviu_tokens WHERE id = $1`

	saveToken = `INSERT INTO coviu_tokens (id, version, token, expires_at) VALUES ($1, $2, $3, {now} + $4)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, token = excluded.token, expires_at = excluded.expires_at`

	// It releases the row as well, unless another process has taken it since.
	replaceToken = `UPDATE coviu_tokens SET version = $1, token = $2, expires_at = {now} + $3,
	lease_until = CASE holder WHEN $4 THEN {now} ELSE lease_until END,
	holder = CASE holder WHEN $4 THEN '' ELSE holder END
WHERE id = $5 AND version = $6`

	// The row of a token that is being refreshed stays, for its lease.
	deleteToken    = `UPDATE coviu_tokens SET version = $1, token = NULL, expires_at = NULL WHERE id = $2`
	deleteEmptyRow = `DELETE FROM coviu_tokens WHERE id = $1 AND token IS NULL AND lease_until <= {now}`

	savePause = 100 * time.Millisecond
)

// SaveToken stores a user's token, in place of one that is there: after
// Client.Exchange, when the user has consented.
func (s *Store) SaveToken(ctx context.Context, id string, t *oauth2.Token) error {
	if t == nil || t.AccessToken == "" && t.RefreshToken == "" {
		return errors.New("coviusql: the token is empty")
	}
	row := rowID(id)
	sealed, err := s.seal(row, t)
	if err == nil {
		_, err = s.exec(ctx, saveToken, row, rand.Text(), sealed, lifetime(t))
	}
	return failed("save token", err)
}

// DeleteToken removes a user's token: after the user has disconnected. A refresh
// that is going on does not bring it back.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	row := rowID(id)
	_, err := s.exec(ctx, deleteToken, rand.Text(), row)
	if err == nil {
		_, err = s.exec(ctx, deleteEmptyRow, row)
	}
	return failed("delete token", err)
}

// tokenStore is a coviu.TokenStore. A refresh takes two statements, and so does
// an update that changes nothing.
type tokenStore struct {
	store *Store
	row   string
}

// tokenColumns are a row as it is read.
type tokenColumns struct {
	version string
	sealed  sql.NullString
	left    sql.NullInt64 // milliseconds
}

func (c *tokenColumns) into() []any { return []any{&c.version, &c.sealed, &c.left} }

// Update replaces the token, as coviu.TokenStore says. f goes on when the lease
// is lost: the version decides whose token is kept.
func (t *tokenStore) Update(
	ctx context.Context, f func(context.Context, *oauth2.Token) (*oauth2.Token, error),
) (*oauth2.Token, error) {
	s := t.store
	l := s.newLease("coviu_tokens", t.row)
	var columns tokenColumns
	var unreleased bool
	err := l.take(ctx, takeToken, []any{l.row, l.holder, s.settings.Lease.Milliseconds()}, append(columns.into(), &unreleased)...)
	if err != nil {
		return nil, failed("read token", err)
	}
	stop := l.keep(ctx, func() {})
	defer stop()
	unchanged := true
	defer func() {
		if unchanged {
			t.release(ctx, l, !columns.sealed.Valid)
		}
	}()
	stored, err := s.unseal(t.row, columns, l.taken)
	if err != nil {
		return nil, failed("read token", err)
	}
	if unreleased && stored != nil && stored.RefreshToken != "" {
		// The holder before may have died between the service's reply and the save.
		// The service may still accept the old refresh token, but not for long.
		stored.Expiry = l.taken
	}
	token, err := f(ctx, stored)
	switch {
	case err != nil:
		return nil, err
	case token == stored:
		return stored, nil
	case token == nil:
		return nil, errors.New("coviusql: an update returned no token")
	}
	unchanged = false
	winner, err := t.replace(ctx, l, columns.version, token)
	return winner, failed("save token", err)
}

// replace saves token if the row still has the given version, and returns the
// token that is stored then. A refresh token that was replaced can't be asked for
// again, so it tries for as long as a lease lasts, whatever becomes of ctx.
func (t *tokenStore) replace(ctx context.Context, l *lease, version string, token *oauth2.Token) (*oauth2.Token, error) {
	s := t.store
	sealed, err := s.seal(t.row, token)
	if err != nil {
		t.release(ctx, l, false)
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.Lease)
	defer cancel()
	for {
		changed, err := s.exec(ctx, replaceToken, rand.Text(), sealed, lifetime(token), l.holder, t.row, version)
		switch {
		case err == nil && changed > 0:
			return token, nil
		case err == nil:
			// Another version is there, perhaps this very token: the reply to an
			// attempt may have been lost.
			winner, err := t.read(ctx)
			t.release(ctx, l, winner == nil)
			return winner, err
		case wait(ctx, savePause) != nil:
			return nil, err
		}
	}
}

func (t *tokenStore) read(ctx context.Context) (*oauth2.Token, error) {
	var columns tokenColumns
	_, began, err := t.store.queryRow(ctx, readToken, []any{t.row}, columns.into()...)
	if err != nil {
		return nil, err
	}
	return t.store.unseal(t.row, columns, began)
}

// release keeps no row for a user without a token.
func (t *tokenStore) release(ctx context.Context, l *lease, empty bool) {
	l.release(ctx)
	if empty {
		_, _ = t.store.exec(ctx, deleteEmptyRow, t.row)
	}
}

// lifetime is what is left of t's life, in milliseconds: NULL if it does not
// expire.
func lifetime(t *oauth2.Token) any {
	if t.Expiry.IsZero() {
		return nil
	}
	return time.Until(t.Expiry).Milliseconds()
}
