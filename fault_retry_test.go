package coviu_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
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
)

// sendStatus sends a reply without a body, with further header lines.
func sendStatus(conn net.Conn, status int, lines ...string) {
	text := "HTTP/1.1 " + strconv.Itoa(status) + " Whatever\r\nContent-Length: 0\r\n"
	for _, line := range lines {
		text += line + "\r\n"
	}
	send(conn, text+"\r\n")
}

// answering replies to each request with the next status, and with a model once
// they are used up; zero loses the reply.
func answering(statuses ...int) *scriptedPeer {
	return newScriptedPeer(func(conn net.Conn, r *http.Request, n int) {
		switch {
		case n > len(statuses):
			sendJSON(conn, answersTo(r))
		case statuses[n-1] == 0:
			conn.Close()
		default:
			sendStatus(conn, statuses[n-1])
		}
	})
}

// always replies to every request alike.
func always(status int, lines ...string) *scriptedPeer {
	return newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) { sendStatus(conn, status, lines...) })
}

func TestFault07_RequestChangedWhileARetryWaits(t *testing.T) {
	changes := map[string]func(ctx context.Context, c *coviu.Client, changed <-chan struct{}) error{
		"update a session": func(ctx context.Context, c *coviu.Client, asked <-chan struct{}) error {
			req := &coviu.SessionUpdateRequest{SessionName: new("before"), StartTime: new(time.Now())}
			go func() {
				<-asked
				*req.SessionName, *req.StartTime, req.Picture = "after", time.Time{}, new("after")
			}()
			return either(c.Sessions.Update(ctx, someSession, req))
		},
		"create a session": func(ctx context.Context, c *coviu.Client, asked <-chan struct{}) error {
			req := soon()
			req.Participants = []coviu.ParticipantCreationRequest{{DisplayName: "before"}}
			req.FeatureFlags = []string{"before"}
			go func() {
				<-asked
				req.SessionName, req.Participants[0].DisplayName, req.FeatureFlags[0] = "after", "after", "after"
			}()
			return either(c.Sessions.Create(ctx, req))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := make(chan struct{})
				far := newScriptedPeer(func(conn net.Conn, _ *http.Request, n int) {
					if n == 3 {
						sendJSON(conn, someSessionJSON)
						return
					}
					if n == 1 {
						close(asked)
					}
					sendStatus(conn, http.StatusTooManyRequests, "Retry-After: 1")
				})
				require.NoError(t, change(t.Context(), far.client(t), asked))
				require.Equal(t, 3, far.count())
				require.NotEmpty(t, far.bodies[0])
				require.NotContains(t, far.bodies[0], "after")
				require.Equal(t, far.bodies[0], far.bodies[1])
				require.Equal(t, far.bodies[0], far.bodies[2])
			})
		})
	}
}

// timedPeer is answering, and tells when each request came.
func timedPeer(statuses ...int) (*scriptedPeer, func() []time.Duration) {
	var mu sync.Mutex
	var at []time.Time
	far := answering(statuses...)
	reply := far.answer
	far.answer = func(conn net.Conn, r *http.Request, n int) {
		mu.Lock()
		at = append(at, time.Now())
		mu.Unlock()
		reply(conn, r, n)
	}
	return far, func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		var pauses []time.Duration
		for i := range len(at) - 1 {
			pauses = append(pauses, at[i+1].Sub(at[i]))
		}
		return pauses
	}
}

