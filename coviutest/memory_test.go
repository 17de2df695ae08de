package coviutest

import (
	"bytes"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAConnectionInMemoryCarriesBothWays(t *testing.T) {
	t.Parallel()
	near, far := newMemoryConns()
	go func() {
		_, _ = io.Copy(far, far)
		far.Close()
	}()
	sent := bytes.Repeat([]byte("0123456789"), 50_000) // more than the buffers hold
	go func() {
		_, _ = near.Write(sent)
		near.out.end(io.EOF, io.ErrClosedPipe)
	}()
	got, err := io.ReadAll(near)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(sent, got))
}

func TestClosingAConnectionInMemory(t *testing.T) {
	t.Parallel()
	near, far := newMemoryConns()
	_, err := near.Write([]byte("last words"))
	require.NoError(t, err)
	require.NoError(t, near.Close())
	got, err := io.ReadAll(far)
	require.NoError(t, err, "what was written before arrives, then the end")
	assert.Equal(t, "last words", string(got))
	_, err = far.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
	_, err = near.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = near.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestResettingAConnectionInMemory(t *testing.T) {
	t.Parallel()
	near, far := newMemoryConns()
	_, err := far.Write([]byte("lost"))
	require.NoError(t, err)
	far.reset()
	require.NoError(t, far.Close())
	_, err = near.Read(make([]byte, 9))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = near.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestDeadlinesInMemory(t *testing.T) {
	t.Parallel()
	full := make([]byte, 2*streamBuffer)
	read := func(c net.Conn) error {
		_, err := c.Read(make([]byte, 1))
		return err
	}
	write := func(c net.Conn) error {
		_, err := c.Write(full)
		return err
	}
	for name, row := range map[string]struct {
		set func(net.Conn, time.Time) error
		try func(net.Conn) error
	}{
		"read":           {net.Conn.SetReadDeadline, read},
		"write":          {net.Conn.SetWriteDeadline, write},
		"both, on read":  {net.Conn.SetDeadline, read},
		"both, on write": {net.Conn.SetDeadline, write},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near, _ := newMemoryConns()
				defer near.Close()
				began := time.Now()
				require.NoError(t, row.set(near, began.Add(time.Hour)))
				require.NoError(t, row.set(near, began.Add(time.Minute)))
				require.ErrorIs(t, row.try(near), os.ErrDeadlineExceeded)
				assert.Equal(t, time.Minute, time.Since(began))

				require.NoError(t, row.set(near, time.Time{}))
				failed := make(chan error)
				go func() { failed <- row.try(near) }()
				synctest.Wait()
				require.NoError(t, row.set(near, began)) // as net/http does to wake a reader
				require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)
			})
		})
	}
}
