package processtest

import (
	"context"
	"database/sql/driver"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
)

// counter counts the statements that a store sends.
type counter struct {
	driver.Connector

	statements atomic.Int64
}

func (c *counter) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countedConn{conn, c}, nil
}

type countedConn struct {
	driver.Conn

	counter *counter
}

func (c *countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.counter.statements.Add(1)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.counter.statements.Add(1)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c *countedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// countedStore is a store in this process, with a pool of 4 connections.
func (d database) countedStore(t *testing.T) (*coviusql.Store, *counter) {
	t.Helper()
	connector, err := d.connector()
	require.NoError(t, err)
	c := &counter{Connector: connector}
	db := newPool(c, 4)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := d.store(t.Context(), db, timing{})
	require.NoError(t, err)
	return s, c
}

const (
	inFlight     = 64
	bookings     = 20 * inFlight
	serviceDelay = 50 * time.Millisecond
)

// bookMany returns how long it took to book every key, many at once.
func bookMany(t *testing.T, s *service, opts ...coviu.Option) time.Duration {
	t.Helper()
	client := s.Client(t, opts...)
	_, err := client.Token(t.Context())
	require.NoError(t, err)
	keys := make(chan string, bookings)
	for i := range bookings {
		keys <- "key-" + strconv.Itoa(i)
	}
	close(keys)
	began := time.Now()
	var working sync.WaitGroup
	for range inFlight {
		working.Go(func() {
			for key := range keys {
				_, err := client.Sessions.CreateOnce(t.Context(), key, (&role{Start: s.start}).booking())
				assert.NoError(t, err)
			}
		})
	}
	working.Wait()
	return time.Since(began)
}

// slowService answers each request after a while.
func slowService(t *testing.T) *service {
	t.Helper()
	s := newService(t)
	s.onRequest(func(*arrival) { <-time.After(serviceDelay) })
	return s
}

func perSecond(took time.Duration) float64 { return bookings / took.Seconds() }

// The tests of overhead do not run beside others.
func TestOverheadOfTheLedger(t *testing.T) {
	t.Logf("no ledger: %.0f bookings/s, %d in flight", perSecond(bookMany(t, slowService(t))), inFlight)
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			store, counter := newDatabase(t, kind).countedStore(t)
			s := slowService(t)
			before := counter.statements.Load()
			took := bookMany(t, s, coviu.WithBookingLedger(store.Ledger()))
			booking := counter.statements.Load() - before
			repeated := bookMany(t, s, coviu.WithBookingLedger(store.Ledger()))
			require.Len(t, s.Sessions(), bookings)
			t.Logf("%s: %.0f bookings/s, %.2f statements each; called again: %.0f/s, %.2f statements each",
				kind, perSecond(took), float64(booking)/bookings,
				perSecond(repeated), float64(counter.statements.Load()-before-booking)/bookings)
		})
	}
}

// One booking at a time renews no lease and repeats no statement.
func TestABookingTakesFourStatements(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		store, counter := d.countedStore(t)
		s := newService(t)
		client := s.Client(t, coviu.WithBookingLedger(store.Ledger()))
		for range 2 {
			before := counter.statements.Load()
			_, err := client.Sessions.CreateOnce(t.Context(), "key", (&role{Start: s.start}).booking())
			require.NoError(t, err)
			require.LessOrEqual(t, counter.statements.Load()-before, int64(4))
		}
	})
}

func TestATokenAtHandTakesNoStatement(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		store, counter := d.countedStore(t)
		s := newService(t)
		require.NoError(t, store.SaveToken(t.Context(), "user", s.consent(t)))
		user, err := s.Client(t).AsStored(store.Token("user"))
		require.NoError(t, err)
		_, err = user.Token(t.Context())
		require.NoError(t, err)
		before := counter.statements.Load()
		for range 100 {
			_, err := user.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
		}
		require.Equal(t, before, counter.statements.Load())
	})
}

func TestOverheadOfTheTokenStore(t *testing.T) {
	const refreshes = 100
	s := newService(t)
	client := s.Client(t)
	measure := func(name string, act func(i int) *coviu.Client, statements func() int64) {
		users := make([]*coviu.Client, refreshes)
		for i := range users {
			users[i] = act(i)
		}
		before, began := statements(), time.Now()
		for _, user := range users {
			_, err := user.Token(t.Context())
			require.NoError(t, err)
		}
		t.Logf("%s: %.2f ms a refresh, %.1f statements", name,
			time.Since(began).Seconds()*1000/refreshes, float64(statements()-before)/refreshes)
	}
	measure("no store", func(int) *coviu.Client {
		token := s.consent(t)
		token.Expiry = time.Now()
		user, err := client.As(token)
		require.NoError(t, err)
		return user
	}, func() int64 { return 0 })
	for _, kind := range kinds() {
		store, counter := newDatabase(t, kind).countedStore(t)
		measure(kind, func(i int) *coviu.Client {
			token := s.consent(t)
			token.Expiry = time.Now()
			require.NoError(t, store.SaveToken(t.Context(), strconv.Itoa(i), token))
			user, err := client.AsStored(store.Token(strconv.Itoa(i)))
			require.NoError(t, err)
			return user
		}, counter.statements.Load)
	}
}
