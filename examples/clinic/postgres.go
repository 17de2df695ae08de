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
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

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
	p := &postgres{programs: programs, dir: dir}
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
type postgres struct{ programs, dir string }

func (p *postgres) start(ctx context.Context) (url string, err error) {
	password, passwordFile := rand.Text(), filepath.Join(p.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		return "", err
	}
	if err := p.handOver(p.dir, passwordFile); err != nil {
		return "", err
	}
	err = p.run(ctx, "initdb", "-U", "postgres", "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8", "--no-sync")
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories=", port)
	if err := p.run(ctx, "pg_ctl", "-o", options, "-l", filepath.Join(p.dir, "log"), "-w", "start"); err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port), nil
}

// handOver gives files to the user that runs the server, because it refuses root.
func (p *postgres) handOver(files ...string) error {
	if os.Getuid() != 0 {
		return nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, errUID := strconv.Atoi(owner.Uid)
	gid, errGID := strconv.Atoi(owner.Gid)
	err = errors.Join(errUID, errGID)
	for _, file := range files {
		err = errors.Join(err, os.Chown(file, uid, gid))
	}
	return err
}

// run runs a program of the server on its data. The server does not inherit what
// ends this program from the keyboard.
func (p *postgres) run(ctx context.Context, program string, args ...string) error {
	line := append([]string{filepath.Join(p.programs, program), "-D", filepath.Join(p.dir, "data")}, args...)
	if os.Getuid() == 0 {
		line = append([]string{"runuser", "-u", "postgres", "--"}, line...)
	}
	command := exec.CommandContext(ctx, line[0], line[1:]...) //nolint:gosec // the programs of the server that was found
	command.Dir = p.dir
	// A file and not a pipe: the server keeps it open.
	output, err := os.Create(filepath.Join(p.dir, program+".output")) //nolint:gosec // in the program's own directory
	if err != nil {
		return err
	}
	defer output.Close()
	command.Stdout, command.Stderr = output, output
	if err := command.Run(); err != nil {
		text, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%s: %w: %s", program, err, text)
	}
	return nil
}

func (p *postgres) stop() error {
	ctx := context.Background()
	var err error
	if _, errRuns := os.Stat(filepath.Join(p.dir, "data", "postmaster.pid")); errRuns == nil {
		err = p.run(ctx, "pg_ctl", "-m", "fast", "-w", "stop")
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("no TCP port")
	}
	return address.Port, nil
}

// ownService starts a service in this process.
func ownService() (key, secret, endpoint string, stop func()) {
	server := coviutest.NewServer()
	return server.APIKey, server.KeySecret, server.URL, server.Close
}
