package drivertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
)

func TestStatementsOfEachOperation(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s, r := recorded(t, d)
		ctx := t.Context()
		r.take()
		update := func(f func()) func() {
			return func() {
				_, err := s.Token("user").Update(ctx, replaceBy(token(2), f))
				require.NoError(t, err)
			}
		}
		for _, operation := range []struct {
			name string
			run  func()
			want int
		}{
			{"a booking", func() { require.NoError(t, book(ctx, s, "key", "session")) }, 4},
			{"a key that is booked", func() { look(t, s, "key") }, 2},
			{"a first token", func() { require.NoError(t, s.SaveToken(ctx, "user", token(1))) }, 1},
			{"a refresh", update(func() {}), 2},
			{"an update that changes nothing", func() { stored(t, s, "user") }, 2},
			{"a refresh that comes too late", update(func() {
				require.NoError(t, s.SaveToken(ctx, "user", token(1)))
			}), 5},
			{"a deletion", func() { require.NoError(t, s.DeleteToken(ctx, "user")) }, 2},
		} {
			operation.run()
			statements := r.take()
			require.Len(t, statements, operation.want, "%s: %s", operation.name, strings.Join(statements, "\n"))
			for _, statement := range statements {
				require.NotEqual(t, "BEGIN", statement, operation.name)
			}
		}
	})
}

func TestOpenRunsNoDDLOnCurrentTables(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		_, r := recorded(t, d)
		require.Contains(t, strings.Join(r.take(), "\n"), "CREATE TABLE")
		_, r = recorded(t, d)
		statements := r.take()
		require.Len(t, statements, 2)
		for _, statement := range statements {
			require.Regexp(t, "^SELECT ", statement)
		}
	})
}

func TestOpenUsesTablesThatSomebodyElseCreated(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		db := d.pool(t)
		for statement := range strings.SplitSeq(coviusql.Schema, ";\n") {
			if statement != "" {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
		}
		s, r := recorded(t, d)
		require.Len(t, r.take(), 2)
		require.NoError(t, book(t.Context(), s, "key", "session"))
	})
}

func TestOpenRefusesTablesOfALaterVersion(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		d.store(t)
		_, err := d.pool(t).ExecContext(t.Context(), "INSERT INTO coviu_schema (version) VALUES (2)")
		require.NoError(t, err)
		_, err = coviusql.Open(t.Context(), d.pool(t), d.dialect())
		require.EqualError(t, err, "coviusql: open: the tables have version 2: this program knows versions up to 1")
	})
}

func TestOpenSaysWhatTheDatabaseSays(t *testing.T) {
	d := newDatabase(t, "SQLite in WAL mode")
	_, err := coviusql.Open(t.Context(), d.pool(t), coviusql.PostgreSQL)
	require.ErrorContains(t, err, "no such function: to_regclass")
}

func TestOpenRefusesWhatMakesNoStore(t *testing.T) {
	d := newDatabase(t, "SQLite in WAL mode")
	_, err := coviusql.Open(t.Context(), nil, coviusql.SQLite)
	require.EqualError(t, err, "coviusql: the database is nil")
	for _, dialect := range []coviusql.Dialect{-1, 0, 3} {
		_, err = coviusql.Open(t.Context(), d.pool(t), dialect)
		require.EqualError(t, err, "coviusql: the dialect is neither PostgreSQL nor SQLite")
	}
	key := make([]byte, 32)
	for want, option := range map[string]coviusql.Option{
		"an option is nil":                         nil,
		"the grace period is not positive":         coviusql.WithGrace(0),
		"an encryption key does not have 32 bytes": coviusql.WithEncryptionKeys(nil, key),
	} {
		_, err := coviusql.Open(t.Context(), d.pool(t), coviusql.SQLite, option)
		require.EqualError(t, err, "coviusql: "+want)
	}
	_, err = coviusql.Open(t.Context(), d.pool(t), coviusql.SQLite, coviusql.WithEncryptionKeys(key, key[:31]))
	require.EqualError(t, err, "coviusql: an encryption key does not have 32 bytes")
}

func TestAnErrorShowsNothingOfTheDatabasesText(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s, r := recorded(t, d)
		r.setDown(true)
		ctx := t.Context()
		_, update := s.Token("CANARY").Update(ctx, replaceBy(token(1), func() { t.Fatal("no token was read") }))
		_, prune := s.Prune(ctx, time.Now())
		for want, err := range map[string]error{
			"save token":       s.SaveToken(ctx, "CANARY", token(1)),
			"delete token":     s.DeleteToken(ctx, "CANARY"),
			"read token":       update,
			"prune bookings":   prune,
			"hold booking key": book(ctx, s, "CANARY", "CANARY"),
		} {
			require.EqualError(t, err, "coviusql: "+want+": database error")
			require.ErrorIs(t, err, errDown)
			requireNoCanary(t, err)
		}
		r.setDown(false)
		require.NoError(t, s.Ledger().Hold(ctx, "key", func(ctx context.Context, b *coviu.Booking) error {
			r.setDown(true)
			defer r.setDown(false)
			require.EqualError(t, b.Begin(ctx), "coviusql: record request: database error")
			require.EqualError(t, b.Settle(ctx, "CANARY"), "coviusql: record booking: database error")
			return nil
		}))
	})
}

func TestAnErrorNamesPostgreSQLsState(t *testing.T) {
	onEachPostgreSQL(t, func(t *testing.T, d database) {
		s := d.store(t)
		_, err := d.pool(t).ExecContext(t.Context(), "DROP TABLE coviu_tokens")
		require.NoError(t, err)
		err = s.SaveToken(t.Context(), "user", token(1))
		require.EqualError(t, err, "coviusql: save token: database error (SQLSTATE 42P01)")
		_, ok := errors.AsType[*pgconn.PgError](err)
		require.True(t, ok)
	})
}
