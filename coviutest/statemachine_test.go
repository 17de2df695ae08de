package coviutest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

var randomSeed = flag.Uint64("seed", 0, "repeat the random operations of a run that failed")

// TestRandomOperationsAgainstAModel lets several teams, with two API keys each,
// do random things at once, and compares every reply with what a plain model
// says.
func TestRandomOperationsAgainstAModel(t *testing.T) {
	t.Parallel()
	const teams, rounds, operations = 6, 24, 75 // 10,800 operations
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	defer func() {
		if t.Failed() {
			t.Logf("repeat with -seed=%d", seed)
		}
	}()
	s := newServer(t, coviutest.WithTokenTTL(1000*time.Hour))
	walkers := make([]*walker, teams)
	for i := range walkers {
		name := fmt.Sprint("team", i)
		walkers[i] = &walker{t: t, random: rand.New(rand.NewPCG(seed, uint64(i)))}
		for range 2 {
			walkers[i].keys = append(walkers[i].keys, newWireFor(t, s, s.NewKey(name)))
		}
	}
	clock := rand.New(rand.NewPCG(seed, 1<<32))
	for range rounds {
		var round sync.WaitGroup
		for _, w := range walkers {
			round.Go(func() {
				for range operations {
					if t.Failed() {
						return
					}
					w.step()
				}
			})
		}
		round.Wait()
		step := time.Duration(clock.IntN(40)) * time.Minute
		s.Advance(step)
		for _, w := range walkers {
			w.now += step
		}
	}
	held, asked := 0, 2*teams
	for _, w := range walkers {
		held += len(w.model.sessions)
		asked += w.asked
	}
	require.Len(t, s.Sessions(), held)
	require.GreaterOrEqual(t, asked, 10_000)
	require.Equal(t, asked, s.Count(coviutest.AnyOperation))
}

// walker is one team: its API keys, the model of what it should see, and the
// time since the tests' day began.
type walker struct {
	t      *testing.T
	random *rand.Rand
	keys   []*wire
	model  model
	now    time.Duration
	asked  int
}

func (w *walker) step() {
	steps := []func(){w.create, w.create, w.get, w.list, w.list, w.list, w.update, w.cancel, w.add, w.add, w.people, w.getPerson, w.updatePerson, w.remove}
	steps[w.random.IntN(len(steps))]()
}

// expect sends a request with one of the team's keys and compares the reply.
func (w *walker) expect(status int, want any, method, path string, body any) {
	got := w.ask(method, path, body)
	if got.status != status {
		w.t.Errorf("%s %s %v: got %d, want %d: %s", method, path, body, got.status, status, got.body)
		return
	}
	if status != 200 {
		got.is(status)
		return
	}
	if !assert.ObjectsAreEqual(want, got.json()) {
		w.t.Errorf("%s %s %v:\n got %s\nwant %v", method, path, body, got.body, want)
	}
}

func (w *walker) ask(method, path string, body any) answer {
	w.asked++
	text := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			w.t.Error(err)
		}
		text = string(encoded)
	}
	return w.keys[w.random.IntN(len(w.keys))].do(method, path, text)
}

var done = map[string]any{"ok": true}

func (w *walker) create() {
	from := w.now + w.minutes(-10, 200)
	to := from + w.minutes(-5, 90)
	body := map[string]any{"start_time": in(from), "end_time": in(to), "session_name": w.word()}
	want := w.model.create(from, to, w.now)
	people := make([]any, w.random.IntN(3))
	for i := range people {
		people[i] = w.personBody()
	}
	body["participants"] = people
	got := w.ask("POST", "/sessions", body)
	if got.status != want {
		w.t.Errorf("POST /sessions %v at %v: got %d, want %d: %s", body, w.now, got.status, want, got.body)
		return
	}
	if want != 200 {
		return
	}
	made := &modelSession{start: from, end: to, fields: map[string]any{
		"session_id": got.text("session_id"), "team_id": got.text("team_id"), "client_id": got.text("client_id"),
		"start_time": in(from), "end_time": in(to), "session_name": body["session_name"],
	}}
	for i, person := range people {
		made.people = append(made.people, newModelPerson(got, join("participants", i)+".", made, person.(map[string]string)))
	}
	w.model.sessions = append(w.model.sessions, made)
	w.expect(200, made.reply(false), "GET", "/sessions/"+got.text("session_id"), nil)
}

// newModelPerson takes from the reply what only the service can know.
func newModelPerson(got answer, at string, in *modelSession, sent map[string]string) *modelPerson {
	p := &modelPerson{in: in, fields: map[string]any{"role": "GUEST", "session_id": in.fields["session_id"]}}
	for _, name := range []string{"participant_id", "client_id", "state", "entry_url"} {
		p.fields[name] = got.text(at + name)
	}
	for name, value := range sent {
		p.fields[name] = value
	}
	if sent["role"] != "" {
		p.fields["role"] = map[string]string{"host": "HOST", "Guest": "GUEST"}[sent["role"]]
	}
	return p
}

func (w *walker) personBody() map[string]string {
	body := map[string]string{"display_name": w.word()}
	if w.random.IntN(2) == 0 {
		body["state"] = w.state()
	}
	if w.random.IntN(2) == 0 {
		body["role"] = []string{"host", "Guest"}[w.random.IntN(2)]
	}
	return body
}

