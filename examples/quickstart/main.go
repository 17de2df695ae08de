// Quickstart takes one session through its life: it books, moves, changes,
// lists and cancels it. With an API key in the environment it talks to the
// service, without one to a server of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const usage = `Usage: go run ./examples/quickstart

Books a session with a host and a guest for tomorrow, moves it, adds and removes
a participant, lists that day, and cancels the session again.

  COVIU_API_KEY, COVIU_API_KEY_SECRET   the account to use; without them the
                                        program starts a server of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = run(ctx, os.Stdout, os.Getenv)
	}
	interrupted := ctx.Err() != nil
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "quickstart:", err)
	if interrupted {
		os.Exit(130)
	}
	os.Exit(1)
}

// parse shows the usage if asked to. There is nothing else to set.
func parse(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
	case err != nil:
		err = fmt.Errorf("%w; -h shows how to use this program", err)
	case flags.NArg() > 0:
		err = fmt.Errorf("%q is not understood; -h shows how to use this program", flags.Arg(0))
	}
	return err
}

func run(ctx context.Context, stdout io.Writer, getenv func(string) string) error {
	fmt.Fprintf(stdout, "Coviu session API, quickstart (coviu-go-sdk %s)\n\n", coviu.Version)
	client, stop, err := connect(stdout, getenv)
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return (&tour{client: client, out: stdout}).run(ctx, tomorrowAtTen())
}

// connect returns a client, and what stops all that it needed.
func connect(stdout io.Writer, getenv func(string) string) (*coviu.Client, func(), error) {
	key, secret, endpoint := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET"), getenv("COVIU_API_ENDPOINT")
	switch {
	case key == "" && secret == "" && endpoint == "":
		return connectToOwnServer(stdout)
	case key == "":
		return nil, nil, errors.New("COVIU_API_KEY is not set, but other COVIU_ variables are")
	case secret == "":
		return nil, nil, errors.New("COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	}
	var opts []coviu.Option
	if endpoint != "" {
		opts = append(opts, coviu.WithBaseURL(endpoint))
	}
	client, err := coviu.NewClient(key, secret, opts...)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprint(stdout, "COVIU_API_KEY is set: this is your account, and the session is a real one until the last step.\n")
	return client, client.CloseIdleConnections, nil
}

func connectToOwnServer(stdout io.Writer) (*coviu.Client, func(), error) {
	server := coviutest.NewServer()
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err == nil {
		err = fillDay(server, tomorrowAtTen())
	}
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	fmt.Fprintf(stdout, "COVIU_API_KEY is not set: started an embedded server at %s.\n", server.URL)
	fmt.Fprint(stdout, "Nothing leaves this machine. Set COVIU_API_KEY and COVIU_API_KEY_SECRET to use your account.\n")
	return client, func() { client.CloseIdleConnections(); server.Close() }, nil
}

// fillDay gives the embedded server a few other sessions, so that the day has
// more than one page.
func fillDay(server *coviutest.Server, ten time.Time) error {
	session := func(name string, start time.Time) coviu.Session {
		return coviu.Session{SessionName: name, StartTime: start, EndTime: start.Add(45 * time.Minute)}
	}
	_, err := server.Seed(
		session("Check-up", ten.Add(-time.Hour)),
		session("Physiotherapy", ten.Add(2*time.Hour)),
		session("Second opinion", ten.Add(4*time.Hour)),
		session("Team meeting", ten.Add(6*time.Hour)),
	)
	return err
}

func tomorrowAtTen() time.Time {
	now := time.Now()
	return time.Date(now.Year(), now.Month(), now.Day()+1, 10, 0, 0, 0, time.Local)
}
