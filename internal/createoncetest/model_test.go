package createoncetest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

const (
	onceKey = "booking-4711"
	// onceLatency is the time that a request or a reply travels.
	onceLatency = 10 * time.Millisecond
)

// onceModel is a model of the service, seen by a client that books. It may carry
// out a request late, lose the reply, or list the booking late. The tests run the
// real client against it, in virtual time.
type onceModel struct {
	schedule onceSchedule

	mu       sync.Mutex
	posts    int
	bookings []*onceBooking
}

type onceBooking struct {
	id               string
	client           *coviu.Client
	looked, sent     time.Time // by the call that booked it
	carriedOut, seen time.Time
	ended            time.Time // when that call was over
	canceled         bool
}

// onceCall is one call of a strategy. The model finds it in the context.
type onceCall struct {
	client   *coviu.Client
	looked   time.Time
	bookings []*onceBooking
	posts    int
}

type onceCallKey struct{}

func (m *onceModel) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	call, _ := r.Context().Value(onceCallKey{}).(*onceCall)
	if err := pause(r.Context(), onceLatency); err != nil {
		// The process crashed while its request was on its way. A booking still arrives.
		if r.Method == http.MethodPost {
			m.book(call)
		}
		return nil, err
	}
	if r.Method == http.MethodGet {
		body := m.list(call, r)
		return m.reply(r, body)
	}
	booking, outcome := m.book(call)
	switch {
	case outcome.hangs:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case outcome.replied:
		return m.reply(r, booking.json())
	}
	return nil, io.ErrUnexpectedEOF
}

func (m *onceModel) reply(r *http.Request, body string) (*http.Response, error) {
	if err := pause(r.Context(), onceLatency); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: r,
	}, nil
}

func (m *onceModel) list(call *onceCall, r *http.Request) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	call.looked = now
	if r.URL.Query().Get("state") != onceKey {
		return "null"
	}
	var listed []string
	for _, b := range m.bookings {
		if !now.Before(b.seen) {
			listed = append(listed, b.json())
		}
	}
	return `{"content":[` + strings.Join(listed, ",") + `],"more":false}`
}

func (m *onceModel) book(call *onceCall) (*onceBooking, postOutcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	outcome := postOutcomes[0]
	if m.posts < len(m.schedule.posts) {
		outcome = postOutcomes[m.schedule.posts[m.posts]]
	}
	m.posts++
	call.posts++
	if !outcome.booked {
		return nil, outcome
	}
	now := time.Now()
	b := &onceBooking{
		id: fmt.Sprintf("s%d", m.posts), client: call.client, looked: call.looked, sent: now,
		carriedOut: now.Add(outcome.after),
	}
	b.seen = b.carriedOut.Add(m.schedule.lag)
	m.bookings = append(m.bookings, b)
	call.bookings = append(call.bookings, b)
	return b, outcome
}

func (b *onceBooking) json() string {
	canceled := ""
	if b.canceled {
		canceled = `"canceled_time":"2030-01-01T00:00:00Z",`
	}
	return `{"session_id":"` + b.id + `",` + canceled + `"start_time":"2030-05-01T09:00:00.000Z","end_time":"2030-05-01T10:00:00.000Z",` +
		`"participants":[{"participant_id":"p` + b.id + `","role":"HOST","state":"` + onceKey + `"}]}`
}

func onceRequest() *coviu.SessionCreationRequest {
	start := time.Date(2030, 5, 1, 9, 0, 0, 0, time.UTC)
	return &coviu.SessionCreationRequest{
		StartTime: start, EndTime: start.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleHost}},
	}
}
