package drivertest

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
)

// taskVariable makes this program, started again, do a task instead of tests.
const taskVariable = "COVIU_TEST_TASK"

// task is what another process does.
type task struct {
	Name     string
	Database database
	Lease    time.Duration
	Grace    time.Duration
	Service  string // the address of a service, where the task has one
	Keys     int
}

// input is what the parent of this process says.
var input = bufio.NewReader(os.Stdin)

// runTask waits for a line, so that all processes begin at the same instant.
func runTask(text string) {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		fail(err)
	}
	connector, err := t.Database.connector()
	if err != nil {
		fail(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(4)
	fmt.Println("ready")
	if _, err := input.ReadString('\n'); err != nil {
		fail(err)
	}
	s, err := coviusql.Open(context.Background(), db, t.Database.dialect(), withLease(t.Lease), coviusql.WithGrace(t.Grace))
	if err == nil {
		err = map[string]func(task, *coviusql.Store) error{
			"open":          func(task, *coviusql.Store) error { return nil },
			"hold for ever": holdForEver,
			"book":          bookAll,
			"wake":          wake,
			"refresh":       refreshOften,
		}[t.Name](t, s)
	}
	if err != nil {
		fail(err)
	}
	fmt.Println("done")
}

func fail(err error) {
	fmt.Println("failed:", err)
	os.Exit(1)
}

// process is another process, which ends with the test.
type process struct {
	command *exec.Cmd
	input   io.Writer
	output  *bufio.Reader
}

// start returns when the process is ready for its task.
func start(t *testing.T, do task) *process {
	t.Helper()
	text, err := json.Marshal(do)
	require.NoError(t, err)
	command := exec.Command(os.Args[0])
	command.Env = append(command.Environ(), taskVariable+"="+string(text))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	p := &process{command, input, bufio.NewReader(output)}
	p.expect(t, "ready")
	return p
}

func (p *process) begin(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(p.input, "begin\n")
	require.NoError(t, err)
}

func (p *process) expect(t *testing.T, line string) {
	t.Helper()
	got, err := p.output.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, line+"\n", got)
}

// kill is kill -9. It returns when the process is gone.
func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.command.Process.Kill())
	_ = p.command.Wait()
}

func TestManyProcessesOpenAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		processes := make([]*process, 8)
		for i := range processes {
			processes[i] = start(t, task{Name: "open", Database: d, Lease: time.Second, Grace: time.Second})
		}
		for _, p := range processes {
			p.begin(t)
		}
		for _, p := range processes {
			p.expect(t, "done")
		}
		require.NoError(t, book(t.Context(), d.store(t), "key", "session"))
	})
}

// holdForEver begins a request and never settles it.
func holdForEver(_ task, s *coviusql.Store) error {
	return s.Ledger().Hold(context.Background(), "key", func(ctx context.Context, b *coviu.Booking) error {
		if err := b.Begin(ctx); err != nil {
			return err
		}
		_, err := s.Token("user").Update(ctx, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			fmt.Println("held")
			select {}
		})
		return err
	})
}

func TestWhatAKilledProcessHeldIsTakenOver(t *testing.T) {
	const lease = 2 * time.Second
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t, withLease(lease), coviusql.WithGrace(time.Minute))
		p := start(t, task{Name: "hold for ever", Database: d, Lease: lease, Grace: time.Minute})
		p.begin(t)
		p.expect(t, "held")
		waiting, cancel := context.WithTimeout(t.Context(), 2*lease)
		defer cancel()
		require.ErrorIs(t, book(waiting, s, "key", "session"), context.DeadlineExceeded, "it renews its lease")

		p.kill(t)
		killed := time.Now()
		seen := look(t, s, "key")
		require.Less(t, time.Since(killed), 2*lease)
		require.Greater(t, seen.Unsettled, time.Minute-lease)
		require.LessOrEqual(t, seen.Unsettled, time.Minute)
		require.False(t, seen.Overdue)
		require.Nil(t, stored(t, s, "user"))
	})
}

// wake begins a request after it was stopped for a while.
func wake(_ task, s *coviusql.Store) error {
	return s.Ledger().Hold(context.Background(), "key", func(ctx context.Context, b *coviu.Booking) error {
		fmt.Println("held")
		if _, err := input.ReadString('\n'); err != nil {
			return err
		}
		fmt.Println(b.Begin(context.WithoutCancel(ctx)))
		<-ctx.Done()
		fmt.Println(context.Cause(ctx))
		return nil
	})
}

// service books sessions as the real one does, and counts. It loses replies and
// carries bookings out late, but not later than lateness.
type service struct {
	lateness time.Duration

	mu       sync.Mutex
	sessions map[string][]string
	pending  sync.WaitGroup
	posts    atomic.Int64
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if r.Method == http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(s.sessions[key])
		return
	}
	s.posts.Add(1)
	switch dice := rand.IntN(20); {
	case s.lateness > 0 && dice < 2: // lost before it was read
		panic(http.ErrAbortHandler)
	case s.lateness > 0 && dice < 5: // carried out late, without a reply
		s.pending.Go(func() {
			<-time.After(rand.N(s.lateness))
			s.book(key)
		})
		panic(http.ErrAbortHandler)
	case s.lateness > 0 && dice < 8: // the reply is lost
		s.book(key)
		panic(http.ErrAbortHandler)
	default:
		_ = json.NewEncoder(w).Encode(s.book(key))
	}
}

func (s *service) book(key string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id = key + " session " + strconv.Itoa(len(s.sessions[key]))
	s.sessions[key] = append(s.sessions[key], id)
	return id
}