func TestFault36_StatusesThatPass(t *testing.T) {
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		first := 100 * time.Millisecond
		if status == http.StatusTooManyRequests {
			first = time.Second
		}
		for _, e := range repeatable {
			t.Run(strconv.Itoa(status)+"/"+e.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := always(status)
					err := e.call(t.Context(), far.client(t), someSession)
					refusal, ok := errors.AsType[*coviu.APIError](err)
					require.True(t, ok)
					require.Equal(t, status, refusal.StatusCode)
					require.Equal(t, 3, refusal.Attempts)
					require.Equal(t, 3, far.count())

					far = answering(status, status)
					require.NoError(t, e.call(t.Context(), far.client(t), someSession))
					require.Equal(t, 3, far.count())
				})
			})
		}
		t.Run(strconv.Itoa(status)+"/jitter", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var firsts, seconds []time.Duration
				for range 60 {
					far, pauses := timedPeer(status, status)
					require.NoError(t, getOne.call(t.Context(), far.client(t), someSession))
					firsts = append(firsts, pauses()[0])
					seconds = append(seconds, pauses()[1])
				}
				requireSpread(t, firsts, first)
				requireSpread(t, seconds, 2*first)
			})
		})
	}
	for _, status := range []int{400, 403, 404, 409, 410, 422, 501, 505} {
		t.Run(strconv.Itoa(status)+" is final", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, e := range repeatable {
					far := always(status)
					requireCertain(t, e.call(t.Context(), far.client(t), someSession))
					require.Equal(t, 1, far.count())
				}
			})
		})
	}
}

// requireSpread wants waits all over the range up to ceiling, and none beyond.
// One of 60 lies in each half but once in 2^59 runs.
func requireSpread(t *testing.T, waits []time.Duration, ceiling time.Duration) {
	t.Helper()
	require.GreaterOrEqual(t, slices.Min(waits), time.Duration(0))
	require.LessOrEqual(t, slices.Max(waits), ceiling)
	require.Less(t, slices.Min(waits), ceiling/2)
	require.Greater(t, slices.Max(waits), ceiling/2)
}

func TestFault37_StatusesThatPassOnAPost(t *testing.T) {
	posts := map[string]func(ctx context.Context, c *coviu.Client) error{
		"session": func(ctx context.Context, c *coviu.Client) error { return postOne.call(ctx, c, "") },
		"participant": func(ctx context.Context, c *coviu.Client) error {
			return either(c.Participants.Add(ctx, someSession, &coviu.ParticipantCreationRequest{DisplayName: "Zoë"}))
		},
	}
	for name, post := range posts {
		for _, status := range []int{408, 500, 501, 502, 503, 504, 505, 599} {
			t.Run(name+"/"+strconv.Itoa(status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := always(status)
					err := post(t.Context(), far.client(t))
					requireUnknown(t, err)
					refusal, ok := errors.AsType[*coviu.APIError](err)
					require.True(t, ok)
					require.Equal(t, status, refusal.StatusCode)
					require.Equal(t, 1, far.count())
				})
			})
		}
		t.Run(name+"/429", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := always(http.StatusTooManyRequests)
				err := post(t.Context(), far.client(t))
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrRateLimited)
				require.Equal(t, 3, far.count())
			})
		})
		t.Run(name+"/429 and then lost", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := answering(http.StatusTooManyRequests, 0)
				requireUnknown(t, post(t.Context(), far.client(t)))
				require.Equal(t, 2, far.count())
			})
		})
		for _, status := range []int{400, 403, 404, 409, 413, 422} {
			t.Run(name+"/"+strconv.Itoa(status)+" is a refusal", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := always(status)
					requireCertain(t, post(t.Context(), far.client(t)))
					require.Equal(t, 1, far.count())
				})
			})
		}
	}
}

