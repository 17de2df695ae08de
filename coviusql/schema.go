package coviusql

import (
	"context"
	"fmt"
	"strings"
)

// schemaVersion is the version of the tables that this code works with.
const schemaVersion = 1

// Schema creates the tables, in both dialects. [Open] runs it when they are
// missing. Run it yourself where the program has no right to create tables: it
// then needs SELECT on coviu_schema, and SELECT, INSERT, UPDATE and DELETE on
// the other two.
//
// An id is the SHA-256 of the caller's id or key, in hex. Times are milliseconds
// since 1970 on the database's clock.
const Schema = `CREATE TABLE IF NOT EXISTS coviu_tokens (
	id          text   NOT NULL PRIMARY KEY,
	version     text   NOT NULL,            -- changed by each save and deletion
	token       text,                       -- NULL if there is none
	expires_at  bigint,                     -- NULL if the token does not expire
	holder      text   NOT NULL DEFAULT '', -- who refreshes the token
	lease_until bigint NOT NULL DEFAULT 0,  -- when holder loses the row
	unreleased  bigint NOT NULL DEFAULT 0   -- 1: the holder before did not release the row
);
CREATE TABLE IF NOT EXISTS coviu_bookings (
	id           text   NOT NULL PRIMARY KEY,
	session_id   text   NOT NULL DEFAULT '', -- '' if none is recorded
	sending      bigint NOT NULL DEFAULT 0,  -- 1: the last holder began a request and did not settle it
	intent_until bigint,                     -- when an unsettled request of an earlier holder could last be sent
	overdue      bigint NOT NULL DEFAULT 0,  -- 1: a request was once left unsettled beyond the grace period
	holder       text   NOT NULL DEFAULT '', -- who books
	lease_until  bigint NOT NULL DEFAULT 0   -- when holder loses, lost or released the row
);
CREATE TABLE IF NOT EXISTS coviu_schema (
	version bigint NOT NULL PRIMARY KEY -- the greatest one counts
);
INSERT INTO coviu_schema (version) VALUES (1) ON CONFLICT DO NOTHING;
`

// prepareTables creates the tables unless they are there.
func (s *Store) prepareTables(ctx context.Context) error {
	version, err := s.tablesVersion(ctx)
	switch {
	case err != nil:
		return err
	case version > schemaVersion:
		return fmt.Errorf("the tables have version %d: this program knows versions up to %d", version, schemaVersion)
	case version == schemaVersion:
		return nil
	}
	return retry(ctx, func() error { return s.createTables(ctx) })
}

// tablesVersion returns 0 if there are no tables.
func (s *Store) tablesVersion(ctx context.Context) (version int, err error) {
	var exists bool
	if _, _, err := s.queryRow(ctx, s.dialect.tablesExist, nil, &exists); err != nil || !exists {
		return 0, err
	}
	_, _, err = s.queryRow(ctx, "SELECT COALESCE(max(version), 0) FROM coviu_schema", nil, &version)
	return version, err
}

// createTables runs in one transaction. Several processes may do so at once:
// each statement does nothing when another process was first.
func (s *Store) createTables(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to do after a commit
	for statement := range strings.SplitSeq(s.dialect.lockTables+Schema, ";\n") {
		if statement == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}
