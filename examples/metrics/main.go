// Metrics shows how to watch the client: rates, errors and durations of its
// calls for Prometheus and for OpenTelemetry, and one span for each attempt.
package main

import (
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
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const usage = `Usage: go -C examples/metrics run . [flags]

Lists the first sessions of the account again and again, and serves what can be
measured of that at /metrics, for Prometheus to scrape. Attempts are logged as
spans.

  COVIU_API_KEY, COVIU_API_KEY_SECRET   the account to use; without them the
                                        program starts a server of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr, os.Getenv)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer, getenv func(string) string) error {
	flags := flag.NewFlagSet("metrics", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	address := flags.String("addr", "127.0.0.1:9464", "`address` to serve /metrics on")
	every := flags.Duration("every", 2*time.Second, "`pause` between two calls")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return err
	case err != nil:
		return fmt.Errorf("%w; -h shows how to use this program", err)
	case flags.NArg() > 0:
		return fmt.Errorf("%q is not understood; -h shows how to use this program", flags.Arg(0))
	case *every <= 0:
		return errors.New("-every must be longer than nothing; -h shows how to use this program")
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	defer listener.Close()
	registry := prometheus.NewRegistry()
	instruments, err := newInstruments(registry, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return err
	}
	client, stop, err := connect(stderr, getenv, instruments.options())
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(stderr, "metrics: see http://%s/metrics; Ctrl-C ends the program\n", listener.Addr())
	go callAgainAndAgain(ctx, client, *every)
	return serve(ctx, listener, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}

// callAgainAndAgain leaves failures to the instruments.
func callAgainAndAgain(ctx context.Context, client *coviu.Client, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for ctx.Err() == nil {
		_, _ = client.Sessions.List(ctx, &coviu.SessionListOptions{PageSize: 10})
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
}

func serve(ctx context.Context, listener net.Listener, metrics http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// connect returns a client, and what stops all that it needed.
func connect(stderr io.Writer, getenv func(string) string, opts []coviu.Option) (*coviu.Client, func(), error) {
	key, secret, endpoint := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET"), getenv("COVIU_API_ENDPOINT")
	stop := func() {}
	switch {
	case key == "" && secret == "" && endpoint == "":
		server := coviutest.NewServer()
		key, secret, endpoint, stop = server.APIKey, server.KeySecret, server.URL, server.Close
		fmt.Fprint(stderr, "metrics: COVIU_API_KEY is not set: calling a server that ends with this program\n")
	case key == "":
		return nil, nil, errors.New("COVIU_API_KEY is not set, but other COVIU_ variables are")
	case secret == "":
		return nil, nil, errors.New("COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	}
	if endpoint != "" {
		opts = append(opts, coviu.WithBaseURL(endpoint))
	}
	client, err := coviu.NewClient(key, secret, opts...)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return client, func() { client.CloseIdleConnections(); stop() }, nil
}
