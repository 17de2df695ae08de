package faulttest

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

// unavailable answers every request on conn with 503. It parses as little as
// possible, because the test sends many.
func unavailable(conn net.Conn, requests *atomic.Int64) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if len(lines.Bytes()) == 0 {
			requests.Add(1)
			sendStatus(conn, http.StatusServiceUnavailable)
		}
	}
}

func TestFault40_RetriesHaveABudget(t *testing.T) {
	t.Parallel()
	const calls, workers = 10_000, 20
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int64
		c := clientOver(t, transport.New(func(context.Context, string, string) (net.Conn, error) {
			near, far := bufferedPipe()
			go unavailable(far, &requests)
			return near, nil
		}))
		var working sync.WaitGroup
		for range workers {
			working.Go(func() {
				for range calls / workers {
					_ = getOne.call(t.Context(), c, someSession)
				}
			})
		}
		working.Wait()
		require.LessOrEqual(t, requests.Load(), int64(calls+35))
		require.Greater(t, requests.Load(), int64(calls))
	})
	t.Run("success fills it up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := always(http.StatusServiceUnavailable)
			down := peer.answer
			c := peer.client(t)
			for range 40 {
				_ = getOne.call(t.Context(), c, someSession)
			}
			before := peer.count()
			_ = getOne.call(t.Context(), c, someSession)
			require.Equal(t, before+1, peer.count())

			peer.answer = func(conn net.Conn, _ *http.Request, _ int) { sendJSON(conn, someSessionJSON) }
			c.CloseIdleConnections()
			for range 28 {
				require.NoError(t, getOne.call(t.Context(), c, someSession))
			}
			c.CloseIdleConnections()
			peer.answer = down
			before = peer.count()
			_ = getOne.call(t.Context(), c, someSession)
			require.Equal(t, before+3, peer.count())
		})
	})
}

func TestASuccessGivesBackWhatItsRetryCost(t *testing.T) {
	withServer(t, func(t *testing.T, s *coviutest.Server) {
		id := seedOne(t, s)
		c := fixedClient(t, s)
		// retries sends calls that fail for as long as they may be sent again.
		retries := func() int {
			const calls = 40
			before := s.Count(getOne.operation)
			s.Fail(getOne.operation, coviutest.Unavailable().Always())
			for range calls {
				require.ErrorIs(t, getOne.call(t.Context(), c, id), coviu.ErrServer)
			}
			s.ClearFaults()
			return s.Count(getOne.operation) - before - calls
		}
		require.Equal(t, 35, retries())
		for range 5 {
			s.Fail(getOne.operation, coviutest.RateLimit(0))
			require.NoError(t, getOne.call(t.Context(), c, id))
		}
		require.Zero(t, retries(), "no more is given back than the retry cost")
		for range 4 {
			require.NoError(t, getOne.call(t.Context(), c, id))
		}
		require.Equal(t, 1, retries())
	})
}

func TestFault41_AttemptsUsedUp(t *testing.T) {
	t.Run("the last cause is the call's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := answering(503, 0, 500)
			err := putOne.call(t.Context(), peer.client(t), someSession)
			refusal, ok := errors.AsType[*coviu.APIError](err)
			require.True(t, ok)
			require.Equal(t, http.StatusInternalServerError, refusal.StatusCode)
			require.Equal(t, 3, refusal.Attempts)
			require.ErrorIs(t, err, coviu.ErrServer)
			require.Contains(t, err.Error(), "(3 attempts)")
		})
	})
	t.Run("a lost reply at last", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory())
			defer s.Close()
			c, id := fixedClient(t, s), seedOne(t, s)
			s.Fail(putOne.operation, coviutest.Unavailable().Times(2), coviutest.Reset())
			err := putOne.call(t.Context(), c, id)
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.Contains(t, err.Error(), "(3 attempts)")
			require.Equal(t, 3, s.Count(putOne.operation))
		})
	})
	t.Run("a cut reply at last", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
				cutReplies["by Content-Length"](conn, someSessionJSON, 20)
			})
			err := getOne.call(t.Context(), peer.client(t), someSession)
			require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
			require.Contains(t, err.Error(), "(3 attempts)")
		})
	})
	for _, attempts := range []int{1, 2, 5} {
		t.Run("as many as the policy says/"+strconv.Itoa(attempts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := always(http.StatusBadGateway)
				var seen coviu.ResponseInfo
				c := peer.client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: attempts}),
					coviu.WithResponseHook(func(_ context.Context, i coviu.ResponseInfo) { seen = i }))
				err := getOne.call(t.Context(), c, someSession)
				refusal, ok := errors.AsType[*coviu.APIError](err)
				require.True(t, ok)
				require.Equal(t, attempts, refusal.Attempts)
				require.Equal(t, attempts, seen.Attempts)
				require.Equal(t, attempts, peer.count())
			})
		})
	}
}

