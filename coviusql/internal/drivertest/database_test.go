package drivertest

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/coviu/coviu-go-sdk/coviusql"
	"github.com/coviu/coviu-go-sdk/coviusql/internal/settings"
)

const (
	postgresDSN  = "COVIU_TEST_POSTGRES"
	pgbouncerDSN = "COVIU_TEST_PGBOUNCER"
)

func TestMain(m *testing.M) {
	if task := environment(taskVariable); task != "" {
		runTask(task)
		return
	}
	for _, name := range []string{postgresDSN, pgbouncerDSN} {
		if environment(name) == "" {
			fmt.Println(name + " is not set: the tests leave that database out")
		}
	}
	// virtual_now is the clock of SQLite in tests with virtual time.
	sqlite.MustRegisterScalarFunction("virtual_now", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return time.Now().UnixMilli(), nil
	})
	os.Exit(m.Run())
}

// environment is what tests and their processes are told.
func environment(name string) string {
	return os.Getenv(name) //nolint:forbidigo // where databases are differs between machines
}

// database is a database, or a schema in one, that belongs to one test. It can
// be handed to other processes as text.
type database struct {
	Kind   string
	DSN    string
	Schema string
	// Isolation is the level of transactions, if it is not the default.
	Isolation string
}

// kinds are the databases at hand.
func kinds() []string {
	all := []string{"SQLite in WAL mode", "SQLite with a rollback journal"}
	if environment(postgresDSN) != "" {
		all = append(all, "PostgreSQL")
	}
	if environment(pgbouncerDSN) != "" {
		all = append(all, "PgBouncer")
	}
	return all
}

// onEach runs test on an empty database of each kind.
func onEach(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Parallel()
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newDatabase(t, kind))
		})
	}
}

func newDatabase(t testing.TB, kind string) database {
	t.Helper()
	file := "file:" + filepath.Join(t.TempDir(), "coviu.db")
	switch kind {
	case "SQLite in WAL mode":
		return database{Kind: kind, DSN: file + "?_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)"}
	case "SQLite with a rollback journal":
		return database{Kind: kind, DSN: file}
	case "PostgreSQL":
		d := database{Kind: kind, DSN: environment(postgresDSN), Schema: "test_" + strings.ToLower(rand.Text())}
		d.createSchema(t)
		return d
	default:
		// A proxy that pools transactions passes no search_path on: this test has
		// a database of its own.
		d := database{Kind: kind, DSN: environment(pgbouncerDSN), Schema: "test_" + strings.ToLower(rand.Text())}
		d.createDatabase(t)
		return d
	}
}

func (d database) createSchema(t testing.TB) {
	t.Helper()
	admin := newAdmin(t)
	_, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+d.Schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.ExecContext(context.WithoutCancel(t.Context()), "DROP SCHEMA "+d.Schema+" CASCADE")
		require.NoError(t, err)
	})
}

func (d database) createDatabase(t testing.TB) {
	t.Helper()
	admin := newAdmin(t)
	_, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+d.Schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+d.Schema+" WITH (FORCE)")
		require.NoError(t, err)
	})
}

// newAdmin connects to PostgreSQL itself.
func newAdmin(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", environment(postgresDSN))
	require.NoError(t, err)
	db.SetMaxIdleConns(0)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (d database) dialect() coviusql.Dialect {
	if d.Schema == "" {
		return coviusql.SQLite
	}
	return coviusql.PostgreSQL
}

// connector opens connections to d.
func (d database) connector() (driver.Connector, error) {
	if d.Schema == "" {
		// This driver, and no new one, knows virtual_now.
		registered, err := sql.Open("sqlite", "")
		if err != nil {
			return nil, err
		}
		defer registered.Close()
		return fileConnector{registered.Driver(), d.DSN}, nil
	}
	config, err := pgx.ParseConfig(d.DSN)
	if err != nil {
		return nil, err
	}
	if d.Kind == "PgBouncer" {
		config.Database = d.Schema
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	} else {
		config.RuntimeParams["search_path"] = d.Schema
		config.RuntimeParams["application_name"] = d.Schema
		config.RuntimeParams["default_transaction_isolation"] = cmp.Or(d.Isolation, "read committed")
	}
	return stdlib.GetConnector(*config), nil
}

type fileConnector struct {
	driver driver.Driver
	dsn    string
}

func (c fileConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c fileConnector) Driver() driver.Driver                        { return c.driver }

// pool is closed at the end of the test.
func (d database) pool(t testing.TB) *sql.DB {
	t.Helper()
	connector, err := d.connector()
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// store is one of any number of stores on d: each has a pool of its own, as each
// process has.
func (d database) store(t testing.TB, opts ...coviusql.Option) *coviusql.Store {
	t.Helper()
	s, err := coviusql.Open(t.Context(), d.pool(t), d.dialect(), opts...)
	require.NoError(t, err)
	return s
}

// withLease shortens the lease, and the pauses between renewals with it.
func withLease(lease time.Duration) coviusql.Option {
	return func(s *settings.Settings) error {
		s.Lease, s.Renew = lease, lease*3/10
		return nil
	}
}

// withVirtualClock makes SQLite count by the clock of a synctest bubble.
func withVirtualClock(s *settings.Settings) error {
	s.Now = "virtual_now()"
	return nil
}
