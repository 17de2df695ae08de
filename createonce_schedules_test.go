package coviu_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// The model below is a service as it looks to somebody who books: it takes a
// request after a moment, may carry it out late, may lose the reply, and may list
// what it booked only after a while. What books is the real client, in virtual
// time.

const (
	onceKey = "booking-4711"
	// each way of a request takes this long
	onceLatency = 10 * time.Millisecond
)

// postOutcome is what becomes of one POST.
type postOutcome struct {
	name    string
	booked  bool
	after   time.Duration
	replied bool
	hangs   bool
}

var postOutcomes = []postOutcome{
	{name: "executed", booked: true, replied: true},
	{name: "lost before"},
	{name: "lost after", booked: true},
	{name: "executed, no reply for ever", booked: true, hangs: true},
	{name: "executed 2 s late", booked: true, after: 2 * time.Second},
	{name: "executed 20 s late", booked: true, after: 20 * time.Second},
	{name: "executed 5 min late", booked: true, after: 5 * time.Minute},
}

// thirdOutcomes are those of a third POST: good, lost, late.
var thirdOutcomes = []int{0, 2, 5}

type callers int

const (
	oneCaller callers = iota
	twoOnOneClient
	twoProcesses
	callersKinds
)

func (c callers) String() string {
	return [...]string{"one caller", "two callers, one client", "two processes"}[c]
}

// onceSchedule is everything that happens around the bookings with one key.
type onceSchedule struct {
	posts   [3]int        // outcomes of the first POSTs; later ones are executed
	lag     time.Duration // from carrying out to listing
	callers callers
	offset  time.Duration // by which the second caller is later
	crash   time.Duration // when the first process dies, 0 for never
	again   time.Duration // from a failed call or a crash to the next, below 0 for none
}

func (s onceSchedule) String() string {
	names := make([]string, len(s.posts))
	for i, p := range s.posts {
		names[i] = postOutcomes[p].name
	}
	return fmt.Sprintf("POSTs [%s], listed %v later, %v (%v apart), crash at %v, again after %v",
		strings.Join(names, "; "), s.lag, s.callers, s.offset, s.crash, s.again)
}

var (
	onceLags    = []time.Duration{0, time.Second, 45 * time.Second}
	onceOffsets = []time.Duration{0, 15 * time.Millisecond, 25 * time.Millisecond, 10 * time.Second, 45 * time.Second}
	onceCrashes = []time.Duration{
		0, 5 * time.Millisecond, 15 * time.Millisecond, 25 * time.Millisecond, 35 * time.Millisecond, 3 * time.Second, 20 * time.Second,
	}
	onceAgains = []time.Duration{-1, 0, 5 * time.Second, time.Minute}
)

// onceSchedules yields all of them.
func onceSchedules() iter.Seq[onceSchedule] {
	return func(yield func(onceSchedule) bool) {
		n := len(postOutcomes)
		for posts := range n * n * len(thirdOutcomes) {
			s := onceSchedule{posts: [3]int{posts % n, posts / n % n, thirdOutcomes[posts/n/n]}}
			for s.callers = range callersKinds {
				offsets := onceOffsets
				if s.callers == oneCaller {
					offsets = offsets[:1]
				}
				for _, s.offset = range offsets {
					for _, s.crash = range onceCrashes {
						for _, s.again = range onceAgains {
							for _, s.lag = range onceLags {
								if !yield(s) {
									return
								}
							}
						}
					}
				}
			}
		}
	}
}

// onceModel is the service.
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

// onceCall is one call of a strategy; it travels in the context.
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
		// The process died while its request was on its way; a booking arrives.
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

// pause waits in virtual time, as long as ctx lasts.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// strategy is a way to book with a key.
type strategy struct {
	name string
	book func(ctx context.Context, s *coviu.SessionService) (*coviu.Session, error)
}

func strategies() []strategy {
	return []strategy{{"blind retry", retryBlindly}, {"look, then post", lookThenPost}, {"CreateOnce", createOnce}}
}

func createOnce(ctx context.Context, s *coviu.SessionService) (*coviu.Session, error) {
	return s.CreateOnce(ctx, onceKey, onceRequest())
}

// retryBlindly is what a loop around Create does.
func retryBlindly(ctx context.Context, s *coviu.SessionService) (session *coviu.Session, err error) {
	for range 3 {
		if session, err = s.Create(ctx, onceRequest()); err == nil {
			return session, nil
		}
		if pause(ctx, time.Second) != nil {
			break
		}
	}
	return nil, err
}

