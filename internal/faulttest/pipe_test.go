package faulttest

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// bufferedPipe returns the two ends of a connection in memory. A write does not wait
// for the other end to read, as on a socket.
func bufferedPipe() (near, far net.Conn) {
	up, down := newPipeBuffer(), newPipeBuffer()
	return &bufferedConn{in: down, out: up}, &bufferedConn{in: up, out: down}
}

type bufferedConn struct {
	net.Conn // deadlines and addresses are asked of nobody
	in, out  *pipeBuffer
}

func (c *bufferedConn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *bufferedConn) Write(p []byte) (int, error) { return c.out.write(p) }

func (c *bufferedConn) SetDeadline(time.Time) error { return nil }

func (c *bufferedConn) SetReadDeadline(time.Time) error { return nil }

func (c *bufferedConn) SetWriteDeadline(time.Time) error { return nil }

func (c *bufferedConn) LocalAddr() net.Addr { return &net.IPAddr{} }

func (c *bufferedConn) RemoteAddr() net.Addr { return &net.IPAddr{} }

func (c *bufferedConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

type pipeBuffer struct {
	mu      sync.Mutex
	changed *sync.Cond
	held    bytes.Buffer
	closed  bool
}

func newPipeBuffer() *pipeBuffer {
	b := new(pipeBuffer)
	b.changed = sync.NewCond(&b.mu)
	return b
}

func (b *pipeBuffer) read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.held.Len() == 0 && !b.closed {
		b.changed.Wait()
	}
	return b.held.Read(p)
}

func (b *pipeBuffer) write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, io.ErrClosedPipe
	}
	b.changed.Broadcast()
	return b.held.Write(p)
}

func (b *pipeBuffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.changed.Broadcast()
}