func TestFault42_CallerGivesUp(t *testing.T) {
	canceledAfter := func(t *testing.T, d time.Duration, call func(ctx context.Context) error) error {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(d, cancel)
		began := time.Now()
		err := call(ctx)
		require.Equal(t, d, time.Since(began))
		require.ErrorIs(t, err, context.Canceled)
		return err
	}
	for _, e := range everyOne {
		t.Run("in a back-off/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := always(http.StatusTooManyRequests, "Retry-After: 20")
				c := peer.client(t)
				err := canceledAfter(t, time.Second, func(ctx context.Context) error { return e.call(ctx, c, someSession) })
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrRateLimited)
				require.Equal(t, 1, peer.count())
			})
		})
		t.Run("in the body/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, n int) {
					if n == 1 {
						sendStatus(conn, http.StatusTooManyRequests, "Retry-After: 2")
						return
					}
					send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
				})
				c := peer.client(t)
				err := canceledAfter(t, 5*time.Second, func(ctx context.Context) error { return e.call(ctx, c, someSession) })
				require.ErrorIs(t, err, coviu.ErrRateLimited)
				require.Equal(t, 2, peer.count())
				if e.method == "POST" || e.method == "DELETE" {
					requireUnknown(t, err)
				} else {
					requireCertain(t, err)
				}
			})
		})
		t.Run("before the headers/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(net.Conn, *http.Request, int) {})
				c := peer.client(t)
				err := canceledAfter(t, time.Second, func(ctx context.Context) error { return e.call(ctx, c, someSession) })
				if e.method == "POST" {
					requireUnknown(t, err)
				}
				require.Equal(t, 1, peer.count())
			})
		})
		t.Run("by a deadline/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := newScriptedPeer(func(net.Conn, *http.Request, int) {})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := e.call(ctx, peer.client(t), someSession)
				require.Equal(t, time.Second, time.Since(began))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 1, peer.count())
			})
		})
	}
}

func TestFault43_DeleteThatWasCarriedOutAlready(t *testing.T) {
	deleteParticipant := faultedCall{"DELETE", "DELETE /participants/{participant_id}", func(ctx context.Context, c *coviu.Client, id string) error {
		return either(c.Participants.Delete(ctx, id))
	}}
	for _, e := range []faultedCall{deleteOne, deleteParticipant} {
		for name, first := range map[string]int{"lost": 0, "500": 500, "503": 503, "408": 408} {
			t.Run(e.operation+"/"+name+", then 404", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					peer := answering(first, http.StatusNotFound)
					require.NoError(t, e.call(t.Context(), peer.client(t), someSession))
					require.Equal(t, 2, peer.count())
				})
			})
		}
		t.Run(e.operation+"/404 at first", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := always(http.StatusNotFound)
				err := e.call(t.Context(), peer.client(t), someSession)
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrNotFound)
				require.Equal(t, 1, peer.count())
			})
		})
		t.Run(e.operation+"/429, then 404", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := answering(http.StatusTooManyRequests, http.StatusNotFound)
				err := e.call(t.Context(), peer.client(t), someSession)
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrNotFound)
				require.Equal(t, 2, peer.count())
			})
		})
		t.Run(e.operation+"/lost, then 403", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := answering(0, http.StatusForbidden)
				err := e.call(t.Context(), peer.client(t), someSession)
				requireUnknown(t, err)
				require.ErrorIs(t, err, coviu.ErrForbidden)
				require.Equal(t, 2, peer.count())
			})
		})
	}
	t.Run("the reply is a success", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := answering(0, http.StatusNotFound)
			unit, err := peer.client(t).Sessions.Delete(t.Context(), someSession)
			require.NoError(t, err)
			require.Equal(t, &coviu.UnitResponse{OK: true}, unit)
		})
	})
	t.Run("never sent, then 404", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory())
			defer s.Close()
			c := s.Client(t)
			s.Fail(deleteOne.operation, coviutest.Refuse())
			err := deleteOne.call(t.Context(), c, someSession)
			requireCertain(t, err)
			require.ErrorIs(t, err, coviu.ErrNotFound)
			require.Equal(t, 1, s.Count(deleteOne.operation))
		})
	})
	t.Run("lost, then 401 even with a new token", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := coviutest.NewServer(coviutest.WithInMemory())
			defer s.Close()
			c, id := s.Client(t), seedOne(t, s)
			s.Fail(deleteOne.operation, coviutest.LoseReply())
			err := deleteOne.call(t.Context(), c, id)
			requireUnknown(t, err)
			require.ErrorIs(t, err, coviu.ErrUnauthorized)
			require.Equal(t, 3, s.Count(deleteOne.operation))
			require.Equal(t, 2, s.Count("POST /auth/token"))
			session, _ := s.Session(id)
			require.NotNil(t, session.CanceledTime)
		})
	})
}
