//go:build exhaustive

package http2test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

func TestFault19_EveryCodeOnTheLibrarysTransport(t *testing.T) {
	t.Parallel()
	everyCode(t, ownHTTP2, mayHaveBeenCarriedOut)
}

// chance lets any fault strike: one request in six, one connection in a hundred.
type chance struct{ codes []uint32 }

func (p *chance) connected() *fault {
	if rand.N(100) > 0 {
		return nil
	}
	return &fault{goAwayBelow + rand.N(silent-goAwayBelow), p.codes[rand.N(len(p.codes))], beforeRequest}
}

func (p *chance) requested() *fault {
	if rand.N(6) > 0 {
		return nil
	}
	f := &fault{reset, p.codes[rand.N(len(p.codes))], afterHeaders + rand.N(afterReply)}
	if rand.N(3) == 0 {
		f.kind = rand.N(silent)
	}
	if rand.N(3) == 0 {
		f.code = []uint32{noError, protocolError, refusedStream}[rand.N(3)]
	}
	if rand.N(1000) == 0 {
		f.kind = silent
	}
	if f.kind == goAwayBelow && f.moment > afterBody {
		// The other streams of this connection may only be told the truth.
		f.moment = afterBody
	}
	if f.kind == aborted && f.moment == afterReply {
		f.kind = closed // a reset can overtake the reply
	}
	return f
}

func TestFault19_RandomFaultsUnderManyBookings(t *testing.T) {
	t.Parallel()
	const bookings, clients, workers = 100_000, 4, 8
	s := newServer(t, http2TLS, session, &chance{codes()})
	var mu sync.Mutex
	var working sync.WaitGroup
	results := make(map[string]error, bookings)
	names := make(chan string)
	var closeIdle []func()
	for range clients {
		client := ownHTTP2.client(t, s, maxAttempts, append(create.tokens(), coviu.WithAttemptTimeout(500*time.Millisecond))...)
		closeIdle = append(closeIdle, client.CloseIdleConnections)
		for range workers {
			working.Go(func() {
				for name := range names {
					err := book(t.Context(), client, name)
					mu.Lock()
					results[name] = err
					mu.Unlock()
				}
			})
		}
	}
	for i := range bookings {
		names <- fmt.Sprintf("booking %d", i)
	}
	close(names)
	working.Wait()
	requireBookings(t, s, func() {
		for _, f := range closeIdle {
			f()
		}
	}, results)
}
