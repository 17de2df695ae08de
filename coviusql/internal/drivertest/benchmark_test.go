package drivertest

import (
	"context"
	"database/sql"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/coviusql"
)

// onEachInFlight runs operation by one goroutine and by 64 on a pool of 4
// connections. n is another number each time.
func onEachInFlight(b *testing.B, operation func(ctx context.Context, s *coviusql.Store, n int) error) {
	b.Helper()
	for _, kind := range kinds() {
		for _, goroutines := range []int{1, 64} {
			b.Run(kind+"/"+strconv.Itoa(goroutines)+" in flight", func(b *testing.B) {
				d := newDatabase(b, kind)
				connector, err := d.connector()
				require.NoError(b, err)
				db := sql.OpenDB(connector)
				defer db.Close()
				db.SetMaxOpenConns(4)
				db.SetMaxIdleConns(4)
				s, err := coviusql.Open(b.Context(), db, d.dialect())
				require.NoError(b, err)
				var n atomic.Int64
				b.ResetTimer()
				b.SetParallelism(max(1, goroutines/runtime.GOMAXPROCS(0)))
				if goroutines == 1 {
					for b.Loop() {
						require.NoError(b, operation(b.Context(), s, int(n.Add(1))))
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := operation(b.Context(), s, int(n.Add(1))); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

func BenchmarkBooking(b *testing.B) {
	onEachInFlight(b, func(ctx context.Context, s *coviusql.Store, n int) error {
		return book(ctx, s, strconv.Itoa(n), "session")
	})
}

func BenchmarkRefresh(b *testing.B) {
	onEachInFlight(b, func(ctx context.Context, s *coviusql.Store, n int) error {
		_, err := s.Token(strconv.Itoa(n)).Update(ctx, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			return token(n), nil
		})
		return err
	})
}
