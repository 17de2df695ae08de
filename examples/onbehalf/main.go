// Onbehalf is a web server whose users connect their Coviu accounts: it shows each
// of them their sessions of today, and books, moves and cancels sessions in their
// name. Replicas share a database.
package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/web"
)

const usage = `Usage: go -C examples/onbehalf run . [flags]

Serves a page on which users connect their Coviu accounts, see their sessions of
today, and book, move and cancel them. Tokens, booking keys and visitors are kept
in a database. Several of these servers may share it, behind one address.

  COVIU_API_KEY, COVIU_API_KEY_SECRET   the application's API key; without them
                                        the program starts a server of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `
  ONBEHALF_TOKEN_KEY                    64 hex digits, with which tokens are
                                        encrypted, such as from: openssl rand -hex 32

With an API key, give -consent-url as the vendor told you, and have the address
of this server with /callback behind it registered as the redirect URL.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr, os.Getenv)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "onbehalf:", err)
		os.Exit(1)
	}
}

type settings struct {
	address, publicURL, database, consentURL string
	zone                                     *time.Location
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := settings{zone: time.Local}
	flags := flag.NewFlagSet("onbehalf", flag.ContinueOnError)
	// The flag package would print the usage after each mistake, too.
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.address, "addr", "127.0.0.1:8080", "`address` to listen on")
	flags.StringVar(&s.publicURL, "url", "", "`URL` at which browsers reach this server, without a path (default: http at -addr)")
	flags.StringVar(&s.database, "db", "",
		"SQLite `file`, or postgres:// URL for replicas on several machines (default onbehalf.db; "+
			"with a server of its own, a file that is deleted at the end)")
	flags.StringVar(&s.consentURL, "consent-url", "", "`URL` of the page on which users consent (default: the own server's)")
	flags.Func("zone", "time `zone` of the pages, such as Australia/Sydney (default: this machine's)",
		func(name string) (err error) { s.zone, err = time.LoadLocation(name); return err })
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
	}
	if public, err := url.Parse(s.publicURL); s.publicURL != "" && (err != nil || public.Host == "" || public.Path != "") {
		return nil, errors.New("-url is not such as https://calls.example; -h shows how to use this program")
	}
	return &s, nil
}

func run(ctx context.Context, args []string, stderr io.Writer, getenv func(string) string) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	key, err := tokenKey(getenv)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	defer listener.Close()
	s.publicURL = cmp.Or(s.publicURL, "http://"+listener.Addr().String())
	service, err := connect(s, stderr, getenv)
	if err != nil {
		return err
	}
	defer service.stop()
	data, err := database.Open(ctx, cmp.Or(s.database, service.database), key)
	if err != nil {
		return fmt.Errorf("-db: %w", err)
	}
	defer data.Close()
	if err := data.Tidy(ctx, time.Now()); err != nil {
		return fmt.Errorf("-db: %w", err)
	}
	pages, err := web.New(web.Config{
		Client: service.client, APIKey: service.apiKey, ConsentURL: service.consentURL, Database: data,
		Now:    func() time.Time { return time.Now().In(s.zone) },
		Logger: slog.New(slog.NewTextHandler(stderr, nil)),
		Secure: s.isSecure(),
	})
	if err != nil {
		return err
	}
	if len(key) == 0 && !service.own {
		fmt.Fprint(stderr, "onbehalf: ONBEHALF_TOKEN_KEY is not set: tokens are stored unencrypted\n")
	}
	fmt.Fprintf(stderr, "onbehalf: open %s in a browser; Ctrl-C ends the program\n", s.publicURL)
	return serve(ctx, listener, pages)
}

func (s *settings) isSecure() bool {
	public, err := url.Parse(s.publicURL)
	return err == nil && public.Scheme == "https"
}

// tokenKey returns the key that encrypts tokens, nil if there is none.
func tokenKey(getenv func(string) string) ([]byte, error) {
	key, err := hex.DecodeString(getenv("ONBEHALF_TOKEN_KEY"))
	if err != nil || len(key) != 0 && len(key) != 32 {
		return nil, errors.New("ONBEHALF_TOKEN_KEY has to be 64 hex digits")
	}
	return key, nil
}

func serve(ctx context.Context, listener net.Listener, pages http.Handler) error {
	server := &http.Server{Handler: pages, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
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
