package coviutest

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// memoryListener accepts connections that dial makes in memory. The code in this
// file waits on channels and condition variables only, so that a synctest bubble
// can tell when its goroutines are idle.
type memoryListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return memoryAddr{} }

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := newMemoryConns()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, refused()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "127.0.0.1:1" }

func refused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: memoryAddr{}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// memoryConn is one end of a connection with a buffer in each direction, like a
// socket's. So a server can answer before it has read everything, and close while
// its reply is still unread.
type memoryConn struct {
	in, out *stream
}

func newMemoryConns() (near, far *memoryConn) {
	up, down := newStream(), newStream()
	return &memoryConn{in: down, out: up}, &memoryConn{in: up, out: down}
}

func (c *memoryConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *memoryConn) Write(p []byte) (int, error) { return c.out.write(p) }

func (c *memoryConn) Close() error {
	c.out.end(io.EOF, io.ErrClosedPipe)
	c.in.end(net.ErrClosed, syscall.EPIPE)
	c.in.discard()
	return nil
}

// reset closes the connection like a socket with a linger time of zero: the other
// end loses what it has not read yet.
func (c *memoryConn) reset() {
	c.out.discard()
	c.out.end(syscall.ECONNRESET, io.ErrClosedPipe)
	c.in.end(net.ErrClosed, syscall.ECONNRESET)
}

func (c *memoryConn) LocalAddr() net.Addr  { return memoryAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr { return memoryAddr{} }

func (c *memoryConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readBy, t)
	return nil
}

func (c *memoryConn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writeBy, t)
	return nil
}

const streamBuffer = 64 << 10

// stream is one direction of a connection.
type stream struct {
	mu                sync.Mutex
	changed           *sync.Cond
	buffered          bytes.Buffer
	readErr, writeErr error
	readBy, writeBy   deadline
}

type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newStream() *stream {
	s := new(stream)
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case s.buffered.Len() > 0:
			s.changed.Broadcast()
			return s.buffered.Read(p)
		case s.readErr != nil:
			return 0, s.readErr
		case len(p) == 0:
			return 0, nil
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.writeErr != nil:
			return n, s.writeErr
		case s.writeBy.passed():
			return n, os.ErrDeadlineExceeded
		case n == len(p):
			return n, nil
		}
		if room := streamBuffer - s.buffered.Len(); room > 0 {
			taken, _ := s.buffered.Write(p[n:min(len(p), n+room)])
			n += taken
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// end sets the errors of later reads and writes. Only the first call counts, so
// that closing a connection after a reset does not hide the reset.
func (s *stream) end(readErr, writeErr error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == nil {
		s.readErr = readErr
	}
	if s.writeErr == nil {
		s.writeErr = writeErr
	}
	for _, d := range []*deadline{&s.readBy, &s.writeBy} {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
	s.changed.Broadcast()
}

func (s *stream) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buffered.Reset()
	s.changed.Broadcast()
}

func (s *stream) setDeadline(d *deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 && s.readErr == nil {
		d.timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
	}
	s.changed.Broadcast()
}
