// Package database keeps what the web server must not lose and its replicas must
// share: the users' tokens, the keys of bookings, and who has which account.
package database

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/coviu/coviu-go-sdk/coviusql"
)

// Database is a SQLite file or a PostgreSQL database.
type Database struct {
	// Store keeps the tokens and the keys of bookings.
	Store *coviusql.Store

	db      *sql.DB
	rewrite *strings.Replacer
}

// Open opens the PostgreSQL database of a postgres:// URL, or else the SQLite file
// of that name. It creates what is missing. A key of 32 bytes encrypts the tokens;
// without one they are stored as they are.
func Open(ctx context.Context, name string, key []byte) (*Database, error) {
	driver, dsn, dialect, placeholder := "pgx", name, coviusql.PostgreSQL, "$"
	if !isPostgreSQL(name) {
		driver, dialect, placeholder = "sqlite", coviusql.SQLite, "?"
		var err error
		if dsn, err = prepareFile(name); err != nil {
			return nil, err
		}
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(8)
	var opts []coviusql.Option
	if len(key) > 0 {
		// The empty old key lets tokens be read that were stored without a key.
		opts = append(opts, coviusql.WithEncryptionKeys(key, nil))
	}
	d := &Database{db: db, rewrite: strings.NewReplacer("$", placeholder)}
	if d.Store, err = coviusql.Open(ctx, db, dialect, opts...); err == nil {
		err = d.createTable(ctx, dialect)
	}
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return d, nil
}

func isPostgreSQL(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// prepareFile creates the file, so that only its owner can read it, and returns
// its data source name. SQLite gives its other files the same mode.
func prepareFile(name string) (string, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the user named it
	if err != nil {
		return "", err
	}
	path := (&url.URL{Path: name}).EscapedPath()
	return "file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)", file.Close()
}

// Close ends the connections.
func (d *Database) Close() error { return d.db.Close() }

// Two processes that create one table at once can fail in PostgreSQL.
const lockTables = "SELECT pg_advisory_xact_lock(4711808);\n"

// The id is a hash of the visitor's cookie: whoever reads the database can't act
// for a visitor.
const visitorTable = `CREATE TABLE IF NOT EXISTS onbehalf_visitors (
	id      text   NOT NULL PRIMARY KEY,
	account text   NOT NULL,
	expires bigint NOT NULL
)`

func (d *Database) createTable(ctx context.Context, dialect coviusql.Dialect) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to do after a commit
	if dialect == coviusql.PostgreSQL {
		_, err = tx.ExecContext(ctx, lockTables)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, visitorTable)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// Tidy removes visitors whose time is up, and the keys of bookings of which
// nothing was heard for a month.
func (d *Database) Tidy(ctx context.Context, now time.Time) error {
	expired, err := d.expired(ctx, now)
	for _, id := range expired {
		if err == nil {
			_, err = d.RemoveVisitor(ctx, id)
		}
	}
	if err != nil {
		return err
	}
	_, err = d.Store.Prune(ctx, now.AddDate(0, -1, 0))
	return err
}

func (d *Database) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := d.db.ExecContext(ctx, d.rewrite.Replace(statement), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
