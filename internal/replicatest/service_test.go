package replicatest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

const key = "booking-4711"

// outcome says what the service does with one POST.
type outcome struct {
	name string
	// booked says that a session is made, after is how much later, and listed how
	// much later than that the list shows it.
	booked        bool
	after, listed time.Duration
	// replied says that the client gets the reply.
	replied bool
	// status is that of a refusal.
	status  int
	notSent bool
}

func (o outcome) beyond() bool { return o.booked && o.after+o.listed > grace }

// definite reports whether the client knows the outcome.
func (o outcome) definite() bool { return o.replied || o.status != 0 || o.notSent }

var outcomes = []outcome{
	{name: "executed", booked: true, replied: true},
	{name: "reply lost", booked: true},
	{name: "request lost"},
	{name: "executed 20 s late", booked: true, after: 20 * time.Second},
	{name: "executed 290 s late", booked: true, after: 290 * time.Second},
	{name: "executed 7 min late", booked: true, after: 7 * time.Minute},
	{name: "listed 290 s late", booked: true, listed: 290 * time.Second, replied: true},
	{name: "reply lost, listed 20 s late", booked: true, listed: 20 * time.Second},
	{name: "reply lost, listed 290 s late", booked: true, listed: 290 * time.Second},
	{name: "reply lost, listed 7 min late", booked: true, listed: 7 * time.Minute},
	{name: "refused by 400", status: http.StatusBadRequest},
	{name: "refused by 429", status: http.StatusTooManyRequests},
	{name: "not sent", notSent: true},
}

// service is a model of the service, as far as bookings go.
type service struct {
	outcomes []int // of the first POSTs; later ones are executed

	mu       sync.Mutex
	posts    int
	sessions []*session
	// unknown says that a client was left without knowing what became of a POST.
	unknown bool
	// hidden says that the service does not show its sessions any more.
	hidden bool
	// faulty is set when a POST is sent that must not be.
	faulty string
}

type session struct {
	id               string
	carriedOut, seen time.Time
	canceled         bool
}

// wire is the connection of one replica to the service.
type wire struct {
	service *service
	replica *replica
	// booking is the row of the ledger, nil without one.
	booking *bookingRow
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := w.replica.wakes(); err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost {
		if err := pause(r.Context(), 2*latency); err != nil {
			return nil, err
		}
		return w.service.show(r)
	}
	return w.post(r)
}

func (w *wire) post(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	trace := httptrace.ContextClientTrace(ctx)
	trace.GetConn("service:443")
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	k, err := w.replica.at(beforeRequest)
	if err != nil {
		return nil, err
	}
	if k != overrun && k != overrunsLong {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		w.check()
	}
	o := w.service.next()
	if o.notSent {
		return nil, errors.New("connection refused")
	}
	trace.GotConn(httptrace.GotConnInfo{})
	trace.WroteHeaders()
	_ = pause(ctx, latency) // The request arrives even if the replica is gone.
	made := w.service.book(o)
	_ = pause(ctx, latency)
	if ctx.Err() == nil {
		if k, err = w.replica.at(afterRequest); err != nil {
			w.service.leaveUnknown()
			return nil, err
		}
	}
	switch {
	case ctx.Err() != nil && k != overrun && k != overrunsLong:
		w.service.leaveUnknown()
		return nil, ctx.Err()
	case o.status != 0:
		return reply(r, o.status, `{"error":{"code":1,"message":"no"}}`), nil
	case o.replied:
		return reply(r, http.StatusOK, made.json()), nil
	}
	return nil, io.ErrUnexpectedEOF
}

// check notes a POST without a durable intent of this replica.
func (w *wire) check() {
	if w.booking == nil {
		return
	}
	w.booking.mu.Lock()
	defer w.booking.mu.Unlock()
	if h := w.booking.holder; h == nil || h.replica != w.replica || !w.booking.known.sending {
		w.service.mu.Lock()
		defer w.service.mu.Unlock()
		w.service.faulty = "a POST was sent without a hold and an intent"
	}
}

func (s *service) next() outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := outcomes[0]
	if s.posts < len(s.outcomes) {
		o = outcomes[s.outcomes[s.posts]]
	}
	s.posts++
	s.unknown = s.unknown || !o.definite()
	return o
}

func (s *service) leaveUnknown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown = true
}

func (s *service) book(o outcome) *session {
	if !o.booked {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	made := &session{id: fmt.Sprintf("s%d", len(s.sessions)+1), carriedOut: time.Now().Add(o.after)}
	made.seen = made.carriedOut.Add(o.listed)
	s.sessions = append(s.sessions, made)
	return made
}

// show answers a GET of one session or of the list.
func (s *service) show(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	id, one := strings.CutPrefix(r.URL.Path, "/v1/sessions/")
	var listed []string
	for _, made := range s.sessions {
		switch {
		case s.hidden:
		case one && made.id == id && !now.Before(made.carriedOut):
			return reply(r, http.StatusOK, made.json()), nil
		case !one && !now.Before(made.seen):
			listed = append(listed, made.json())
		}
	}
	if one {
		return reply(r, http.StatusNotFound, `{"error":{"code":404,"message":"session not found"}}`), nil
	}
	return reply(r, http.StatusOK, `{"content":[`+strings.Join(listed, ",")+`],"more":false}`), nil
}

func (s *session) json() string {
	canceled := ""
	if s.canceled {
		canceled = `"canceled_time":"2030-01-01T00:00:00Z",`
	}
	return `{"session_id":"` + s.id + `",` + canceled + `"start_time":"2030-05-01T09:00:00.000Z","end_time":"2030-05-01T10:00:00.000Z",` +
		`"participants":[{"participant_id":"p` + s.id + `","role":"HOST","state":"` + key + `"}]}`
}

func reply(r *http.Request, status int, body string) *http.Response {
	header := http.Header{}
	if status == http.StatusTooManyRequests {
		header.Set("Retry-After", "120")
	}
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

func appointment() *coviu.SessionCreationRequest {
	start := time.Date(2030, 5, 1, 9, 0, 0, 0, time.UTC)
	return &coviu.SessionCreationRequest{
		StartTime: start, EndTime: start.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleHost}},
	}
}
