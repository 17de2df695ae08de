package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

var errNoPostgres = errors.New(`there is no PostgreSQL here. Install it:
  Debian, Ubuntu   apt-get install postgresql
  Fedora           dnf install postgresql-server
  macOS            brew install postgresql
or name a database: DATABASE_URL=postgres://user:password@host/database`)

// findDatabase returns the URL of the database, and what stops a server that was
// started for it.
func findDatabase(ctx context.Context, stderr io.Writer, getenv func(string) string) (url string, stop func() error, err error) {
	if url = getenv("DATABASE_URL"); url != "" {
		return url, func() error { return nil }, nil
	}
	programs := postgresPrograms()
	if programs == "" {
		return "", nil, errNoPostgres
	}
	dir, err := os.MkdirTemp("", "clinic-")
	if err != nil {
		return "", nil, err
	}
	p := &postgres{programs, dir, os.Getuid() == 0}
	url, err = p.start(ctx)
	if err != nil {
		return "", nil, errors.Join(err, p.stop()) //nolint:contextcheck // it has to stop after ctx has ended
	}
	fmt.Fprintln(stderr, "clinic: DATABASE_URL is not set: using a PostgreSQL server that ends with this program")
	return url, p.stop, nil
}

// postgresPrograms returns the directory of the newest server, or "".
func postgresPrograms() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"} {
		dirs, _ := filepath.Glob(pattern + "/initdb") // the patterns are well-formed
		found = append(found, dirs...)
	}
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// postgres is a server in a temporary directory.
type postgres struct {
	programs, dir string
	asRoot        bool
}

func (p *postgres) start(ctx context.Context) (url string, err error) {
	password, passwordFile := rand.Text(), filepath.Join(p.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		return "", err
	}
	if p.asRoot {
		// The server refuses root, so that its user needs the files.
		if err := p.run(ctx, "chown", "-R", "postgres", p.dir); err != nil {
			return "", err
		}
	}
	err = p.runServer(ctx, "initdb", "-U", "postgres", "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8", "--no-sync")
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	options := fmt.Sprintf("-p %s -c listen_addresses=127.0.0.1 -c unix_socket_directories=", port)
	if err := p.runServer(ctx, "pg_ctl", "-o", options, "-l", filepath.Join(p.dir, "log"), "-w", "start"); err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%s/postgres?sslmode=disable", password, port), nil
}

// runServer runs a program of the server on its data. The server does not inherit
// what ends this program from the keyboard.
func (p *postgres) runServer(ctx context.Context, program string, args ...string) error {
	line := append([]string{filepath.Join(p.programs, program), "-D", filepath.Join(p.dir, "data")}, args...)
	if p.asRoot {
		line = append([]string{"runuser", "-u", "postgres", "--"}, line...)
	}
	return p.run(ctx, line...)
}

func (p *postgres) run(ctx context.Context, line ...string) error {
	command := exec.CommandContext(ctx, line[0], line[1:]...) //nolint:gosec // programs of the system and of the server
	command.Dir = p.dir
	// A file and not a pipe: the server keeps it open.
	output, err := os.CreateTemp(p.dir, "output-")
	if err != nil {
		return err
	}
	defer output.Close()
	command.Stdout, command.Stderr = output, output
	if err := command.Run(); err != nil {
		text, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%s: %w: %s", line[0], err, text)
	}
	return nil
}

func (p *postgres) stop() error {
	ctx := context.Background()
	var err error
	if _, errRuns := os.Stat(filepath.Join(p.dir, "data", "postmaster.pid")); errRuns == nil {
		err = p.runServer(ctx, "pg_ctl", "-m", "fast", "-w", "stop")
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// ownService starts a service in this process.
func ownService() (key, secret, endpoint string, stop func()) {
	server := coviutest.NewServer()
	return server.APIKey, server.KeySecret, server.URL, server.Close
}
