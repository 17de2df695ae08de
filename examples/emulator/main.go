// Emulator serves a stand-in for the Coviu session API, for programs in any
// language and for trying things with curl.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

const usage = `Usage: go run ./examples/emulator [flags]

Serves a stand-in for the Coviu session API that keeps everything in memory.
The first line on standard output is its base URL; then each request is a line
on standard error. Open the address in a browser to see the sessions held.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
}

// config is what the flags say.
type config struct {
	addr, seedFile string
	options        []coviutest.Option
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	var server *coviutest.Server
	ready := make(chan struct{})
	front := func(api http.Handler) http.Handler {
		return logged(log.New(stderr, "", log.LstdFlags), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-ready // the listener may bring a request before NewServer returns
			pages{server, api}.ServeHTTP(w, r)
		}))
	}
	server = coviutest.NewServer(append(cfg.options, coviutest.WithListener(listener), coviutest.WithMiddleware(front))...)
	defer server.Close()
	if cfg.seedFile != "" {
		if err := seed(server, cfg.seedFile); err != nil {
			close(ready)
			return fmt.Errorf("-seed %s: %w", cfg.seedFile, err)
		}
	}
	close(ready)
	if _, err := fmt.Fprintln(stdout, server.URL); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func parseFlags(args []string, stderr io.Writer) (*config, error) {
	flags := flag.NewFlagSet("emulator", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	addr := flags.String("addr", "127.0.0.1:9400", "`address` to listen on; port 0 takes a free one")
	key := flags.String("key", "demo-key", "API `key` that clients log in with")
	secret := flags.String("secret", "demo-secret", "`secret` of the API key")
	dates := flags.String("dates", "echo",
		"`form` of dates in replies: iso, rfc1123, or echo, the form in which a session's creator sent them")
	participants := flags.String("participants", "array", "`form` of a session's participants: array or page")
	ttl := flags.Duration("token-ttl", time.Hour, "how long an access token `lives`, a second or more")
	redirect := flags.String("redirect", "",
		"`URL` to which the consent page at /v1/auth/authorize sends users back; without one it shows the code")
	seedFile := flags.String("seed", "",
		"JSON `file` with an array of sessions to begin with, written as in the API's replies; "+
			"a time may also be relative to now, such as \"-30m\" or \"+2h\"")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, usage)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
		}
		return nil, err
	}
	form, known := map[string]coviutest.DateForm{
		"echo": coviutest.DatesEcho, "iso": coviutest.DatesISO, "rfc1123": coviutest.DatesRFC1123,
	}[*dates]
	back, err := url.Parse(*redirect)
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q; -h lists the flags", flags.Arg(0))
	case *key == "" || strings.Contains(*key, ":"):
		return nil, errors.New("-key: empty, or with a colon")
	case *secret == "":
		return nil, errors.New("-secret: empty")
	case !known:
		return nil, errors.New("-dates: neither echo nor iso nor rfc1123")
	case *participants != "array" && *participants != "page":
		return nil, errors.New("-participants: neither array nor page")
	case *ttl < time.Second:
		return nil, errors.New("-token-ttl: less than a second")
	case *redirect != "" && (err != nil || back.Host == ""):
		return nil, errors.New("-redirect: not an absolute URL")
	}
	cfg := &config{addr: *addr, seedFile: *seedFile, options: []coviutest.Option{
		coviutest.WithCredentials(*key, *secret),
		coviutest.WithDates(form),
		coviutest.WithTokenTTL(*ttl),
		coviutest.WithRedirectURL(*redirect),
	}}
	if *participants == "page" {
		cfg.options = append(cfg.options, coviutest.WithParticipantPages())
	}
	return cfg, nil
}
