package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

var errNoPostgres = errors.New(`there is no PostgreSQL here. Install it:
  Debian, Ubuntu   apt-get install postgresql
  Fedora           dnf install postgresql-server
  macOS            brew install postgresql
or name a database: DATABASE_URL=postgres://user:password@host/database`)

// findDatabase returns the address of the database, and what stops a server that was
// started for it.
func findDatabase(ctx context.Context, stderr io.Writer, getenv func(string) string) (address string, stop func() error, err error) {
	if address = getenv("DATABASE_URL"); address != "" {
		return address, func() error { return nil }, nil
	}
	program := findPostgres()
	if program == "" {
		return "", nil, errNoPostgres
	}
	dir, err := os.MkdirTemp("", "clinic-")
	if err != nil {
		return "", nil, err
	}
	p := &postgres{program, dir}
	if err := p.start(ctx); err != nil {
		return "", nil, errors.Join(err, p.stop()) //nolint:contextcheck // it has to stop after ctx has ended
	}
	fmt.Fprintln(stderr, "clinic: DATABASE_URL is not set: using a PostgreSQL server that ends with this program")
	return fmt.Sprintf("dbname=postgres user=postgres host='%s'", dir), p.stop, nil
}

// findPostgres returns the path of the newest pg_ctl, or "".
func findPostgres() string {
	if path, err := exec.LookPath("pg_ctl"); err == nil {
		return path
	}
	for _, place := range []string{"/usr/lib/postgresql/*", "/opt/homebrew/opt/postgresql*", "/usr/local/opt/postgresql*"} {
		found, _ := filepath.Glob(place + "/bin/pg_ctl") // the patterns are well-formed
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

// postgres is a server in a temporary directory. It listens on a socket there, and
// only its own user can open the directory. So it needs no port and no password.
type postgres struct {
	program, dir string
}

func (p *postgres) start(ctx context.Context) error {
	if os.Getuid() == 0 {
		// The server refuses root, so its user gets the directory.
		if err := p.run(ctx, "chown", "postgres", p.dir); err != nil {
			return err
		}
	}
	if err := p.control(ctx, "initdb", "-o", "-U postgres -A trust -E UTF8 --locale=C --no-sync"); err != nil {
		return err
	}
	// Ctrl-C does not reach the server, because pg_ctl starts it in a session of its own.
	options := fmt.Sprintf("-c listen_addresses= -c unix_socket_directories='%s'", p.dir)
	log := filepath.Join(p.dir, "log")
	if err := p.control(ctx, "start", "-l", log, "-o", options); err != nil {
		why, _ := os.ReadFile(log) //nolint:gosec // its own log, which is deleted with the directory
		return fmt.Errorf("%w%s", err, why)
	}
	return nil
}

func (p *postgres) stop() error {
	var err error
	if _, errRuns := os.Stat(filepath.Join(p.dir, "data", "postmaster.pid")); errRuns == nil {
		err = p.control(context.Background(), "stop", "-m", "fast")
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

// control runs pg_ctl as the user of the server.
func (p *postgres) control(ctx context.Context, args ...string) error {
	line := append([]string{p.program, "-D", filepath.Join(p.dir, "data"), "-w"}, args...)
	if os.Getuid() == 0 {
		line = append([]string{"runuser", "-u", "postgres", "--"}, line...)
	}
	return p.run(ctx, line...)
}

func (p *postgres) run(ctx context.Context, line ...string) error {
	command := exec.CommandContext(ctx, line[0], line[1:]...) //nolint:gosec // programs of the system and of the server
	command.Dir = p.dir                                       // The server's user may have no right to the one of this program.
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line[0], err, output)
	}
	return nil
}
