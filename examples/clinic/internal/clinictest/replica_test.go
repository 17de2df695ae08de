package clinictest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
	"github.com/coviu/coviu-go-sdk/examples/clinic/web"
)

const (
	postgresURL     = "COVIU_TEST_POSTGRES"
	postgresRestart = "COVIU_TEST_POSTGRES_RESTART"
	// roleVariable makes this program, started again, be a replica instead of
	// running tests.
	roleVariable = "CLINIC_TEST_REPLICA"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(roleVariable); text != "" {
		if err := serve(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	status := m.Run()
	_ = os.RemoveAll(builtIn)
	os.Exit(status)
}

// role is what a replica is told.
type role struct {
	Database          string
	Service           string
	APIKey, KeySecret string
	Booking           string // see bookings
	Workers           int
	BookFor           time.Duration
	Reconcile         time.Duration
	Grace             time.Duration
}

// The ways to book: as the clinic does, and two that lack something.
const (
	withLedger    = "CreateOnce with the ledger"
	withoutLedger = "CreateOnce without a ledger"
	withCreate    = "Create"
)

// start makes a replica of the role.
func (r role) start(ctx context.Context, logger *slog.Logger) (*appointments.Replica, error) {
	pool, err := pgxpool.New(ctx, r.Database)
	if err != nil {
		return nil, err
	}
	if err := appointments.Migrate(ctx, pool, logger); err != nil {
		return nil, err
	}
	store, err := coviusql.Open(ctx, stdlib.OpenDBFromPool(pool), coviusql.PostgreSQL, coviusql.WithGrace(r.Grace))
	if err != nil {
		return nil, err
	}
	opts := []coviu.Option{coviu.WithBaseURL(r.Service)}
	if r.Booking == withLedger {
		opts = append(opts, coviu.WithBookingLedger(store.Ledger()))
	}
	client, err := coviu.NewClient(r.APIKey, r.KeySecret, opts...)
	if err != nil {
		return nil, err
	}
	c := appointments.Config{
		Pool: pool, Client: client, Workers: r.Workers, BookFor: r.BookFor, Reconcile: r.Reconcile, Logger: logger,
	}
	if r.Booking == withCreate {
		c.Book = func(ctx context.Context, _ string, req *coviu.SessionCreationRequest) (*coviu.Session, error) {
			return client.Sessions.Create(ctx, req)
		}
	}
	return appointments.Start(ctx, c)
}

// serve is the main function of a replica. It ends when its input does, so that no
// replica outlives the test.
func serve(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	ctx := context.Background()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	replica, err := r.start(ctx, logger)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler := web.New(ctx, web.Config{Replica: replica, Metrics: http.NotFoundHandler(), Location: time.UTC, Logger: logger})
	go func() { _ = http.Serve(listener, handler) }()
	fmt.Println("http://" + listener.Addr().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// process is a replica in a process of its own.
type process struct {
	url     string
	command *exec.Cmd
}

func launch(ctx context.Context, r role, log io.Writer) (*process, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, os.Args[0])
	command.Env = append(command.Environ(), roleVariable+"="+string(text))
	command.Stderr = log
	if _, err := command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		_ = command.Process.Kill()
		_ = command.Wait()
		return nil, fmt.Errorf("the replica did not start: %w", err)
	}
	return &process{strings.TrimSpace(line), command}, nil
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// newDatabase makes an empty database that lives as long as the test.
func newDatabase(t testing.TB) string {
	t.Helper()
	address := os.Getenv(postgresURL)
	require.NotEmpty(t, address, "run the tests by make clinic-test, which sets "+postgresURL)
	name := "clinic_" + strings.ToLower(rand.Text())
	admin := func(statement string) {
		ctx := context.WithoutCancel(t.Context())
		conn, err := pgx.Connect(ctx, address)
		require.NoError(t, err)
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, statement)
		require.NoError(t, err)
	}
	admin("CREATE DATABASE " + name)
	t.Cleanup(func() { admin("DROP DATABASE " + name + " WITH (FORCE)") })
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.Path = "/" + name
	q := u.Query()
	q.Set("pool_max_conns", "12")
	u.RawQuery = q.Encode()
	return u.String()
}

// logs keeps what the replicas log.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
