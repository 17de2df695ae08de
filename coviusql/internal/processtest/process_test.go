package processtest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// role is what a process is told when it starts.
type role struct {
	Name              string
	Database          database
	Timing            timing
	Connections       int // 2 if it is 0
	Service           string
	APIKey, KeySecret string
	Start             time.Time // of the sessions that it books
	Ledger            bool      // book with the database's ledger
	Stored            bool      // act for the user whose token is stored as "user"
	Token             *oauth2.Token
}

// order is what a process is told to do, and result what became of it. The orders
// of one process run at the same time.
type order struct {
	ID      int
	Do      string // "list", "list for a while" or "book"
	Key     string // of the booking
	Timeout time.Duration
}

type result struct {
	ID      int
	Session string
	Calls   int // of "list for a while", and how many failed
	Failed  int
	Errors  []string // what errors.Is says of the error, nil if there is none
	Text    string   // of the error
}

var errKilled = errors.New("the process was killed")

// process is another process, which ends with the test.
type process struct {
	name    string
	command *exec.Cmd
	input   io.Writer
	ended   chan struct{}
	dying   atomic.Bool

	mu      sync.Mutex
	lastID  int
	waiting map[int]chan result
}

// role returns the start of a role at the service.
func (s *service) role(d database, set timing) role {
	return role{Database: d, Timing: set, Service: s.URL, APIKey: s.APIKey, KeySecret: s.KeySecret, Start: s.start}
}

// start returns when the process is ready for orders.
func start(t *testing.T, name int, r role) *process {
	t.Helper()
	p, err := launch(t, name, r)
	require.NoError(t, err)
	return p
}

// startMany starts processes at the same time.
func startMany(t *testing.T, n int, r role) []*process {
	t.Helper()
	processes, failures := make([]*process, n), make([]error, n)
	var starting sync.WaitGroup
	for i := range n {
		starting.Go(func() { processes[i], failures[i] = launch(t, i, r) })
	}
	starting.Wait()
	require.NoError(t, errors.Join(failures...))
	return processes
}

func launch(t *testing.T, name int, r role) (*process, error) {
	r.Name = "process-" + strconv.Itoa(name)
	r.Connections = cmp.Or(r.Connections, 2)
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	command := exec.Command(os.Args[0])
	command.Env = append(command.Environ(), roleVariable+"="+string(text))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{name: r.Name, command: command, input: input, ended: make(chan struct{}), waiting: map[int]chan result{}}
	ready := make(chan struct{})
	go p.read(output, ready)
	t.Cleanup(p.kill)
	select {
	case <-ready:
		return p, nil
	case <-p.ended:
		return nil, errors.New("the process did not start")
	}
}

// read hands out results. The first line says that the process is ready.
func (p *process) read(output io.Reader, ready chan struct{}) {
	defer close(p.ended)
	lines := bufio.NewScanner(output)
	if lines.Scan() {
		close(ready)
	}
	for lines.Scan() {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue // cut by kill -9
		}
		p.mu.Lock()
		p.waiting[r.ID] <- r
		p.mu.Unlock()
	}
}

// begin gives an order and does not wait for its result.
func (p *process) begin(o order) <-chan result {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastID++
	o.ID = p.lastID
	done := make(chan result, 1)
	p.waiting[o.ID] = done
	line, err := json.Marshal(o)
	if err == nil {
		// What fails here shows in the result: the process has ended.
		_, _ = p.input.Write(append(line, '\n'))
	}
	return done
}

// await returns the result of an order, or errKilled.
func (p *process) await(done <-chan result) (result, error) {
	select {
	case r := <-done:
		return r, nil
	case <-p.ended:
	}
	select {
	case r := <-done:
		return r, nil
	default:
		return result{}, errKilled
	}
}

// do gives an order and waits for its result.
func (p *process) do(t *testing.T, o order) result {
	t.Helper()
	r, err := p.await(p.begin(o))
	require.NoError(t, err)
	return r
}

// doAll gives all processes an order at the same instant.
func doAll(processes []*process, o order) ([]result, error) {
	waiting, results := make([]<-chan result, len(processes)), make([]result, len(processes))
	for i, p := range processes {
		waiting[i] = p.begin(o)
	}
	for i, p := range processes {
		var err error
		if results[i], err = p.await(waiting[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// kill is kill -9. It returns when the process is gone.
func (p *process) kill() {
	if p.dying.Swap(true) {
		<-p.ended
		return
	}
	_ = p.command.Process.Kill()
	<-p.ended
	_ = p.command.Wait()
}
