package replicatest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// ledgerFunc is a ledger that is one function.
type ledgerFunc func(ctx context.Context, key string, f func(context.Context, *coviu.Booking) error) error

func (l ledgerFunc) Hold(ctx context.Context, key string, f func(context.Context, *coviu.Booking) error) error {
	return l(ctx, key, f)
}

// holdWith holds without a lease, with the given Begin and Settle.
func holdWith(begin, settle func() error) ledgerFunc {
	return func(ctx context.Context, _ string, f func(context.Context, *coviu.Booking) error) error {
		return f(ctx, &coviu.Booking{
			Begin:  func(context.Context) error { return begin() },
			Settle: func(context.Context, string) error { return settle() },
		})
	}
}

func bookingClient(t *testing.T, l coviu.BookingLedger, transport http.RoundTripper) *coviu.Client {
	t.Helper()
	c, err := coviu.NewClient("", "", coviu.WithBookingLedger(l),
		coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"})),
		coviu.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	return c
}

func TestFault75_LedgerUnreachable(t *testing.T) {
	works := func() error { return nil }
	broken := func() error { return errStore }
	panics := func() error { panic("canary") }
	for name, l := range map[string]ledgerFunc{
		"hold fails": func(context.Context, string, func(context.Context, *coviu.Booking) error) error { return errStore },
		"hold panics": func(context.Context, string, func(context.Context, *coviu.Booking) error) error {
			panic("canary")
		},
		"hold does nothing": func(context.Context, string, func(context.Context, *coviu.Booking) error) error { return nil },
		"begin fails":       holdWith(broken, works),
		"begin panics":      holdWith(panics, works),
		"all fail":          holdWith(broken, broken),
		"all panic":         holdWith(panics, panics),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{}
				c := bookingClient(t, l, &wire{service: s, replica: new(faults).newReplica()})
				_, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
				require.ErrorContains(t, err, "nothing was booked")
				require.NotContains(t, fmt.Sprintf("%v %+v", err, err), "canary")
				require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
				require.Zero(t, s.sent())
				if name == "hold fails" || name == "begin fails" {
					require.ErrorIs(t, err, errStore)
				}
			})
		})
	}
	for name, settle := range map[string]func() error{"settle fails": broken, "settle panics": panics} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{}
				c := bookingClient(t, holdWith(works, settle), &wire{service: s, replica: new(faults).newReplica()})
				session, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
				require.NoError(t, err)
				require.Equal(t, "s1", session.SessionID)
			})
		})
	}
	t.Run("release panics", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &service{}
			hold := holdWith(works, works)
			c := bookingClient(t, ledgerFunc(func(ctx context.Context, key string, f func(context.Context, *coviu.Booking) error) error {
				_ = hold(ctx, key, f)
				panic("canary")
			}), &wire{service: s, replica: new(faults).newReplica()})
			session, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
			require.NoError(t, err)
			require.Equal(t, "s1", session.SessionID)
		})
	})
}

// A Begin that fails may have recorded its request. Nothing is sent, so the next
// call need not wait for it.
func TestFault75_BeginFailsAfterItTookEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBookingRun(t, &bookingSchedule{faults: [2]fault{{afterBegin, 1, fails}}}, &bookingRow{})
		r, c := b.start()
		defer r.cancel()
		_, err := c.Sessions.CreateOnce(t.Context(), key, appointment())
		require.ErrorIs(t, err, errStore)
		require.ErrorContains(t, err, "nothing was booked")
		began := time.Now()
		_, err = c.Sessions.CreateOnce(t.Context(), key, appointment())
		require.NoError(t, err)
		require.Less(t, time.Since(began), time.Second)
	})
}

// transportFunc is a transport that is one function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFault75_APanicOfTheTransportReachesTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		row := &bookingRow{}
		r := new(faults).newReplica()
		defer r.cancel()
		l := &ledger{r, row}
		c := bookingClient(t, l, transportFunc(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				panic("of the caller")
			}
			return reply(r, http.StatusOK, `{"content":[],"more":false}`), nil
		}))
		require.PanicsWithValue(t, "of the caller", func() {
			_, _ = c.Sessions.CreateOnce(t.Context(), key, appointment())
		})
		require.True(t, row.state().sending, "nobody knows what became of the request")
		require.Nil(t, row.holder, "the key was released")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Sessions.CreateOnce(ctx, key, appointment())
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown, "the client goes on, and waits for the request")
	})
}
