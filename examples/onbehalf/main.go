// Onbehalf is a web server whose users connect their Coviu accounts: it shows
// each of them their sessions of today and books new ones, in their name.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/web"
)

const usage = `Usage: go run ./examples/onbehalf [flags]

Serves a page on which users connect their Coviu accounts, see their sessions of
today and book one. The grants are kept in files that only their owner can read.

  COVIU_API_KEY, COVIU_API_KEY_SECRET   the application's API key; without them
                                        the program starts a server of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `

With an API key, give -consent-url as the vendor told you, and have the address
of this server with /callback behind it registered as the redirect URL.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr, os.Getenv)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "onbehalf:", err)
		os.Exit(1)
	}
}

type settings struct {
	address, grants, consentURL string
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("onbehalf", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.address, "addr", "127.0.0.1:8080", "`address` to listen on")
	flags.StringVar(&s.grants, "grants", "grants", "`directory` for the users' grants")
	flags.StringVar(&s.consentURL, "consent-url", "", "`URL` of the page on which users consent (default: the own server's)")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
	case err != nil:
		err = fmt.Errorf("%w; -h shows how to use this program", err)
	case flags.NArg() > 0:
		err = fmt.Errorf("%q is not understood; -h shows how to use this program", flags.Arg(0))
	}
	return s, err
}

func run(ctx context.Context, args []string, stderr io.Writer, getenv func(string) string) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	defer listener.Close()
	origin := "http://" + listener.Addr().String()
	key, client, stop, err := connect(&s, origin, stderr, getenv)
	if err != nil {
		return err
	}
	defer stop()
	app, err := web.New(web.Config{Client: client, APIKey: key, ConsentURL: s.consentURL, GrantDir: s.grants, Now: time.Now})
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "onbehalf: open %s in a browser; Ctrl-C ends the program\n", origin)
	return serve(ctx, listener, app)
}

func serve(ctx context.Context, listener net.Listener, app http.Handler) error {
	server := &http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}
	ended := context.AfterFunc(ctx, func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(closing)
	})
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// connect returns the application's API key, its client, and what stops all that
// the client needed.
func connect(s *settings, origin string, stderr io.Writer, getenv func(string) string) (string, *coviu.Client, func(), error) {
	key, secret, endpoint := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET"), getenv("COVIU_API_ENDPOINT")
	switch {
	case key == "" && secret == "" && endpoint == "":
		return connectToOwnServer(s, origin, stderr)
	case key == "":
		return "", nil, nil, errors.New("COVIU_API_KEY is not set, but other COVIU_ variables are")
	case secret == "":
		return "", nil, nil, errors.New("COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	case s.consentURL == "":
		return "", nil, nil, errors.New("-consent-url is missing: the vendor tells it to those who register an application")
	}
	opts := []coviu.Option{coviu.WithUserAgent("onbehalf/1.0")}
	if endpoint != "" {
		opts = append(opts, coviu.WithBaseURL(endpoint))
	}
	client, err := coviu.NewClient(key, secret, opts...)
	if err != nil {
		return "", nil, nil, err
	}
	return key, client, client.CloseIdleConnections, nil
}

func connectToOwnServer(s *settings, origin string, stderr io.Writer) (string, *coviu.Client, func(), error) {
	server := coviutest.NewServer(coviutest.WithRedirectURL(origin + "/callback"))
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		server.Close()
		return "", nil, nil, err
	}
	server.AddUser(coviutest.User{Username: "Dr. Ada Nwosu", TeamID: "practice-nwosu"})
	server.AddUser(coviutest.User{Username: "Dr. Ben Okafor", TeamID: "practice-okafor"})
	if s.consentURL == "" {
		s.consentURL = server.URL + "/auth/authorize"
	}
	fmt.Fprint(stderr, "onbehalf: COVIU_API_KEY is not set: using a server that ends with this program\n")
	return server.APIKey, client, func() { client.CloseIdleConnections(); server.Close() }, nil
}
