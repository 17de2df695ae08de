package processtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
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

// database is a SQLite file, or a schema in PostgreSQL, that belongs to one test.
// Processes get it as text.
type database struct {
	DSN    string
	Schema string // "" for SQLite
	File   string // of SQLite
	// ProxyPort is the loopback port of a proxy before PostgreSQL, 0 if there is
	// none.
	ProxyPort uint16
}

// onEach runs test on an empty database of each kind at hand.
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

func kinds() []string {
	if environment(postgresDSN) == "" {
		return []string{"SQLite"}
	}
	return []string{"SQLite", "PostgreSQL"}
}

func newDatabase(t *testing.T, kind string) database {
	t.Helper()
	if kind == "SQLite" {
		file := filepath.Join(t.TempDir(), "coviu.db")
		return database{File: file, DSN: "file:" + file + "?_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)"}
	}
	d := database{DSN: environment(postgresDSN), Schema: "test_" + strings.ToLower(rand.Text())}
	admin := newAdmin(t)
	_, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+d.Schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.ExecContext(context.WithoutCancel(t.Context()), "DROP SCHEMA "+d.Schema+" CASCADE")
		require.NoError(t, err)
	})
	return d
}

// newAdmin connects to PostgreSQL past every proxy.
func newAdmin(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", environment(postgresDSN))
	require.NoError(t, err)
	db.SetMaxIdleConns(0)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (d database) isSQLite() bool { return d.Schema == "" }

func (d database) kind() string {
	if d.isSQLite() {
		return "SQLite"
	}
	return "PostgreSQL"
}

// open returns a pool of its own for each process.
func (d database) open(connections int) (*sql.DB, error) {
	connector, err := d.connector()
	if err != nil {
		return nil, err
	}
	return newPool(connector, connections), nil
}

func newPool(connector driver.Connector, connections int) *sql.DB {
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

// fileConnector opens a SQLite file.
type fileConnector struct {
	driver driver.Driver
	dsn    string
}

func (c fileConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c fileConnector) Driver() driver.Driver                        { return c.driver }

func (d database) connector() (driver.Connector, error) {
	if d.isSQLite() {
		return fileConnector{&sqlite.Driver{}, d.DSN}, nil
	}
	config, err := pgx.ParseConfig(d.DSN)
	if err != nil {
		return nil, err
	}
	if d.ProxyPort != 0 {
		config.Host, config.Port = "127.0.0.1", d.ProxyPort
	}
	config.RuntimeParams["search_path"] = d.Schema
	config.RuntimeParams["application_name"] = d.Schema
	return stdlib.GetConnector(*config), nil
}

// timing is what tests shorten. The zero value keeps coviusql's own.
type timing struct{ Lease, Grace time.Duration }

func (d database) store(ctx context.Context, db *sql.DB, set timing) (*coviusql.Store, error) {
	dialect := coviusql.PostgreSQL
	if d.isSQLite() {
		dialect = coviusql.SQLite
	}
	var opts []coviusql.Option
	if set.Lease > 0 {
		opts = append(opts, func(s *settings.Settings) error {
			s.Lease, s.Renew = set.Lease, set.Lease*3/10
			return nil
		})
	}
	if set.Grace > 0 {
		opts = append(opts, coviusql.WithGrace(set.Grace))
	}
	return coviusql.Open(ctx, db, dialect, opts...)
}

// ownStore is a store of the test itself.
func (d database) ownStore(t *testing.T, set timing) *coviusql.Store {
	t.Helper()
	db, err := d.open(2)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := d.store(t.Context(), db, set)
	require.NoError(t, err)
	return s
}
