package createoncetest_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestFault60_ReplyLost(t *testing.T) {
	faults := map[string]coviutest.Fault{
		"reply lost":           coviutest.LoseReply(),
		"reply cut":            coviutest.CutBody(20),
		"reply stalls":         coviutest.StallBody(20),
		"carried out, 503":     coviutest.Unavailable().CarriedOut(),
		"carried out late":     coviutest.CarryOutLate(7 * time.Second),
		"carried out at 29 s":  coviutest.CarryOutLate(25 * time.Second),
		"carried out, no JSON": coviutest.HTMLPage(http.StatusOK).CarriedOut(),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				s.Fail(opBook, fault)
				session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
				require.NoError(t, err)
				require.Len(t, s.Sessions(), 1)
				assert.Equal(t, s.Sessions()[0].SessionID, session.SessionID)
				assert.Equal(t, 1, s.Count(opBook))
			})
		})
	}
}

func TestFault60_NeverCarriedOut(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.Reset())
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		began := time.Now()
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.ErrorAs(t, err, new(*coviu.OutcomeUnknownError))
		assert.Equal(t, 30*time.Second, time.Since(began))
		assert.Equal(t, 1, s.Count(opBook), "never a blind second POST")
		assert.LessOrEqual(t, s.Count(opLook), 15, "with growing pauses")
		assert.Empty(t, s.Sessions())
		s.Fail(opBook, coviutest.Reset())
		_, direct := client.Sessions.Create(t.Context(), appointment(s))
		require.EqualError(t, err, direct.Error(), "the booking's own error")

		session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err, "the next call finishes the job")
		require.Len(t, s.Sessions(), 1)
		assert.Equal(t, s.Sessions()[0].SessionID, session.SessionID)
	})
}

// A deadline ends the look for a session. The next call continues it, so it does
// not book while the first session may still turn up.
func TestFault60_LookIsCutShort(t *testing.T) {
	const deadline = 5 * time.Second
	faults := map[string]struct {
		fault coviutest.Fault
		calls int
	}{
		"listed late":             {coviutest.LoseReply().ListedAfter(20 * time.Second), 5},
		"listed at the last look": {coviutest.LoseReply().ListedAfter(29 * time.Second), 7},
		"carried out late":        {coviutest.CarryOutLate(20 * time.Second), 5},
		"no reply in time":        {coviutest.Hang().CarriedOut().ListedAfter(20 * time.Second), 5},
		"not carried out":         {coviutest.Unavailable(), 7},
	}
	for name, row := range faults {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				s.Fail(opBook, row.fault)
				call := func() error {
					ctx, cancel := context.WithTimeout(t.Context(), deadline)
					defer cancel()
					began := time.Now()
					_, err := client.Sessions.CreateOnce(ctx, onceKey, appointment(s))
					require.LessOrEqual(t, time.Since(began), deadline)
					return err
				}
				err := call()
				require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
				require.Equal(t, 1, strings.Count(err.Error(), "outcome unknown"), err)
				calls := 1
				for ; err != nil; err = call() {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					calls++
				}
				<-time.After(time.Minute)
				require.Len(t, s.Sessions(), 1)
				require.LessOrEqual(t, calls, row.calls, "no call waits for longer than the look")
			})
		})
	}
}

// What a Client remembers ends with it: then the first hole of CreateOnce is open.
func TestFault60_LookIsCutShortByARestart(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.LoseReply().ListedAfter(20*time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := client.Sessions.CreateOnce(ctx, onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		restarted := s.Client(t)
		_, err = restarted.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		require.Len(t, s.Sessions(), 2)
		<-time.After(20 * time.Second)
		_, err = restarted.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrDuplicate)
	})
}

func TestFault60_LooksFailMeanwhile(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.LoseReply())
		s.Fail(opLook, coviutest.Unavailable().After(1).Times(9))
		session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		assert.Equal(t, s.Sessions()[0].SessionID, session.SessionID)
		assert.Equal(t, 1, s.Count(opBook))
	})
}

func TestFault60_FirstLookFails(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opLook, coviutest.Unavailable().Always())
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrServer)
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
		assert.Zero(t, s.Count(opBook), "who can't look must not book")
	})
}

func TestFault60_CallerGivesUp(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		s.Fail(opBook, coviutest.Reset())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err = client.Sessions.CreateOnce(ctx, onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(began))
		looks := s.Count(opLook)
		<-time.After(time.Hour)
		assert.Equal(t, looks, s.Count(opLook))
	})
}

func TestFault60_DefiniteRefusal(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.Status(http.StatusBadRequest, nil, `{"error":{"code":400,"message":"no"}}`))
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrBadRequest)
		assert.Equal(t, 1, s.Count(opLook), "nothing to look for")
	})
}

func TestFault60_TwoCallersOneClient(t *testing.T) {
	for name, fault := range map[string]coviutest.Fault{
		"slow":       coviutest.Delay(5 * time.Second),
		"reply lost": coviutest.LoseReply(),
		"late":       coviutest.CarryOutLate(20 * time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				s.Fail(opBook, fault)
				var mu sync.Mutex
				found := map[string]int{}
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() {
						session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
						if assert.NoError(t, err) {
							mu.Lock()
							defer mu.Unlock()
							found[session.SessionID]++
						}
					})
				}
				callers.Wait()
				require.Len(t, s.Sessions(), 1)
				assert.Equal(t, map[string]int{s.Sessions()[0].SessionID: 10}, found)
				assert.Equal(t, 1, s.Count(opBook))
			})
		})
	}
}

// Calls with another key do not wait, and a waiting call ends with its context.
func TestFault60_OtherKeysDoNotWait(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		s.Fail(opBook, coviutest.Delay(10*time.Second))
		var first sync.WaitGroup
		first.Go(func() {
			_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
			assert.NoError(t, err)
		})
		synctest.Wait()
		began := time.Now()
		_, err = client.Sessions.CreateOnce(t.Context(), "another", appointment(s))
		require.NoError(t, err)
		assert.Zero(t, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = client.Sessions.CreateOnce(ctx, onceKey, appointment(s))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown, "nothing was sent")
		assert.Equal(t, time.Second, time.Since(began))
		first.Wait()
		assert.Equal(t, 2, s.Count(opBook))
	})
}

// A documented limit: the service carries out a booking after the last look, and
// meanwhile another call has booked. The next call returns ErrDuplicate with the
// sessions.
func TestFault60_CarriedOutAfterTheLastLook(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.CarryOutLate(time.Minute))
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		<-time.After(time.Minute)
		require.Len(t, s.Sessions(), 2)

		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrDuplicate)
		var taken *coviu.KeyError
		require.ErrorAs(t, err, &taken)
		assert.ElementsMatch(t, sessionIDs(s.Sessions()), sessionIDs(taken.Sessions))
		for _, double := range taken.Sessions[1:] {
			_, err := client.Sessions.Delete(t.Context(), double.SessionID)
			require.NoError(t, err)
		}
		session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		assert.Equal(t, taken.Sessions[0].SessionID, session.SessionID)
		assert.Equal(t, 2, s.Count(opBook))
	})
}
