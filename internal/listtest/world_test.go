package listtest_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// emptySnapshot returns the server's state without sessions.
func (w *listWorld) emptySnapshot() *coviutest.Snapshot {
	key := [2]int{}
	if w.snapshots[key] == nil {
		w.snapshots[key] = w.server.Snapshot()
	}
	return w.snapshots[key]
}

// listClock is a clock that stands still. No session ever starts.
func listClock() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }

// listWorld is a server that is called without connections, so that thousands of
// iterations take seconds.
type listWorld struct {
	server    *coviutest.Server
	others    *coviu.Client
	readers   map[bool]*coviu.Client // by listCase.seconds
	gate      *listGate
	snapshots map[[2]int]*coviutest.Snapshot
}

func newListWorld(t *testing.T, opts ...coviutest.Option) *listWorld {
	t.Helper()
	var api http.Handler
	keep := func(h http.Handler) http.Handler {
		api = h
		return h
	}
	opts = append([]coviutest.Option{coviutest.WithInMemory(), coviutest.WithClock(listClock), coviutest.WithMiddleware(keep)}, opts...)
	s := coviutest.NewServer(opts...)
	t.Cleanup(s.Close)
	direct := handlerTransport{api}
	w := &listWorld{server: s, gate: &listGate{next: direct}, snapshots: map[[2]int]*coviutest.Snapshot{}}
	w.others = s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: direct}))
	gated := coviu.WithHTTPClient(&http.Client{Transport: w.gate})
	w.readers = map[bool]*coviu.Client{false: s.Client(t, gated), true: s.Client(t, gated, coviu.WithRFC1123Dates())}
	return w
}

// direct returns an HTTP client that calls the server without connections.
func (w *listWorld) direct() *http.Client { return &http.Client{Transport: w.gate.next} }

// handlerTransport answers requests on the caller's goroutine.
type handlerTransport struct{ handler http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	h.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// listGate calls before with the number of each request for a list.
type listGate struct {
	next http.RoundTripper

	mu     sync.Mutex
	number int
	before func(number int)
}

func (g *listGate) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/sessions" {
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		g.before(g.number)
		g.number++
	}
	return g.next.RoundTrip(r)
}

// begin puts the sessions of c on the server.
func (w *listWorld) begin(t testing.TB, c listCase) {
	t.Helper()
	key := [2]int{c.sessions, int(c.starts)}
	if snapshot := w.snapshots[key]; snapshot != nil {
		w.server.Restore(snapshot)
		w.server.ClearRequests()
		return
	}
	w.server.Restore(w.emptySnapshot())
	for i := range c.sessions {
		_, err := w.server.Seed(coviu.Session{
			SessionID: sessionName(i),
			StartTime: listClock().Add(c.starts.of(i)),
			EndTime:   listClock().Add(c.starts.of(i) + time.Hour),
			Participants: []coviu.Participant{
				{ParticipantID: "p" + strconv.Itoa(i), State: initialState(i)},
			},
		})
		require.NoError(t, err)
	}
	w.snapshots[key] = w.server.Snapshot()
}

func sessionName(i int) string { return "s" + strconv.Itoa(i) }

// initialState returns the State of a session's participant. One in eight is not
// ours, so that a change of State can bring a session into the list.
func initialState(i int) string {
	if i%8 == 2 {
		return theirState
	}
	return ourState
}