// call returns an error if the outcome is unknown.
func call(method, address, key string, into any) error {
	request, err := http.NewRequest(method, address+"?key="+url.QueryEscape(key), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// bookAll books every key, again and again until it is settled.
func bookAll(t task, s *coviusql.Store) error {
	ctx := context.Background()
	for left := t.Keys; left > 0; {
		left = 0
		for i := range t.Keys {
			settled := false
			err := s.Ledger().Hold(ctx, strconv.Itoa(i), func(ctx context.Context, b *coviu.Booking) error {
				err := bookOnce(ctx, t.Service, strconv.Itoa(i), b)
				settled = err == nil
				return nil
			})
			if err != nil {
				return err
			}
			if !settled {
				left++
			}
		}
	}
	return nil
}

// bookOnce fails if the key has to be tried again later.
func bookOnce(ctx context.Context, service, key string, b *coviu.Booking) error {
	if b.SessionID != "" {
		return nil
	}
	var found []string
	if err := call(http.MethodGet, service, key, &found); err != nil {
		return err
	}
	if len(found) > 0 {
		return b.Settle(ctx, found[0])
	}
	if b.Unsettled > 0 {
		return fmt.Errorf("unsettled for %s", b.Unsettled)
	}
	if err := b.Begin(ctx); err != nil {
		return err
	}
	var id string
	if err := call(http.MethodPost, service, key, &id); err != nil {
		return err
	}
	return b.Settle(ctx, id)
}

func newService(t *testing.T, lateness time.Duration) (*service, string) {
	t.Helper()
	s := &service{lateness: lateness, sessions: map[string][]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func (s *service) requireOneSessionEach(t *testing.T, keys int) {
	t.Helper()
	s.pending.Wait()
	require.Len(t, s.sessions, keys)
	for key, sessions := range s.sessions {
		require.Len(t, sessions, 1, key)
	}
}

func TestProcessesAtTheSameInstantBookOnce(t *testing.T) {
	const keys = 20
	onEach(t, func(t *testing.T, d database) {
		service, address := newService(t, 0)
		processes := make([]*process, 8)
		for i := range processes {
			processes[i] = start(t, task{"book", d, 10 * time.Second, time.Minute, address, keys})
		}
		for _, p := range processes {
			p.begin(t)
		}
		for _, p := range processes {
			p.expect(t, "done")
		}
		service.requireOneSessionEach(t, keys)
		require.EqualValues(t, keys, service.posts.Load())
	})
}

func TestProcessesThatAreKilledBookOnce(t *testing.T) {
	const keys, lease, grace = 40, 2 * time.Second, 3 * time.Second
	onEach(t, func(t *testing.T, d database) {
		service, address := newService(t, grace/3)
		do := task{"book", d, lease, grace, address, keys}
		var working sync.WaitGroup
		var kills atomic.Int64
		for range 4 {
			working.Go(func() {
				for killed := 0; ; killed++ {
					life := 200*time.Millisecond + rand.N(2*time.Second)
					if killed == 8 {
						life = time.Hour
					}
					p := start(t, do)
					p.begin(t)
					done := make(chan string, 1)
					go func() {
						line, _ := p.output.ReadString('\n')
						done <- line
					}()
					select {
					case line := <-done:
						assert.Equal(t, "done\n", line)
						return
					case <-time.After(life):
						p.kill(t)
						kills.Add(1)
					}
				}
			})
		}
		working.Wait()
		service.requireOneSessionEach(t, keys)
		t.Logf("%d keys, %d requests, %d kills", keys, service.posts.Load(), kills.Load())
	})
}

// authority gives out tokens. A refresh token works once; a second use is
// counted as theft.
type authority struct {
	mu                 sync.Mutex
	current            int
	refreshes, refused int
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.URL.Query().Get("key") != strconv.Itoa(a.current) {
		a.refused++
		panic(http.ErrAbortHandler)
	}
	a.current++
	a.refreshes++
	_ = json.NewEncoder(w).Encode(a.current)
}

const tokenLifetime = 500 * time.Millisecond

// refreshOften lives through several lifetimes of a token.
func refreshOften(t task, s *coviusql.Store) error {
	var expiry time.Time
	for end := time.Now().Add(10 * tokenLifetime); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		if time.Now().Before(expiry) {
			continue
		}
		got, err := s.Token("user").Update(context.Background(), func(_ context.Context, stored *oauth2.Token) (*oauth2.Token, error) {
			if time.Now().Before(stored.Expiry) {
				return stored, nil
			}
			var next int
			if err := call(http.MethodPost, t.Service, stored.RefreshToken, &next); err != nil {
				return nil, err
			}
			return &oauth2.Token{RefreshToken: strconv.Itoa(next), Expiry: time.Now().Add(tokenLifetime)}, nil
		})
		if err != nil {
			return err
		}
		expiry = got.Expiry
	}
	return nil
}

func TestProcessesRefreshATokenOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		a := &authority{}
		server := httptest.NewServer(a)
		defer server.Close()
		require.NoError(t, d.store(t).SaveToken(t.Context(), "user", &oauth2.Token{RefreshToken: "0", Expiry: time.Now()}))
		processes := make([]*process, 8)
		for i := range processes {
			processes[i] = start(t, task{Name: "refresh", Database: d, Lease: 10 * time.Second, Grace: time.Minute, Service: server.URL})
		}
		for _, p := range processes {
			p.begin(t)
		}
		for _, p := range processes {
			p.expect(t, "done")
		}
		require.Zero(t, a.refused)
		require.Positive(t, a.refreshes)
		require.LessOrEqual(t, a.refreshes, 25, "one for each lifetime, not one for each process")
		t.Logf("%d refreshes for %d processes", a.refreshes, len(processes))
	})
}
