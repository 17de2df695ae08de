// Clinic is an appointment service of a clinic: a page for the front desk, a page
// for each patient, and an API. It keeps appointments in PostgreSQL, and a queue in
// the same database books, moves and cancels the calls.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviusql"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
	"github.com/coviu/coviu-go-sdk/examples/clinic/web"
)

const usage = `Usage: go -C examples/clinic run . [flags]

Serves the front desk of a clinic. Any number of these programs may share a
database.

  DATABASE_URL                          the PostgreSQL database to use; without it
                                        the program starts a server of its own, and
                                        everything is gone when it ends
  COVIU_API_KEY, COVIU_API_KEY_SECRET   the account to use; without them the
                                        program starts a service of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `
  CLINIC_STAFF_PASSWORD                 protects everything but patients' pages;
                                        needed on other addresses than loopback
  CLINIC_WEBHOOK_TOKEN                  the bearer token of events at /webhook

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr, os.Getenv)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "clinic:", err)
		os.Exit(1)
	}
}

type settings struct {
	address  string
	workers  int
	logLevel slog.Level
	getenv   func(string) string
	stderr   io.Writer
}

func run(ctx context.Context, args []string, stderr io.Writer, getenv func(string) string) (err error) {
	s, err := parse(args, stderr, getenv)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	defer listener.Close()
	database, stopDatabase, err := findDatabase(ctx, stderr, getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase()) }()
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return err
	}
	config.MaxConns = max(config.MaxConns, 16) // Jobs hold one for moments only.
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	return s.serve(ctx, listener, pool)
}

func parse(args []string, stderr io.Writer, getenv func(string) string) (*settings, error) {
	s := &settings{getenv: getenv, stderr: stderr, logLevel: slog.LevelWarn}
	flags := flag.NewFlagSet("clinic", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.address, "addr", "127.0.0.1:8090", "`address` to serve on")
	flags.IntVar(&s.workers, "workers", 20, "how many `jobs` run at the same time")
	flags.TextVar(&s.logLevel, "log", s.logLevel, "the lowest `level` that is logged")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; -h shows how to use this program", err)
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%q is not understood; -h shows how to use this program", flags.Arg(0))
	case s.workers < 1:
		return nil, errors.New("-workers must be 1 or more; -h shows how to use this program")
	case !isLoopback(s.address) && getenv("CLINIC_STAFF_PASSWORD") == "":
		return nil, errors.New("others can reach that address: set CLINIC_STAFF_PASSWORD, and put a proxy with TLS before it")
	}
	return s, nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// serve runs a replica until ctx ends.
func (s *settings) serve(ctx context.Context, listener net.Listener, pool *pgxpool.Pool) error {
	logger := slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: s.logLevel}))
	if err := appointments.Migrate(ctx, pool, logger); err != nil {
		return err
	}
	store, err := coviusql.Open(ctx, stdlib.OpenDBFromPool(pool), coviusql.PostgreSQL)
	if err != nil {
		return err
	}
	m := newMetrics()
	client, stopService, err := connect(s.stderr, s.getenv, append(m.options(), coviu.WithBookingLedger(store.Ledger()))...)
	if err != nil {
		return err
	}
	defer stopService()
	replica, err := appointments.Start(ctx, appointments.Config{Pool: pool, Client: client, Workers: s.workers, Logger: logger})
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: web.New(ctx, web.Config{
		Replica: replica, Metrics: m.handler(replica), Location: time.Local, Logger: logger,
		StaffPassword: s.getenv("CLINIC_STAFF_PASSWORD"), WebhookToken: s.getenv("CLINIC_WEBHOOK_TOKEN"),
	})}
	fmt.Fprintf(s.stderr, "clinic: the front desk is at http://%s; Ctrl-C ends the program\n", listener.Addr())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	// Jobs and requests get some time to end, side by side.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- replica.Stop(stopping) }()
	return errors.Join(err, server.Shutdown(stopping), <-stopped)
}

// connect returns a client, and what stops a service that was started for it.
func connect(stderr io.Writer, getenv func(string) string, opts ...coviu.Option) (*coviu.Client, func(), error) {
	key, secret, endpoint := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET"), getenv("COVIU_API_ENDPOINT")
	stop := func() {}
	switch {
	case key == "" && secret == "" && endpoint == "":
		server := coviutest.NewServer()
		key, secret, endpoint, stop = server.APIKey, server.KeySecret, server.URL, server.Close
		fmt.Fprintln(stderr, "clinic: COVIU_API_KEY is not set: booking at a service that ends with this program")
	case key == "" || secret == "":
		return nil, nil, errors.New("COVIU_API_KEY or COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	}
	opts = append(opts, coviu.WithUserAgent("clinic/1.0"), coviu.WithBaseURL(cmp.Or(endpoint, coviu.DefaultBaseURL)))
	client, err := coviu.NewClient(key, secret, opts...)
	return client, stop, err
}
