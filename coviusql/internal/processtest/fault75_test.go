package processtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestFault75_WithoutItsDatabaseNothingIsBooked(t *testing.T) {
	const notBooked = "coviu: POST /sessions: booking ledger failed, nothing was booked"
	onEach(t, func(t *testing.T, d database) {
		failing := outage{"failing", func(t *testing.T, d database, _ *proxy) func() { return renameTables(t, d) }}
		for _, o := range append(d.outages(), failing) {
			t.Run(o.name, func(t *testing.T) {
				t.Parallel()
				s, d, p := newService(t), newDatabase(t, d.kind()), (*proxy)(nil)
				if !d.isSQLite() {
					d, p = behindProxy(t, d)
				}
				r := s.role(d, timing{Lease: 2 * time.Second})
				r.Ledger = true
				one := start(t, 0, r)
				require.Empty(t, one.do(t, order{Do: "book", Key: "before", Timeout: time.Minute}).Text)
				s.ClearRequests()

				end := o.begin(t, d, p)
				for _, key := range []string{"before", "new"} {
					require.Equal(t, notBooked, one.do(t, order{Do: "book", Key: key, Timeout: time.Second}).Text)
				}
				require.Zero(t, s.Count(coviutest.AnyOperation), "the service is not even asked")
				end()

				require.Empty(t, one.do(t, order{Do: "book", Key: "new", Timeout: time.Minute}).Text)
				require.Len(t, s.Sessions(), 2)
			})
		}
	})
}
