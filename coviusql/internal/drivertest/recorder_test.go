package drivertest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviusql"
)

var (
	errDown  = errors.New("down: CANARY")
	errReply = errors.New("the reply was lost")
)

// recorder is between a store and its database. It records every statement and
// can fail them.
type recorder struct {
	driver.Connector

	mu         sync.Mutex
	statements []string
	down       bool
	// loseReply makes the next statement that begins with it fail after it was
	// carried out.
	loseReply string
	loseWith  error
}

// recorded is a store on d whose statements are recorded.
func recorded(t *testing.T, d database, opts ...coviusql.Option) (*coviusql.Store, *recorder) {
	t.Helper()
	connector, err := d.connector()
	require.NoError(t, err)
	r := &recorder{Connector: connector}
	db := sql.OpenDB(r)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := coviusql.Open(t.Context(), db, d.dialect(), opts...)
	require.NoError(t, err)
	return s, r
}

// take returns the statements since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.statements
	r.statements = nil
	return taken
}

func (r *recorder) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

func (r *recorder) loseReplyTo(statement string, with error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loseReply, r.loseWith = statement, with
}

// closedError is what PostgreSQL says when it closes a connection.
type closedError struct{}

func (closedError) Error() string    { return "terminating connection due to administrator command" }
func (closedError) SQLState() string { return "57P01" }

// record returns what the statement is answered with in place of a result, and
// whether it is carried out.
func (r *recorder) record(statement string) (carriedOut bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, statement)
	switch {
	case r.down:
		return false, errDown
	case r.loseReply != "" && strings.HasPrefix(statement, r.loseReply):
		r.loseReply = ""
		return true, r.loseWith
	}
	return true, nil
}

func (r *recorder) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &recordedConn{conn, r}, nil
}

type recordedConn struct {
	driver.Conn
	recorder *recorder
}

func (c *recordedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	carriedOut, fail := c.recorder.record(query)
	if !carriedOut {
		return nil, fail
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err == nil && fail != nil {
		return nil, errors.Join(fail, rows.Close())
	}
	return rows, err
}

func (c *recordedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	carriedOut, fail := c.recorder.record(query)
	if !carriedOut {
		return nil, fail
	}
	result, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if err == nil && fail != nil {
		return nil, fail
	}
	return result, err
}

func (c *recordedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if _, err := c.recorder.record("BEGIN"); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c *recordedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}