// lookThenPost looks before every try.
func lookThenPost(ctx context.Context, s *coviu.SessionService) (session *coviu.Session, err error) {
	for range 3 {
		page, failure := s.List(ctx, &coviu.SessionListOptions{State: onceKey})
		if failure == nil && len(page.Content) > 0 {
			return &page.Content[0], nil
		}
		if failure == nil {
			if session, err = s.Create(ctx, onceRequest()); err == nil {
				return session, nil
			}
		}
		if pause(ctx, time.Second) != nil {
			break
		}
	}
	return nil, err
}

// process holds a client until it crashes; then the next one does.
type process struct {
	model *onceModel

	mu     sync.Mutex
	client *coviu.Client
	ctx    context.Context //nolint:containedctx // a process is a lifetime
	cancel context.CancelFunc
}

func newProcess(t testing.TB, m *onceModel) *process {
	t.Helper()
	p := &process{model: m}
	p.start(t)
	return p
}

func (p *process) start(t testing.TB) {
	t.Helper()
	client, err := coviu.NewClient("", "",
		coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"})),
		coviu.WithHTTPClient(&http.Client{Transport: p.model}))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // ends by a crash
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client, p.ctx, p.cancel = client, ctx, cancel
}

func (p *process) current() (*coviu.Client, context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.client, p.ctx
}

func (p *process) crash(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	cancel := p.cancel
	p.mu.Unlock()
	p.start(t)
	cancel()
}

func (p *process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel()
}

// call books once with the process as it is now.
func (p *process) call(book strategy) (*coviu.Session, *onceCall, error) {
	client, ctx := p.current()
	call := &onceCall{client: client}
	session, err := book.book(context.WithValue(ctx, onceCallKey{}, call), client.Sessions)
	p.model.mu.Lock()
	defer p.model.mu.Unlock()
	for _, b := range call.bookings {
		b.ended = time.Now()
	}
	return session, call, err
}

// caller calls until it has a session, or may not call again.
func (p *process) caller(book strategy) (mostPosts int) {
	for range 3 {
		_, call, err := p.call(book)
		mostPosts = max(mostPosts, call.posts)
		if err == nil || errors.As(err, new(*coviu.KeyError)) || p.model.schedule.again < 0 {
			return mostPosts
		}
		<-time.After(p.model.schedule.again)
	}
	return mostPosts
}

// onceOutcome is what came of a schedule under a strategy.
type onceOutcome struct {
	live, posts int
	// mostPosts is how many one call sent.
	mostPosts int
	// how the bookings after the first came about.
	late, simultaneous, unexplained bool
}

// run plays a schedule in the bubble that it is called in.
func (s onceSchedule) run(t testing.TB, book strategy) (onceOutcome, *onceModel) {
	t.Helper()
	m := &onceModel{schedule: s}
	first := newProcess(t, m)
	second := first
	if s.callers == twoProcesses {
		second = newProcess(t, m)
	}
	var crash *time.Timer
	if s.crash > 0 {
		crash = time.AfterFunc(s.crash, func() { first.crash(t) })
	}
	var o onceOutcome
	var both sync.WaitGroup
	var secondPosts int
	if s.callers != oneCaller {
		both.Go(func() {
			<-time.After(s.offset)
			secondPosts = second.caller(book)
		})
	}
	o.mostPosts = first.caller(book)
	both.Wait()
	o.mostPosts = max(o.mostPosts, secondPosts)
	if crash != nil {
		crash.Stop()
	}
	<-time.After(10 * time.Minute)
	m.mu.Lock()
	defer m.mu.Unlock()
	o.live, o.posts = len(m.bookings), m.posts
	o.late, o.simultaneous, o.unexplained = m.explain()
	first.end()
	second.end()
	return o, m
}

// explain looks at each booking that came on top of another one. If the call that
// sent the earlier one was over, that one must have been carried out or listed
// after the later call looked; if it was still running, the two calls must be of
// different processes. These are the two holes that the documentation names.
func (m *onceModel) explain() (late, simultaneous, unexplained bool) {
	for j, later := range m.bookings {
		for _, earlier := range m.bookings[:j] {
			switch running := !earlier.ended.Before(later.looked); {
			case !running && earlier.seen.After(later.looked) && earlier.seen.After(earlier.sent):
				late = true
			case running && earlier.client != later.client && m.schedule.callers == twoProcesses:
				simultaneous = true
			default:
				unexplained = true
			}
		}
	}
	return late, simultaneous, unexplained
}

// checkNext makes the call after all is over, and the one after the doubles were
// canceled.
func (o onceOutcome) checkNext(t testing.TB, m *onceModel) {
	t.Helper()
	m.mu.Lock()
	m.posts, m.schedule = max(m.posts, len(m.schedule.posts)), onceSchedule{}
	m.mu.Unlock()
	p := newProcess(t, m)
	defer p.end()
	book := strategies()[2]
	session, call, err := p.call(book)
	if o.live > 1 {
		var taken *coviu.KeyError
		require.ErrorIs(t, err, coviu.ErrDuplicate)
		require.ErrorAs(t, err, &taken)
		require.Len(t, taken.Sessions, o.live)
		require.Zero(t, call.posts)
		for _, b := range m.bookings[1:] {
			require.True(t, slices.ContainsFunc(taken.Sessions, func(s coviu.Session) bool { return s.SessionID == b.id }))
			b.canceled = true
		}
		session, call, err = p.call(book)
	}
	require.NoError(t, err)
	require.Equal(t, m.bookings[0].id, session.SessionID)
	require.Equal(t, o.live == 0, call.posts == 1)
}

