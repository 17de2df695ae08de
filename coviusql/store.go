package coviusql

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql/internal/settings"
)

// Dialect is the kind of database behind a [sql.DB].
type Dialect int

// The databases that a Store works with.
const (
	PostgreSQL Dialect = iota + 1 // 12 or newer
	SQLite                        // 3.35 or newer
)

// dialect is what differs between databases.
type dialect struct {
	now         string // milliseconds since 1970, the same in all of a statement
	placeholder string
	tablesExist string
	lockTables  string
}

func (d Dialect) details() (dialect, bool) {
	switch d {
	case PostgreSQL:
		return dialect{
			now:         "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint)",
			placeholder: "$",
			tablesExist: "SELECT to_regclass('coviu_schema') IS NOT NULL",
			// Without it, two processes that create one table at once can fail.
			lockTables: "SELECT pg_advisory_xact_lock(7165060813);\n",
		}, true
	case SQLite:
		return dialect{
			now:         "CAST((julianday('now') - 2440587.5) * 86400000 AS bigint)",
			placeholder: "?",
			tablesExist: "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'coviu_schema'",
		}, true
	}
	return dialect{}, false
}

// Store keeps tokens and bookings in a database. It is safe for concurrent use,
// by any number of processes.
type Store struct {
	db       *sql.DB
	dialect  dialect
	settings settings.Settings
	rewrite  *strings.Replacer
}

// Option changes a setting of [Open].
type Option func(*settings.Settings) error

// WithGrace sets how late the service may carry out or list a booking. The
// default is 5 minutes. All processes should use the same.
func WithGrace(d time.Duration) Option {
	return func(s *settings.Settings) error {
		if d <= 0 {
			return errors.New("the grace period is not positive")
		}
		s.Grace = d
		return nil
	}
}

// WithEncryptionKeys encrypts tokens by AES-256-GCM. Keys have 32 bytes. New
// tokens are encrypted with current; stored ones may be encrypted with current
// or with any of the old keys. To replace a key, first give the new one to all
// processes as an old key, then make it the current one.
//
// Unencrypted tokens are refused, unless one of the old keys is empty: then they
// are read, and encrypted when they are next saved.
func WithEncryptionKeys(current []byte, old ...[]byte) Option {
	return func(s *settings.Settings) error {
		keys, unencrypted := [][]byte{current}, false
		for _, key := range old {
			if len(key) == 0 {
				unencrypted = true
				continue
			}
			keys = append(keys, key)
		}
		ciphers := make([]cipher.AEAD, 0, len(keys))
		for _, key := range keys {
			if len(key) != sha256.Size {
				return errors.New("an encryption key does not have 32 bytes")
			}
			block, err := aes.NewCipher(key)
			if err != nil {
				return err
			}
			aead, err := cipher.NewGCMWithRandomNonce(block)
			if err != nil {
				return err
			}
			ciphers = append(ciphers, aead)
		}
		s.Keys, s.Unencrypted = ciphers, unencrypted
		return nil
	}
}

// Open returns a Store on db. It creates the tables, described by [Schema], if
// they are missing, and runs no DDL if they are there. Any number of processes
// may call it at once. The caller closes db after the last use of the Store.
func Open(ctx context.Context, db *sql.DB, d Dialect, opts ...Option) (*Store, error) {
	details, known := d.details()
	switch {
	case db == nil:
		return nil, errors.New("coviusql: the database is nil")
	case !known:
		return nil, errors.New("coviusql: the dialect is neither PostgreSQL nor SQLite")
	}
	s := &Store{db: db, dialect: details, settings: settings.Settings{
		Lease: 10 * time.Second,
		Renew: 3 * time.Second,
		Grace: 5 * time.Minute,
		Now:   details.now,
	}}
	for _, option := range opts {
		if option == nil {
			return nil, errors.New("coviusql: an option is nil")
		}
		if err := option(&s.settings); err != nil {
			return nil, fmt.Errorf("coviusql: %w", err)
		}
	}
	s.rewrite = strings.NewReplacer("{now}", s.settings.Now, "$", details.placeholder)
	err := s.prepareTables(ctx)
	if e, ok := errors.AsType[*databaseError](err); ok {
		// These statements carry no secret, and whoever sets up the database needs
		// the text of the error.
		err = e.cause
	}
	if err != nil {
		return nil, failed("open", err)
	}
	return s, nil
}

// Token returns the store of one user's token. id is any string that names the
// user in your program; the database sees its SHA-256 only.
func (s *Store) Token(id string) coviu.TokenStore { return &tokenStore{s, rowID(id)} }

// Ledger returns the record of bookings. Keys may be any strings, unique across
// all programs that use these tables; the database sees their SHA-256 only.
func (s *Store) Ledger() coviu.BookingLedger { return &ledger{s} }

// Format prints the type alone, under every verb.
func (s Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coviusql.Store{…}") }

// rowID makes a short id of any string. It holds only hex digits, so the string's
// bytes and the database's collation don't matter.
func rowID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}
