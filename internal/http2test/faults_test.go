package http2test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// perform makes one call to a server that fails as planned, and returns what
// both sides know.
func perform(t *testing.T, tr transport, c call, f fault, times int) (tally, error) {
	t.Helper()
	s := newServer(t, tr.speaks, c.reply, &repeat{f, times})
	client := tr.client(t, s, c.attempts, c.tokens()...)
	ctx, cancel := patience(t, f)
	defer cancel()
	err := c.do(ctx, client)
	n := s.settle(client.CloseIdleConnections)
	require.Positive(t, n.struck, "the fault must strike")
	requireTruth(t, c, f, err, n)
	return n, err
}

// patience ends a call that net/http repeats itself, after pauses of seconds.
func patience(t *testing.T, f fault) (context.Context, context.CancelFunc) {
	if f.kind == reset && f.notCarriedOut() {
		return context.WithTimeout(t.Context(), 5*time.Second)
	}
	return context.WithCancel(t.Context())
}

// everyFault tests every call with each of faults, once and for ever. check
// holds the result against the row's own promise.
func everyFault(t *testing.T, transports []transport, faults iter.Seq[fault], check func(t *testing.T, tr transport, c call, f fault, forEver bool, n tally, err error)) {
	t.Helper()
	for _, tr := range transports {
		for f := range faults {
			for _, c := range everyCall {
				if f.moment == afterHeaders && !c.body {
					continue // the headers are the whole request: the next moment's case
				}
				for often, times := range map[string]int{"once": 1, "for ever": f.endless()} {
					if f.moment == afterReply && times > 1 {
						continue // the call has its reply
					}
					t.Run(fmt.Sprintf("%s/%s %s/%s", tr.name, f, often, c.name), func(t *testing.T) {
						t.Parallel()
						n, err := perform(t, tr, c, f, times)
						if times > 1 {
							require.Error(t, err)
						}
						check(t, tr, c, f, times > 1, n, err)
					})
				}
			}
		}
	}
}

// requireAsAfterALostReply is row 14's promise, for a fault that took the reply.
func requireAsAfterALostReply(t *testing.T, _ transport, c call, f fault, forEver bool, n tally, err error) {
	t.Helper()
	switch {
	case f.moment == afterReply:
		require.NoError(t, err)
	case c.post && f.moment >= afterBody:
		requireUnknown(t, err)
		require.Equal(t, 1, n.carriedOut)
	case c.post, c.attempts == 1:
	case !forEver:
		require.NoError(t, err)
	case f.moment >= afterBody:
		require.Equal(t, maxAttempts, n.carriedOut)
	}
}

// moments yields the fault at every moment from first to last.
func (f fault) moments(first, last moment) iter.Seq[fault] {
	return func(yield func(fault) bool) {
		for f.moment = first; f.moment <= last; f.moment++ {
			if !yield(f) {
				return
			}
		}
	}
}

func all(sequences ...iter.Seq[fault]) iter.Seq[fault] {
	return func(yield func(fault) bool) {
		for _, s := range sequences {
			for f := range s {
				if !yield(f) {
					return
				}
			}
		}
	}
}

func TestFault14_ConnectionEndsAtAnyMoment(t *testing.T) {
	t.Parallel()
	faults := all(fault{kind: closed}.moments(beforeRequest, afterReply), fault{kind: aborted}.moments(beforeRequest, inReplyBody))
	everyFault(t, []transport{ownHTTP1, ownHTTP2, callerHTTP1, callerHTTP2}, faults, requireAsAfterALostReply)
}