// onceClass is what a schedule holds against whoever books.
type onceClass int

const (
	nothingLate onceClass = iota
	nothingLateForTwo
	carriedOutLate
	listedLate
	processesAtOnce
	onceClasses
)

func (c onceClass) String() string {
	return [...]string{
		"crashes and lost replies", "the same, two callers on one client",
		"also carried out late", "also listed late", "also two processes",
	}[c]
}

func (s onceSchedule) class(posts int) onceClass {
	late := slices.ContainsFunc(s.posts[:min(posts, len(s.posts))], func(p int) bool { return postOutcomes[p].after > 0 })
	switch {
	case s.callers == twoProcesses:
		return processesAtOnce
	case s.lag > 0:
		return listedLate
	case late:
		return carriedOutLate
	case s.callers == twoOnOneClient:
		return nothingLateForTwo
	}
	return nothingLate
}

// onceTable counts what came of the schedules under each strategy.
type onceTable struct {
	schedules [onceClasses]int
	doubles   map[string]*[onceClasses]int
	// late and simultaneous are the doubles of CreateOnce.
	late, simultaneous int
}

func newOnceTable() *onceTable {
	table := &onceTable{doubles: map[string]*[onceClasses]int{}}
	for _, s := range strategies() {
		table.doubles[s.name] = new([onceClasses]int)
	}
	return table
}

// add plays a schedule under each strategy. Where no strategy gets as far as a
// POST whose outcome the schedule names, another schedule is the same.
func (table *onceTable) add(t testing.TB, s onceSchedule) {
	t.Helper()
	var outcomes []onceOutcome
	posts := 0
	for _, book := range strategies() {
		o, m := s.run(t, book)
		outcomes = append(outcomes, o)
		posts = max(posts, o.posts)
		if book.name != "CreateOnce" {
			continue
		}
		require.LessOrEqual(t, o.mostPosts, 1, "one call, one POST: %v", s)
		require.False(t, o.unexplained, "booked %d times: %v", o.live, s)
		if s.callers == oneCaller && s.again < 0 || s.class(o.posts) <= nothingLateForTwo {
			require.LessOrEqual(t, o.live, 1, "%v", s)
		}
		o.checkNext(t, m)
	}
	for i, outcome := range s.posts {
		if i >= posts && outcome != 0 {
			return
		}
	}
	class := s.class(posts)
	table.schedules[class]++
	for i, book := range strategies() {
		o := outcomes[i]
		if o.live < 2 {
			continue
		}
		table.doubles[book.name][class]++
		switch {
		case book.name != "CreateOnce":
		case o.simultaneous:
			table.simultaneous++
		default:
			table.late++
		}
	}
}

func (table *onceTable) total() (schedules int) {
	for _, n := range table.schedules {
		schedules += n
	}
	return schedules
}

func (table *onceTable) totalOf(name string) (doubles int) {
	for _, n := range table.doubles[name] {
		doubles += n
	}
	return doubles
}

func (table *onceTable) merge(other *onceTable) {
	table.late += other.late
	table.simultaneous += other.simultaneous
	for class := range onceClasses {
		table.schedules[class] += other.schedules[class]
		for name, doubles := range other.doubles {
			table.doubles[name][class] += doubles[class]
		}
	}
}

func (table *onceTable) String() string {
	var b strings.Builder
	b.WriteString("\n| what goes wrong | schedules |")
	for _, s := range strategies() {
		b.WriteString(" " + s.name + " |")
	}
	b.WriteString("\n|---|---:|---:|---:|---:|\n")
	for class := range onceClasses {
		fmt.Fprintf(&b, "| %v | %d |", class, table.schedules[class])
		for _, s := range strategies() {
			n := table.doubles[s.name][class]
			fmt.Fprintf(&b, " %d (%.1f %%) |", n, 100*float64(n)/float64(max(table.schedules[class], 1)))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "| all | %d |", table.total())
	for _, s := range strategies() {
		fmt.Fprintf(&b, " %d |", table.totalOf(s.name))
	}
	fmt.Fprintf(&b, "\n\nCreateOnce: %d doubles carried out or listed after the last look, %d of two processes at one moment, 0 others\n",
		table.late, table.simultaneous)
	return b.String()
}
