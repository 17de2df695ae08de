package drivertest

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
)

// onEachPostgreSQL runs test where there is one.
func onEachPostgreSQL(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Parallel()
	for _, kind := range kinds()[2:] {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newDatabase(t, kind))
		})
	}
}

// severConnections ends all connections to d, as a restart of the server does.
func severConnections(ctx context.Context, admin *sql.DB, d database) error {
	_, err := admin.ExecContext(ctx,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $1 IN (application_name, datname::text)", d.Schema)
	return err
}

func TestAHoldSurvivesTheLossOfItsConnections(t *testing.T) {
	onEachPostgreSQL(t, func(t *testing.T, d database) {
		const lease = 3 * time.Second
		admin := newAdmin(t)
		s := d.store(t, withLease(lease))
		require.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
			for range 4 {
				require.NoError(t, severConnections(ctx, admin, d))
				<-time.After(lease / 2)
			}
			require.NoError(t, ctx.Err(), "twice as long as the lease")
			require.NoError(t, b.Begin(ctx))
			return b.Settle(ctx, "session")
		}))
		require.Equal(t, facts{session: "session"}, known(look(t, d.store(t), "key")))
	})
}

func TestARefreshSurvivesTheLossOfItsConnections(t *testing.T) {
	onEachPostgreSQL(t, func(t *testing.T, d database) {
		admin := newAdmin(t)
		s := d.store(t)
		for i := range 20 {
			got, err := s.Token("user").Update(t.Context(), replaceBy(token(i), func() { require.NoError(t, severConnections(t.Context(), admin, d)) }))
			require.NoError(t, err)
			require.Equal(t, token(i), got)
		}
	})
}

func TestConnectionsThatAreLostAllTheTimeBookNothingTwice(t *testing.T) {
	onEachPostgreSQL(t, func(t *testing.T, d database) {
		const grace = time.Second
		admin := newAdmin(t)
		s := d.store(t, withLease(2*time.Second), coviusql.WithGrace(grace))
		service, address := newService(t, grace/3)
		ctx, cancel := context.WithCancel(t.Context())
		severed := make(chan struct{})
		go func() {
			defer close(severed)
			for severConnections(ctx, admin, d) == nil {
				<-time.After(30 * time.Millisecond)
			}
		}()
		const keys = 8
		var working sync.WaitGroup
		for range 4 {
			working.Go(func() {
				for i := 0; i < keys; {
					err := s.Ledger().Hold(t.Context(), string(rune('a'+i)), func(ctx context.Context, b *coviu.Booking) error {
						return bookOnce(ctx, address, string(rune('a'+i)), b)
					})
					if err == nil {
						i++
					}
				}
			})
		}
		working.Wait()
		cancel()
		<-severed
		service.requireOneSessionEach(t, keys)
		got, err := s.Token("user").Update(t.Context(), func(context.Context, *oauth2.Token) (*oauth2.Token, error) { return token(1), nil })
		require.NoError(t, err)
		require.Equal(t, token(1), got)
	})
}

func TestAStricterIsolationLevelIsNoObstacle(t *testing.T) {
	onEachPostgreSQL(t, func(t *testing.T, d database) {
		d.Isolation = "serializable"
		s := d.store(t)
		var holders, holds int
		var working sync.WaitGroup
		for range 12 {
			working.Go(func() {
				assert.NoError(t, s.Ledger().Hold(t.Context(), "key", func(ctx context.Context, b *coviu.Booking) error {
					// The race detector sees two holders here.
					holders++
					holds++
					assert.Equal(t, 1, holders)
					defer func() { holders-- }()
					return b.Begin(ctx)
				}))
			})
		}
		working.Wait()
		require.Equal(t, 12, holds)
	})
}