func TestFault15_IdleConnectionWasClosed(t *testing.T) {
	t.Parallel()
	for _, tr := range []transport{ownHTTP1, ownHTTP2, callerHTTP1, callerHTTP2} {
		for _, c := range everyCall[:4] {
			t.Run(tr.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				s := newServer(t, tr.speaks, c.reply, &repeat{fault{kind: closed, moment: afterReply}, 1})
				client := tr.client(t, s, c.attempts, c.tokens()...)
				require.NoError(t, c.do(t.Context(), client))
				<-s.ended
				require.NoError(t, c.do(t.Context(), client))
				n := s.settle(client.CloseIdleConnections)
				require.Equal(t, tally{connections: 2, received: 2, carriedOut: 2, answered: 2, struck: 1}, n)
			})
		}
		t.Run(tr.name+"/while it is closing", func(t *testing.T) {
			t.Parallel()
			const bookings = 40
			s := newServer(t, tr.speaks, session, &repeat{fault{kind: closed, moment: afterReply}, bookings})
			client := tr.client(t, s, maxAttempts, create.tokens()...)
			result := map[string]error{}
			for i := range bookings {
				name := fmt.Sprintf("booking %d", i)
				result[name] = book(t.Context(), client, name)
			}
			requireBookings(t, s, client.CloseIdleConnections, result)
		})
	}
}

func TestFault16_CallerGivesUpWithoutAReply(t *testing.T) {
	t.Parallel()
	for _, tr := range []transport{ownHTTP1, ownHTTP2, callerHTTP1, callerHTTP2} {
		for _, f := range []fault{{kind: silent, moment: afterBody}, {kind: silent, moment: afterReplyHeaders}, {kind: silent, moment: inReplyBody}} {
			for _, c := range everyCall[:4] {
				t.Run(fmt.Sprintf("%s/%s/%s", tr.name, f, c.name), func(t *testing.T) {
					t.Parallel()
					s := newServer(t, tr.speaks, c.reply, &repeat{f, f.endless()})
					client := tr.client(t, s, c.attempts, c.tokens()...)
					ctx, cancel := context.WithCancel(t.Context())
					go func() { <-s.silenced; cancel() }()
					err := c.do(ctx, client)
					require.ErrorIs(t, err, context.Canceled)
					if c.post {
						requireUnknown(t, err)
					}
					n := s.settle(client.CloseIdleConnections)
					require.Equal(t, tally{connections: n.connections, received: 1, carriedOut: 1, struck: 1}, n)
				})
			}
		}
	}
}

func TestFault18_HTTP2RequestsThatWereNotCarriedOut(t *testing.T) {
	t.Parallel()
	faults := all(
		fault{kind: reset, code: refusedStream}.moments(afterHeaders, afterBody),
		fault{kind: goAwayBelow, code: noError}.moments(beforeRequest, afterBody))
	everyFault(t, []transport{ownHTTP2, callerHTTP2}, faults, func(t *testing.T, tr transport, c call, _ fault, forEver bool, n tally, err error) {
		switch {
		case forEver:
			require.Zero(t, n.carriedOut)
			if c.name != remove.name { // without a body, net/http does not say why it failed
				require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
			}
		case tr.own:
			require.NoError(t, err)
			require.Equal(t, 1, n.carriedOut)
		}
	})
	t.Run("GOAWAY at the stream, which is answered", func(t *testing.T) {
		t.Parallel()
		for _, c := range everyCall {
			n, err := perform(t, ownHTTP2, c, fault{goAwayAt, noError, afterReply}, 1)
			require.NoError(t, err)
			require.Equal(t, 1, n.carriedOut)
		}
	})
}

// mayHaveBeenCarriedOut are row 19's faults with one error code.
func mayHaveBeenCarriedOut(code uint32) iter.Seq[fault] {
	faults := []iter.Seq[fault]{
		fault{kind: goAwayAt, code: code}.moments(beforeRequest, afterReply),
		fault{kind: goAwayAbove, code: code}.moments(beforeRequest, afterReply),
		// A server that answers has carried out, whatever it says later.
		fault{kind: goAwayBelow, code: code}.moments(afterReplyHeaders, afterReply),
		fault{kind: reset, code: code}.moments(afterReplyHeaders, afterReply),
	}
	// The other cases are row 18's.
	if code != noError {
		faults = append(faults, fault{kind: goAwayBelow, code: code}.moments(beforeRequest, afterBody))
	}
	if code != refusedStream {
		faults = append(faults, fault{kind: reset, code: code}.moments(afterHeaders, afterBody))
	}
	return all(faults...)
}

