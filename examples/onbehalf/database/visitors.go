package database

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	addVisitor    = `INSERT INTO onbehalf_visitors (id, account, expires) VALUES ($1, '', $2)`
	nameAccount   = `UPDATE onbehalf_visitors SET account = $1 WHERE id = $2`
	findVisitor   = `SELECT account FROM onbehalf_visitors WHERE id = $1 AND expires > $2`
	removeVisitor = `DELETE FROM onbehalf_visitors WHERE id = $1`
	findExpired   = `SELECT id FROM onbehalf_visitors WHERE expires <= $1`
)

// AddVisitor records a visitor who connected an account. Its token is the one that
// Store has under the same id.
func (d *Database) AddVisitor(ctx context.Context, id string, expires time.Time) error {
	_, err := d.exec(ctx, addVisitor, id, expires.UnixMilli())
	return err
}

// NameAccount records the name of the visitor's account.
func (d *Database) NameAccount(ctx context.Context, id, account string) error {
	_, err := d.exec(ctx, nameAccount, account, id)
	return err
}

// Account returns the name of the visitor's account, and whether the visitor has
// one. The name is empty as long as it is not recorded.
func (d *Database) Account(ctx context.Context, id string, now time.Time) (account string, connected bool, err error) {
	err = d.db.QueryRowContext(ctx, d.rewrite.Replace(findVisitor), id, now.UnixMilli()).Scan(&account)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return account, err == nil, err
}

// RemoveVisitor deletes the visitor's token, then the visitor, and tells whether
// there was one. A crash in between leaves a visitor who is asked to connect again,
// and never a token that nobody can reach.
func (d *Database) RemoveVisitor(ctx context.Context, id string) (bool, error) {
	if err := d.Store.DeleteToken(ctx, id); err != nil {
		return false, err
	}
	removed, err := d.exec(ctx, removeVisitor, id)
	return removed > 0, err
}

func (d *Database) expired(ctx context.Context, now time.Time) (ids []string, err error) {
	rows, err := d.db.QueryContext(ctx, d.rewrite.Replace(findExpired), now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