func (w *walker) get() {
	s := w.anySession()
	if s == nil {
		w.expect(404, nil, "GET", "/sessions/nobody", nil)
		return
	}
	removed := w.random.IntN(2) == 0
	w.expect(s.visible(), s.reply(removed), "GET", fmt.Sprintf("/sessions/%s?deleted_participants=%t", s.fields["session_id"], removed), nil)
}

func (s *modelSession) visible() int {
	if s.canceled {
		return 401
	}
	return 200
}

func (w *walker) list() {
	q := modelQuery{page: w.random.IntN(4), size: 1 + w.random.IntN(6), canceled: w.coin(), removed: w.coin(), reverse: w.coin()}
	query := url.Values{"page": {strconv.Itoa(q.page)}, "page_size": {strconv.Itoa(q.size)}}
	if q.canceled {
		query.Set("include_canceled", "1")
	}
	if q.removed {
		query.Set("deleted_participants", "true")
	}
	if q.reverse {
		query.Set("order", "reverse")
	}
	if w.coin() {
		q.from = new(w.now + w.minutes(-200, 100))
		query.Set("start_time", in(*q.from))
	}
	if w.coin() {
		q.to = new(w.now + w.minutes(-100, 200))
		query.Set("end_time", in(*q.to))
	}
	if w.random.IntN(3) == 0 {
		q.state = w.state()
		query.Set("state", q.state)
	}
	w.expect(200, w.model.list(q), "GET", "/sessions?"+query.Encode(), nil)
}

func (w *walker) update() {
	s := w.anySession()
	if s == nil {
		w.expect(404, nil, "PUT", "/sessions/nobody", map[string]string{})
		return
	}
	body, changes := map[string]any{}, map[string]string{}
	for _, name := range []string{"session_name", "picture"} {
		if w.coin() {
			changes[name] = []string{"", w.word()}[w.random.IntN(2)]
			body[name] = changes[name]
		}
	}
	var from, to *time.Duration
	if w.coin() {
		from = new(s.start + w.minutes(-60, 60))
		body["start_time"] = in(*from)
	}
	if w.coin() {
		to = new(s.end + w.minutes(-60, 60))
		body["end_time"] = in(*to)
	}
	status := w.model.update(s, changes, from, to, w.now)
	w.expect(status, s.reply(false), "PUT", "/sessions/"+s.fields["session_id"].(string), body)
}

func (w *walker) cancel() {
	if s := w.anySession(); s != nil && w.random.IntN(3) == 0 {
		w.expect(w.model.cancel(s, w.now), done, "DELETE", "/sessions/"+s.fields["session_id"].(string), nil)
	} else {
		w.expect(404, nil, "DELETE", "/sessions/nobody", nil)
	}
}

func (w *walker) add() {
	s := w.anySession()
	if s == nil {
		w.expect(404, nil, "POST", "/sessions/nobody/participants", map[string]string{})
		return
	}
	body := w.personBody()
	got := w.ask("POST", "/sessions/"+s.fields["session_id"].(string)+"/participants", body)
	if want := w.model.mayAdd(s, w.now); got.status != want {
		w.t.Errorf("POST participants: got %d, want %d: %s", got.status, want, got.body)
	} else if want == 200 {
		s.people = append(s.people, newModelPerson(got, "", s, body))
	}
}

func (w *walker) people() {
	if s := w.anySession(); s != nil {
		removed := w.coin()
		w.expect(s.visible(), s.peopleReply(removed), "GET", fmt.Sprintf("/sessions/%s/participants?deleted_participants=%t", s.fields["session_id"], removed), nil)
	} else {
		w.expect(404, nil, "GET", "/sessions/nobody/participants", nil)
	}
}

func (w *walker) getPerson() {
	if p := w.anyPerson(); p != nil {
		w.expect(p.sees(), p.reply(), "GET", "/participants/"+p.fields["participant_id"].(string), nil)
	} else {
		w.expect(404, nil, "GET", "/participants/nobody", nil)
	}
}

func (w *walker) updatePerson() {
	p := w.anyPerson()
	if p == nil {
		w.expect(404, nil, "PUT", "/participants/nobody", map[string]string{})
		return
	}
	changes := map[string]string{"display_name": w.word(), "state": w.state(), "role": "participant", "picture": ""}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		if w.coin() {
			delete(changes, name)
		}
	}
	w.expect(p.change(changes), p.reply(), "PUT", "/participants/"+p.fields["participant_id"].(string), changes)
}

func (w *walker) remove() {
	if p := w.anyPerson(); p != nil {
		w.expect(p.remove(w.now), done, "DELETE", "/participants/"+p.fields["participant_id"].(string), nil)
	} else {
		w.expect(404, nil, "DELETE", "/participants/nobody", nil)
	}
}

func (w *walker) anySession() *modelSession {
	if len(w.model.sessions) == 0 {
		return nil
	}
	return w.model.sessions[w.random.IntN(len(w.model.sessions))]
}

func (w *walker) anyPerson() *modelPerson {
	s := w.anySession()
	if s == nil || len(s.people) == 0 {
		return nil
	}
	return s.people[w.random.IntN(len(s.people))]
}

func (w *walker) coin() bool { return w.random.IntN(2) == 0 }

func (w *walker) minutes(least, most int) time.Duration {
	return time.Duration(least+w.random.IntN(most-least)) * time.Minute
}

func (w *walker) state() string { return fmt.Sprint("state ", w.random.IntN(5)) }

func (w *walker) word() string {
	return []string{"Ann", "Zoë", `a "b"`, "<&>", "long \\ name"}[w.random.IntN(5)]
}
