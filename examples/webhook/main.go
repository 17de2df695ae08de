// Webhook receives the events that the service posts, and keeps a copy of the
// account's sessions current with them. Events can be lost, so it also lists the
// sessions every few minutes.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const usage = `Usage: go run ./examples/webhook [flags]

Receives events at /events, fetches the sessions that they name, and prints what
is new. Put it behind a proxy that ends TLS.

  WEBHOOK_TOKEN                         the bearer token that the service sends, or
  WEBHOOK_USER, WEBHOOK_PASSWORD        the Basic credentials that it sends
  COVIU_API_KEY, COVIU_API_KEY_SECRET   the account to use; without them the
                                        program starts a server of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `

To send an event by hand, with the id of a session:

  curl -H "Authorization: Bearer $WEBHOOK_TOKEN" http://127.0.0.1:8090/events \
    -d '{"type": "session:create", "payload": {"sessionId": "ID"}}'

`

// maxWaiting is how many hints wait while sessions are fetched.
const maxWaiting = 256

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
}

type settings struct {
	address string
	every   time.Duration
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	client, stop, err := connect(stderr, getenv)
	if err != nil {
		return err
	}
	defer stop()
	expected, err := readCredentials(stderr, getenv)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "webhook: waiting for events at http://%s/events; Ctrl-C ends the program\n", listener.Addr())

	logger := slog.New(slog.NewTextHandler(stderr, nil))
	hints := make(chan hint, maxWaiting)
	sessions := &calendar{client: client, out: stdout, logger: logger, sessions: map[string]coviu.Session{}}
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running.Go(func() { sessions.run(ctx, hints, s.every) })
	return serve(ctx, listener, &receiver{credentials: expected, hints: hints, logger: logger})
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	var s settings
	flags := flag.NewFlagSet("webhook", flag.ContinueOnError)
	// The flag package would print the usage after each mistake, too.
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.address, "addr", "127.0.0.1:8090", "`address` to receive events on")
	flags.DurationVar(&s.every, "every", 5*time.Minute, "`pause` between two reconciliations")
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
	case s.every <= 0:
		return nil, errors.New("-every must be longer than nothing; -h shows how to use this program")
	}
	return &s, nil
}

// readCredentials makes up a token for a server of our own, which sends no events:
// curl can.
func readCredentials(stderr io.Writer, getenv func(string) string) (credentials, error) {
	c := credentials{getenv("WEBHOOK_TOKEN"), getenv("WEBHOOK_USER"), getenv("WEBHOOK_PASSWORD")}
	switch {
	case c.token != "" && c.user+c.password != "":
		return c, errors.New("set either WEBHOOK_TOKEN, or WEBHOOK_USER and WEBHOOK_PASSWORD")
	case c.token != "" || c.user != "" && c.password != "":
		return c, nil
	case c.user+c.password != "" || getenv("COVIU_API_KEY") != "":
		return c, errors.New("set WEBHOOK_TOKEN, or WEBHOOK_USER and WEBHOOK_PASSWORD: anybody could send events otherwise")
	}
	c.token = rand.Text()
	fmt.Fprintf(stderr, "webhook: send an event with: curl -H 'Authorization: Bearer %s' -d '%s' URL\n",
		c.token, `{"type":"session:create","payload":{}}`)
	return c, nil
}

func serve(ctx context.Context, listener net.Listener, events http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("POST /events", events)
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// connect returns a client, and what stops all that it needed.
func connect(stderr io.Writer, getenv func(string) string) (*coviu.Client, func(), error) {
	key, secret := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET")
	endpoint := cmp.Or(getenv("COVIU_API_ENDPOINT"), coviu.DefaultBaseURL)
	stop := func() {}
	switch {
	case key == "" && secret == "" && getenv("COVIU_API_ENDPOINT") == "":
		server := coviutest.NewServer()
		key, secret, endpoint, stop = server.APIKey, server.KeySecret, server.URL, server.Close
		fmt.Fprint(stderr, "webhook: COVIU_API_KEY is not set: watching a server that ends with this program\n")
	case key == "":
		return nil, nil, errors.New("COVIU_API_KEY is not set, but other COVIU_ variables are")
	case secret == "":
		return nil, nil, errors.New("COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	}
	client, err := coviu.NewClient(key, secret, coviu.WithBaseURL(endpoint), coviu.WithUserAgent("webhook/1.0"))
	if err != nil {
		stop()
		return nil, nil, err
	}
	return client, func() { client.CloseIdleConnections(); stop() }, nil
}
