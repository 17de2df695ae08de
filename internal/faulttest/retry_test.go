package faulttest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// sendStatus sends a reply without a body and with the given header lines.
func sendStatus(conn net.Conn, status int, lines ...string) {
	text := "HTTP/1.1 " + strconv.Itoa(status) + " Whatever\r\nContent-Length: 0\r\n"
	for _, line := range lines {
		text += line + "\r\n"
	}
	send(conn, text+"\r\n")
}

// answering returns a peer that replies with one status after another, then with
// valid models. The status 0 loses the reply.
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

// always returns a peer that replies to every request with the same status.
func always(status int, lines ...string) *scriptedPeer {
	return newScriptedPeer(func(conn net.Conn, _ *http.Request, _ int) { sendStatus(conn, status, lines...) })
}

// timedPeer is like answering and also returns the pauses between the requests.
func timedPeer(statuses ...int) (*scriptedPeer, func() []time.Duration) {
	var mu sync.Mutex
	var at []time.Time
	peer := answering(statuses...)
	reply := peer.answer
	peer.answer = func(conn net.Conn, r *http.Request, n int) {
		mu.Lock()
		at = append(at, time.Now())
		mu.Unlock()
		reply(conn, r, n)
	}
	return peer, func() []time.Duration {
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
					peer := always(status)
					err := e.call(t.Context(), peer.client(t), someSession)
					refusal, ok := errors.AsType[*coviu.APIError](err)
					require.True(t, ok)
					require.Equal(t, status, refusal.StatusCode)
					require.Equal(t, 3, refusal.Attempts)
					require.Equal(t, 3, peer.count())

					peer = answering(status, status)
					require.NoError(t, e.call(t.Context(), peer.client(t), someSession))
					require.Equal(t, 3, peer.count())
				})
			})
		}
		t.Run(strconv.Itoa(status)+"/jitter", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var firsts, seconds []time.Duration
				for range 60 {
					peer, pauses := timedPeer(status, status)
					require.NoError(t, getOne.call(t.Context(), peer.client(t), someSession))
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
					peer := always(status)
					requireCertain(t, e.call(t.Context(), peer.client(t), someSession))
					require.Equal(t, 1, peer.count())
				}
			})
		})
	}
}

// requireSpread checks that waits lie in both halves of the range up to ceiling, and
// none beyond. With 60 random waits, chance fails it once in 2^59 runs.
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
					peer := always(status)
					err := post(t.Context(), peer.client(t))
					requireUnknown(t, err)
					refusal, ok := errors.AsType[*coviu.APIError](err)
					require.True(t, ok)
					require.Equal(t, status, refusal.StatusCode)
					require.Equal(t, 1, peer.count())
				})
			})
		}
		t.Run(name+"/429", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := always(http.StatusTooManyRequests)
				err := post(t.Context(), peer.client(t))
				requireCertain(t, err)
				require.ErrorIs(t, err, coviu.ErrRateLimited)
				require.Equal(t, 3, peer.count())
			})
		})
		t.Run(name+"/429 and then lost", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := answering(http.StatusTooManyRequests, 0)
				requireUnknown(t, post(t.Context(), peer.client(t)))
				require.Equal(t, 2, peer.count())
			})
		})
		for _, status := range []int{400, 403, 404, 409, 413, 422} {
			t.Run(name+"/"+strconv.Itoa(status)+" is a refusal", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					peer := always(status)
					requireCertain(t, post(t.Context(), peer.client(t)))
					require.Equal(t, 1, peer.count())
				})
			})
		}
	}
}

func TestFault38_RetryAfter(t *testing.T) {
	// The server's clock is a day behind.
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
					peer := newScriptedPeer(func(conn net.Conn, r *http.Request, n int) {
						if n == 1 {
							sendStatus(conn, status, row.lines...)
							return
						}
						sendJSON(conn, answersTo(r))
					})
					began := time.Now()
					require.NoError(t, getOne.call(t.Context(), peer.client(t), someSession))
					took := time.Since(began)
					require.GreaterOrEqual(t, took, row.floor)
					require.LessOrEqual(t, took, max(row.floor, time.Second))
					require.Equal(t, 2, peer.count())
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
				peer := always(http.StatusServiceUnavailable, line)
				began := time.Now()
				require.ErrorIs(t, getOne.call(t.Context(), peer.client(t), someSession), coviu.ErrServer)
				require.Zero(t, time.Since(began))
				require.Equal(t, 1, peer.count())
			})
		})
	}
}

func TestFault39_WaitingIsFutile(t *testing.T) {
	t.Run("longer than a minute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
				for _, e := range repeatable {
					peer := always(status, "Retry-After: 3600")
					began := time.Now()
					err := e.call(t.Context(), peer.client(t), someSession)
					require.Zero(t, time.Since(began))
					refusal, ok := errors.AsType[*coviu.APIError](err)
					require.True(t, ok)
					require.Equal(t, time.Hour, refusal.RetryAfter)
					require.Equal(t, 1, refusal.Attempts)
					require.Equal(t, 1, peer.count())
				}
			}
		})
	})
	t.Run("longer than a minute on a POST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer := always(http.StatusTooManyRequests, "Retry-After: 3600")
			err := postOne.call(t.Context(), peer.client(t), "")
			requireCertain(t, err)
			require.ErrorIs(t, err, coviu.ErrRateLimited)
			require.Equal(t, 1, peer.count())
		})
	})
	t.Run("past the caller's deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			peer := always(http.StatusServiceUnavailable, "Retry-After: 30")
			began := time.Now()
			err := getOne.call(ctx, peer.client(t), someSession)
			require.Zero(t, time.Since(began))
			require.ErrorIs(t, err, coviu.ErrServer)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 1, peer.count())
		})
	})
}
