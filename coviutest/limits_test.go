package coviutest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// onVirtualTime runs f with a server and a function that connects to it.
func onVirtualTime(t *testing.T, f func(t *testing.T, s *Server, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(WithInMemory())
		defer s.Close()
		f(t, s, func() net.Conn {
			conn, err := s.transport.live.DialContext(t.Context(), "tcp", "")
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			return conn
		})
	})
}

// trickle writes a byte a second until the server hangs up, and says when that
// was.
func trickle(conn net.Conn, text string) time.Duration {
	began := time.Now()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, conn)
	}()
	for i := 0; ; i++ {
		select {
		case <-closed:
			return time.Since(began)
		case <-time.After(time.Second):
			_, _ = conn.Write([]byte{text[i%len(text)]})
		}
	}
}

func TestConnectionsWithSlowHeadersAreClosed(t *testing.T) {
	t.Parallel()
	onVirtualTime(t, func(t *testing.T, _ *Server, dial func() net.Conn) {
		closedAfter := make(chan time.Duration)
		for range 200 {
			conn := dial()
			_, err := io.WriteString(conn, "GET /v1/sessions HTTP/1.1\r\nHost: x\r\n")
			require.NoError(t, err)
			go func() { closedAfter <- trickle(conn, "a: b\r\n") }()
		}
		for range 200 {
			assert.Equal(t, headerTimeout, <-closedAfter)
		}
	})
}

func TestConnectionsThatSendNothingAreClosed(t *testing.T) {
	t.Parallel()
	onVirtualTime(t, func(t *testing.T, _ *Server, dial func() net.Conn) {
		conn := dial()
		began := time.Now()
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, headerTimeout, time.Since(began))
	})
}

func TestSlowBodiesAreRefused(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"with a length": "Content-Length: 1000", "in chunks": "Transfer-Encoding: chunked"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onVirtualTime(t, func(t *testing.T, s *Server, dial func() net.Conn) {
				conn := dial()
				began := time.Now()
				_, err := io.WriteString(conn, "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n"+header+"\r\n\r\n")
				require.NoError(t, err)
				reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				reply.Body.Close()
				assert.Equal(t, http.StatusRequestTimeout, reply.StatusCode)
				assert.True(t, reply.Close)
				assert.Equal(t, bodyTimeout, time.Since(began))
				_, err = conn.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
				assert.Equal(t, 1, s.Count("POST /sessions"))
			})
		})
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	onVirtualTime(t, func(t *testing.T, _ *Server, dial func() net.Conn) {
		conn := dial()
		_, err := io.WriteString(conn, "GET /v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		in := bufio.NewReader(conn)
		reply, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, reply.Body)
		require.NoError(t, err)
		began := time.Now()
		_, err = in.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, idleTimeout, time.Since(began))
	})
}

func TestClientsThatDoNotReadTheirReplyAreCutOff(t *testing.T) {
	t.Parallel()
	onVirtualTime(t, func(t *testing.T, s *Server, dial func() net.Conn) {
		people := make([]coviu.Participant, 3)
		for range 200 {
			_, err := s.Seed(coviu.Session{SessionName: strings.Repeat("x", 1000), Participants: people})
			require.NoError(t, err)
		}
		s.mu.Lock()
		key := s.accounts.keys[s.APIKey]
		token := s.accounts.newAccessToken(&grant{key: key, user: key.user, family: new(family), expires: time.Now().Add(time.Hour)}, time.Now())
		s.mu.Unlock()
		conn := dial()
		_, err := io.WriteString(conn, "GET /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\n\r\n")
		require.NoError(t, err)
		<-time.After(writeTimeout + time.Second)
		_, err = http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		rest, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(rest), streamBuffer, "only what was under way arrives")
	})
}

func TestBigRequestsAreRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		header, body string
		status       int
	}{
		"headers":            {header: "A: " + strings.Repeat("a", 80<<10), status: http.StatusRequestHeaderFieldsTooLarge},
		"body with a length": {header: fmt.Sprintf("Content-Length: %d", 4<<20), body: strings.Repeat("a", maxBody+1), status: http.StatusRequestEntityTooLarge},
		"body in chunks": {
			header: "Transfer-Encoding: chunked", status: http.StatusRequestEntityTooLarge,
			body: fmt.Sprintf("%x\r\n%s\r\n", maxBody+1, strings.Repeat("a", maxBody+1)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onVirtualTime(t, func(t *testing.T, s *Server, dial func() net.Conn) {
				conn := dial()
				go func() {
					_, _ = io.WriteString(conn, "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n"+row.header+"\r\n\r\n"+row.body)
				}()
				reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				reply.Body.Close()
				assert.Equal(t, row.status, reply.StatusCode)
				assert.True(t, reply.Close)
				assert.Empty(t, s.Sessions())
			})
		})
	}
}

// A connection can be accepted while Close looks for connections to close. Close
// must not wait until it times out.
func TestAConnectionAcceptedDuringCloseIsClosed(t *testing.T) {
	t.Parallel()
	s := NewServer(WithInMemory())
	s.Close()
	near, far := newMemoryConns()
	s.trackConnection(far, http.StateNew)
	_, err := near.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	s.trackConnection(far, http.StateClosed)
	s.Close()
}

// The time-outs are for clients that hold a connection for nothing. A test may
// delay a reply for as long as it likes.
func TestTimeoutsDoNotEndWhatAFaultDelays(t *testing.T) {
	t.Parallel()
	onVirtualTime(t, func(t *testing.T, s *Server, _ func() net.Conn) {
		s.Fail("POST /auth/token", Delay(time.Hour))
		s.Fail("POST /sessions", Hang())
		client := &http.Client{Transport: s.Transport()}
		began := time.Now()
		reply, err := client.Post(s.URL+"/auth/token", "text/plain", strings.NewReader("grant_type=client_credentials"))
		require.NoError(t, err)
		reply.Body.Close()
		assert.Equal(t, http.StatusUnauthorized, reply.StatusCode)
		assert.Equal(t, time.Hour, time.Since(began))

		ended := make(chan error)
		go func() {
			reply, err := client.Post(s.URL+"/sessions", "application/json", strings.NewReader("{}"))
			if err == nil {
				err = errors.Join(errors.New("answered"), reply.Body.Close())
			}
			ended <- err
		}()
		select {
		case err := <-ended:
			t.Errorf("ended by itself: %v", err)
		case <-time.After(24 * time.Hour):
		}
		s.Close()
		require.Error(t, <-ended)
	})
}
