// Emulator serves a stand-in for the Coviu session API, for programs in any
// language and for trying things with curl.
//
// With -control it also serves /_control, over which tests of other programs make
// requests fail, move the clock and revoke tokens. The README describes it.
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
	"os"
	"os/signal"
	"strings"

	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/emulator/pages"
)

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
			<-ready // a request can arrive before NewServer returns
			frontend{pages.Pages{Server: server}, control{server}, api, cfg.control}.ServeHTTP(w, r)
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
	if _, err := io.WriteString(stdout, welcome(server)); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// frontend decides who answers a request: the pages, the control routes, or the
// API.
type frontend struct {
	pages      pages.Pages
	control    control
	api        http.Handler
	controlled bool // -control was given
}

func (f frontend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case f.controlled && (path == controlPath || strings.HasPrefix(path, controlPath+"/")):
		f.control.ServeHTTP(w, r)
	case f.pages.Answers(r):
		f.pages.ServeHTTP(w, r)
	default:
		f.api.ServeHTTP(w, r)
	}
}

// welcome begins with the base URL on a line of its own, for programs that start
// the emulator. The rest is for people.
func welcome(s *coviutest.Server) string {
	credentials := quoted(s.APIKey + ":" + s.KeySecret)
	return fmt.Sprintf(`%[1]s

API key  %[2]s
Secret   %[3]s
Pages    %[4]s

This lists the sessions:

curl -s -H "Authorization: Bearer $(curl -s -u %[5]s -d grant_type=client_credentials %[1]s/auth/token \
  | sed 's/.*"access_token":"\([^"]*\)".*/\1/')" %[1]s/sessions

`, s.URL, s.APIKey, s.KeySecret, origin(s)+"/", credentials)
}

// quoted makes a text one word for a shell.
func quoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func origin(s *coviutest.Server) string { return strings.TrimSuffix(s.URL, "/v1") }