func TestFault38_RetryAfter(t *testing.T) {
	// The reply's own clock is a day behind.
	const date = "Date: Sun, 01 Mar 2026 09:00:00 GMT"
	rows := []struct {
		name  string
		lines []string
		floor time.Duration
	}{
		{"none", nil, 0},
		{"seconds", []string{"Retry-After: 2"}, 2 * time.Second},
		{"a minute", []string{"Retry-After: 60"}, time.Minute},
		{"float", []string{"Retry-After: 1.5"}, 1500 * time.Millisecond},
		{"IMF-fixdate", []string{date, "Retry-After: Sun, 01 Mar 2026 09:00:07 GMT"}, 7 * time.Second},
		{"RFC 850", []string{date, "Retry-After: Sunday, 01-Mar-26 09:00:08 GMT"}, 8 * time.Second},
		{"asctime", []string{date, "Retry-After: Sun Mar  1 09:00:09 2026"}, 9 * time.Second},
		{"date in the past", []string{date, "Retry-After: Sun, 01 Mar 2026 08:59:59 GMT"}, 0},
		{"zero", []string{"Retry-After: 0"}, 0},
		{"negative", []string{"Retry-After: -1"}, 0},
		{"NaN", []string{"Retry-After: NaN"}, 0},
		{"two values in two lines", []string{"Retry-After: 3", "Retry-After: 5"}, 3 * time.Second},
		{"two values in one line", []string{"Retry-After: 3, 5"}, 0},
		{"words", []string{"Retry-After: soon"}, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
					far := newScriptedPeer(func(conn net.Conn, r *http.Request, n int) {
						if n == 1 {
							sendStatus(conn, status, row.lines...)
							return
						}
						sendJSON(conn, answersTo(r))
					})
					began := time.Now()
					require.NoError(t, getOne.call(t.Context(), far.client(t), someSession))
					took := time.Since(began)
					require.GreaterOrEqual(t, took, row.floor)
					require.LessOrEqual(t, took, max(row.floor, time.Second))
					require.Equal(t, 2, far.count())
				}
			})
		})
	}
	for _, line := range []string{
		"Retry-After: 1e300", "Retry-After: Inf", "Retry-After: 61",
		"Retry-After: 99999999999999999999", date + "\r\nRetry-After: Sun, 01 Mar 2026 09:01:01 GMT",
	} {
		t.Run("no sleep past a minute/"+line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := always(http.StatusServiceUnavailable, line)
				began := time.Now()
				require.ErrorIs(t, getOne.call(t.Context(), far.client(t), someSession), coviu.ErrServer)
				require.Zero(t, time.Since(began))
				require.Equal(t, 1, far.count())
			})
		})
	}
}

func TestFault39_WaitingIsFutile(t *testing.T) {
	t.Run("longer than a minute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
				for _, e := range repeatable {
					far := always(status, "Retry-After: 3600")
					began := time.Now()
					err := e.call(t.Context(), far.client(t), someSession)
					require.Zero(t, time.Since(began))
					refusal, ok := errors.AsType[*coviu.APIError](err)
					require.True(t, ok)
					require.Equal(t, time.Hour, refusal.RetryAfter)
					require.Equal(t, 1, refusal.Attempts)
					require.Equal(t, 1, far.count())
				}
			}
		})
	})
	t.Run("longer than a minute on a POST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			far := always(http.StatusTooManyRequests, "Retry-After: 3600")
			err := postOne.call(t.Context(), far.client(t), "")
			requireCertain(t, err)
			require.ErrorIs(t, err, coviu.ErrRateLimited)
			require.Equal(t, 1, far.count())
		})
	})
	t.Run("past the caller's deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			far := always(http.StatusServiceUnavailable, "Retry-After: 30")
			began := time.Now()
			err := getOne.call(ctx, far.client(t), someSession)
			require.Zero(t, time.Since(began))
			require.ErrorIs(t, err, coviu.ErrServer)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 1, far.count())
		})
	})
}

// unavailable is the far end of a connection on which every request is answered
// with 503, as cheaply as it goes.
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
		c := clientOver(t, coviu.NewTransport(func(context.Context, string, string) (net.Conn, error) {
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
			far := always(http.StatusServiceUnavailable)
			down := far.answer
			c := far.client(t)
			for range 40 {
				_ = getOne.call(t.Context(), c, someSession)
			}
			before := far.count()
			_ = getOne.call(t.Context(), c, someSession)
			require.Equal(t, before+1, far.count())

			far.answer = func(conn net.Conn, _ *http.Request, _ int) { sendJSON(conn, someSessionJSON) }
			c.CloseIdleConnections()
			for range 28 {
				require.NoError(t, getOne.call(t.Context(), c, someSession))
			}
			c.CloseIdleConnections()
			far.answer = down
			before = far.count()
			_ = getOne.call(t.Context(), c, someSession)
			require.Equal(t, before+3, far.count())
		})
	})
}

