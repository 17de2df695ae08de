package createoncetest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// recorded is a ledger for one key, which only remembers the session.
type recorded struct {
	sessionID string
	unsettled time.Duration
	settled   int
}

func (r *recorded) Hold(ctx context.Context, _ string, f func(context.Context, *coviu.Booking) error) error {
	return f(ctx, &coviu.Booking{
		SessionID: r.sessionID,
		Unsettled: r.unsettled,
		Begin:     func(context.Context) error { return nil },
		Settle: func(_ context.Context, sessionID string) error {
			r.sessionID, r.unsettled = sessionID, 0
			r.settled++
			return nil
		},
	})
}

// A 401 for the recorded session does not prove that it was canceled. For a minute
// after a look at a canceled session, it may be about a revoked token.
func TestFault62_RevokedTokenIsNoCancellation(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
		client := s.Client(t, coviu.WithBookingLedger(new(recorded)))
		canceled, err := client.Sessions.Create(t.Context(), appointment(s))
		require.NoError(t, err)
		s.Fail(opBook, coviutest.ListLate(time.Minute))
		booked, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)

		_, err = client.Sessions.Delete(t.Context(), canceled.SessionID)
		require.NoError(t, err)
		_, err = client.Sessions.Get(t.Context(), canceled.SessionID, nil)
		require.ErrorIs(t, err, coviu.ErrUnauthorized)
		s.RevokeTokens()
		again, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		require.Equal(t, booked.SessionID, again.SessionID)

		_, err = client.Sessions.Delete(t.Context(), booked.SessionID)
		require.NoError(t, err)
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrPreviouslyCanceled)
		require.Equal(t, 2, s.Count(opBook))
	})
}

// Nothing is known about the recorded session if the second look at it fails.
func TestFault62_FailedLookIsNoCancellation(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
		client := s.Client(t, coviu.WithBookingLedger(new(recorded)))
		s.Fail(opBook, coviutest.ListLate(time.Hour))
		booked, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)

		const opGet = "GET /sessions/{session_id}"
		s.Fail(opGet, coviutest.Status(http.StatusUnauthorized, nil, "").Times(2), coviutest.Unavailable().Always())
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrServer)
		require.NotErrorIs(t, err, coviu.ErrPreviouslyCanceled)
		s.ClearFaults()
		before := s.Count(opGet)
		again, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		require.Equal(t, booked.SessionID, again.SessionID)
		require.Equal(t, before+1, s.Count(opGet), "one look at a session that is there")
		require.Equal(t, 1, s.Count(opBook))
	})
}

func TestCreateOnce_AnAdoptedSessionIsRecordedOnce(t *testing.T) {
	for _, unsettled := range []time.Duration{0, 20 * time.Second} {
		onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
			booked, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
			require.NoError(t, err)
			ledger := &recorded{unsettled: unsettled}
			withLedger := s.Client(t, coviu.WithBookingLedger(ledger))
			began := time.Now()
			for range 2 {
				session, err := withLedger.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
				require.NoError(t, err)
				require.Equal(t, booked.SessionID, session.SessionID)
				require.Equal(t, booked.SessionID, ledger.sessionID)
				require.Equal(t, 1, ledger.settled)
			}
			require.Zero(t, time.Since(began), "it looks no longer than it must")
		})
	}
}

func TestCreateOnce_ARefusedLookEndsTheCall(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
		client := s.Client(t, coviu.WithBookingLedger(&recorded{unsettled: 20 * time.Second}))
		s.Fail(opLook, coviutest.Status(http.StatusBadRequest, nil, ""))
		began := time.Now()
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrBadRequest)
		require.Zero(t, time.Since(began))
		require.Zero(t, s.Count(opBook))
	})
}