func everyCode(t *testing.T, tr transport, faults func(code uint32) iter.Seq[fault]) {
	t.Helper()
	for _, code := range codes() {
		everyFault(t, []transport{tr}, faults(code), func(t *testing.T, tr transport, c call, f fault, forEver bool, n tally, err error) {
			if f.notCarriedOut() {
				require.Zero(t, n.carriedOut-n.answered)
				return
			}
			requireAsAfterALostReply(t, tr, c, f, forEver, n, err)
		})
	}
}

func TestFault19_HTTP2RequestsThatMayHaveBeenCarriedOut(t *testing.T) {
	t.Parallel()
	everyCode(t, callerHTTP2, mayHaveBeenCarriedOut)
	// A connection costs a TLS handshake here: the library's own transport gets
	// some codes. The others are among the exhaustive tests.
	everyCode(t, ownHTTP2, func(code uint32) iter.Seq[fault] {
		return func(yield func(fault) bool) {
			for f := range mayHaveBeenCarriedOut(code) {
				some := code == noError || code == protocolError && f.kind == reset || code == unknownCode && f.moment == afterBody
				if some && !yield(f) {
					return
				}
			}
		}
	})
	t.Run("after a 401", func(t *testing.T) {
		t.Parallel()
		for _, code := range []uint32{protocolError, refusedStream} {
			f := fault{reset, code, afterBody}
			s := newServer(t, http2TLS, session, &repeat{f, f.endless()})
			s.first = http.StatusUnauthorized
			client := ownHTTP2.client(t, s, maxAttempts, coviu.WithTokenSource(new(renewing)))
			ctx, cancel := patience(t, f)
			err := get.do(ctx, client)
			cancel()
			require.Error(t, err)
			n := s.settle(client.CloseIdleConnections)
			require.LessOrEqual(t, n.received, 1+maxAttempts+min(n.refused, maxRepeated))
		}
	})
}

// renewing gives another token each time.
type renewing struct{ n int }

func (r *renewing) Token() (*oauth2.Token, error) {
	r.n++
	return &oauth2.Token{AccessToken: fmt.Sprintf("token-%d", r.n)}, nil
}

func TestFault18_BusyServerRecyclesItsConnections(t *testing.T) {
	t.Parallel()
	for _, tr := range []transport{ownHTTP2, callerHTTP2} {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			// A booking can meet each of the five GOAWAYs, so five repetitions do.
			const bookings, recycled = 200, 200 / maxRepeated
			var mu sync.Mutex
			requests, carriedOut := 0, map[string]int{}
			far := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				name := nameIn(bodyOf(r))
				mu.Lock()
				defer mu.Unlock()
				if requests++; requests%recycled == 0 {
					w.Header().Set("Connection", "close") // sends a graceful GOAWAY
				}
				carriedOut[name]++
				_, _ = w.Write([]byte(session))
			}))
			serve(far, tr.speaks)
			defer far.Close()
			client := tr.client(t, &server{listener: far.Listener, protocol: tr.speaks}, maxAttempts, create.tokens()...)
			failures := make(chan error, bookings)
			for i := range bookings {
				go func() { failures <- book(t.Context(), client, fmt.Sprintf("booking %d", i)) }()
			}
			for range bookings {
				if err := <-failures; err != nil {
					t.Error(err)
				}
			}
			require.Len(t, carriedOut, bookings)
			require.Equal(t, bookings, requests)
		})
	}
}

// requireBookings holds the result of every booking against the server's count
// for its name.
func requireBookings(t testing.TB, s *server, closeIdle func(), results map[string]error) {
	t.Helper()
	n := s.settle(closeIdle)
	carriedOut := map[string]int{}
	for body, times := range s.bodies {
		carriedOut[nameIn(body)] += times
	}
	reported, wrong := map[string]int{}, map[string]int{}
	for name, err := range results {
		kind, least, most := "succeeded", 1, 1
		switch {
		case errors.Is(err, coviu.ErrOutcomeUnknown):
			kind, least = "unknown", 0
		case err != nil:
			kind, least, most = "refused", 0, 0
		}
		kind = fmt.Sprintf("%s, carried out %d times", kind, carriedOut[name])
		reported[kind]++
		if carriedOut[name] < least || carriedOut[name] > most {
			wrong[kind]++
		}
	}
	t.Logf("%d bookings: %v; %+v", len(results), reported, n)
	require.Empty(t, wrong)
}