func TestFault41_AttemptsUsedUp(t *testing.T) {
	t.Run("the last cause is the call's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			far := answering(503, 0, 500)
			err := putOne.call(t.Context(), far.client(t), someSession)
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
			far := newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) {
				cutReplies["by Content-Length"](conn, someSessionJSON, 20)
			})
			err := getOne.call(t.Context(), far.client(t), someSession)
			require.ErrorIs(t, err, coviu.ErrUnexpectedResponse)
			require.Contains(t, err.Error(), "(3 attempts)")
		})
	})
	for _, attempts := range []int{1, 2, 5} {
		t.Run("as many as the policy says/"+strconv.Itoa(attempts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := always(http.StatusBadGateway)
				var seen coviu.ResponseInfo
				c := far.client(t, coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: attempts}),
					coviu.WithResponseHook(func(_ context.Context, i coviu.ResponseInfo) { seen = i }))
				err := getOne.call(t.Context(), c, someSession)
				refusal, ok := errors.AsType[*coviu.APIError](err)
				require.True(t, ok)
				require.Equal(t, attempts, refusal.Attempts)
				require.Equal(t, attempts, seen.Attempts)
				require.Equal(t, attempts, far.count())
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
				far := always(http.StatusTooManyRequests, "Retry-After: 20")
				c := far.client(t)
				err := canceledAfter(t, time.Second, func(ctx context.Context) error { return e.call(ctx, c, someSession) })
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrRateLimited)
				require.Equal(t, 1, far.count())
			})
		})
		t.Run("in the body/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := newScriptedPeer(func(conn net.Conn, _ *http.Request, n int) {
					if n == 1 {
						sendStatus(conn, http.StatusTooManyRequests, "Retry-After: 2")
						return
					}
					send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
				})
				c := far.client(t)
				err := canceledAfter(t, 5*time.Second, func(ctx context.Context) error { return e.call(ctx, c, someSession) })
				require.ErrorIs(t, err, coviu.ErrRateLimited)
				require.Equal(t, 2, far.count())
				if e.method == "POST" || e.method == "DELETE" {
					requireUnknown(t, err)
				} else {
					requireCertain(t, err)
				}
			})
		})
		t.Run("before the headers/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := newScriptedPeer(func(net.Conn, *http.Request, int) {})
				c := far.client(t)
				err := canceledAfter(t, time.Second, func(ctx context.Context) error { return e.call(ctx, c, someSession) })
				if e.method == "POST" {
					requireUnknown(t, err)
				}
				require.Equal(t, 1, far.count())
			})
		})
		t.Run("by a deadline/"+e.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := newScriptedPeer(func(net.Conn, *http.Request, int) {})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := e.call(ctx, far.client(t), someSession)
				require.Equal(t, time.Second, time.Since(began))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 1, far.count())
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
					far := answering(first, http.StatusNotFound)
					require.NoError(t, e.call(t.Context(), far.client(t), someSession))
					require.Equal(t, 2, far.count())
				})
			})
		}
		t.Run(e.operation+"/404 at first", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := always(http.StatusNotFound)
				err := e.call(t.Context(), far.client(t), someSession)
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrNotFound)
				require.Equal(t, 1, far.count())
			})
		})
		t.Run(e.operation+"/429, then 404", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := answering(http.StatusTooManyRequests, http.StatusNotFound)
				err := e.call(t.Context(), far.client(t), someSession)
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrNotFound)
				require.Equal(t, 2, far.count())
			})
		})
		t.Run(e.operation+"/lost, then 403", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := answering(0, http.StatusForbidden)
				err := e.call(t.Context(), far.client(t), someSession)
				requireUnknown(t, err)
				require.ErrorIs(t, err, coviu.ErrForbidden)
				require.Equal(t, 2, far.count())
			})
		})
	}
	t.Run("the reply is a success", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			far := answering(0, http.StatusNotFound)
			unit, err := far.client(t).Sessions.Delete(t.Context(), someSession)
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
