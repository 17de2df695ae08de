package processtest

import (
	"context"
	"database/sql"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// proxy is between processes and PostgreSQL.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	state proxyState
	// resumed is closed when traffic may pass again.
	resumed     chan struct{}
	connections []net.Conn
}

type proxyState int

const (
	passing  proxyState = iota
	refusing            // closes all connections
	hanging             // keeps connections and passes nothing on
)

// behindProxy returns d as processes reach it through a proxy.
func behindProxy(t *testing.T, d database) (database, *proxy) {
	t.Helper()
	config, err := pgx.ParseConfig(d.DSN)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, target: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))), resumed: make(chan struct{})}
	close(p.resumed)
	t.Cleanup(func() {
		p.set(refusing)
		require.NoError(t, listener.Close())
	})
	go p.accept()
	d.ProxyPort = uint16(listener.Addr().(*net.TCPAddr).Port)
	return d, p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(client)
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.add(client) {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.add(server) {
		return
	}
	go func() {
		p.pass(client, server)
		_ = client.Close()
	}()
	p.pass(server, client)
}

func (p *proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections = append(p.connections, c)
	return p.state != refusing
}

func (p *proxy) pass(to io.Writer, from io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		resumed := p.resumed
		p.mu.Unlock()
		<-resumed
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) set(state proxyState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == hanging {
		close(p.resumed)
	}
	p.state = state
	switch state {
	case hanging:
		p.resumed = make(chan struct{})
	case refusing:
		for _, c := range p.connections {
			_ = c.Close()
		}
		p.connections = nil
	case passing:
	}
}

// outage is a way in which a database can't be reached.
type outage struct {
	name string
	// begin takes d as it was given to the processes.
	begin func(t *testing.T, d database, p *proxy) (end func())
}

// outages are those of the kind of d.
func (d database) outages() []outage {
	if d.isSQLite() {
		return []outage{{"locked", lockFile}}
	}
	return []outage{
		{"refusing", func(_ *testing.T, _ database, p *proxy) func() {
			p.set(refusing)
			return func() { p.set(passing) }
		}},
		{"hanging", func(_ *testing.T, _ database, p *proxy) func() {
			p.set(hanging)
			return func() { p.set(passing) }
		}},
	}
}

// lockFile keeps all writers out of a SQLite database.
func lockFile(t *testing.T, d database, _ *proxy) (end func()) {
	t.Helper()
	db, err := d.open(1)
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	execute(t, conn, "BEGIN EXCLUSIVE")
	return func() {
		execute(t, conn, "ROLLBACK")
		require.NoError(t, conn.Close())
		require.NoError(t, db.Close())
	}
}

// renameTables makes every statement fail with a text of the database's own.
func renameTables(t *testing.T, d database) (end func()) {
	t.Helper()
	db, err := d.open(1)
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	execute(t, conn, "ALTER TABLE coviu_bookings RENAME TO canary")
	return func() {
		execute(t, conn, "ALTER TABLE canary RENAME TO coviu_bookings")
		require.NoError(t, conn.Close())
		require.NoError(t, db.Close())
	}
}

func execute(t *testing.T, conn *sql.Conn, statement string) {
	t.Helper()
	_, err := conn.ExecContext(context.WithoutCancel(t.Context()), statement)
	require.NoError(t, err)
}
