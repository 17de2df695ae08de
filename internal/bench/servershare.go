package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// rawCalls is the number of calls over which serverShare takes the mean.
const rawCalls = 500

// serverShare measures what the server allocates for one call: the allocations
// of the whole process while the calls come from a raw connection, which
// allocates nothing.
func serverShare(ctx context.Context, server *fixtureServer, operation string) (cost, error) {
	raw, err := newRawClient(server, operation)
	if err != nil {
		return cost{}, err
	}
	defer raw.connection.Close()
	return runBatch(ctx, raw.exchange, rawCalls, 1)
}

// rawClient sends the same bytes each time and reads replies of a known length.
type rawClient struct {
	mu         sync.Mutex
	connection net.Conn
	request    []byte
	reply      []byte
}

func newRawClient(server *fixtureServer, operation string) (*rawClient, error) {
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	raw := &rawClient{connection: connection}
	var bodyLength int
	raw.request, bodyLength, err = rawRequest(server, operation)
	if err != nil {
		return nil, err
	}
	if _, err := connection.Write(raw.request); err != nil {
		return nil, err
	}
	first := make([]byte, bodyLength+1024)
	read, err := io.ReadAtLeast(connection, first, bodyLength)
	for err == nil && !bytes.Contains(first[:read], []byte("\r\n\r\n")) {
		var more int
		more, err = connection.Read(first[read:])
		read += more
	}
	if err != nil {
		return nil, err
	}
	length := bytes.Index(first, []byte("\r\n\r\n")) + len("\r\n\r\n") + bodyLength
	raw.reply = first[:length]
	if read < length {
		_, err = io.ReadFull(connection, first[read:length])
	}
	return raw, err
}

func (r *rawClient) exchange(context.Context) (proof, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.connection.Write(r.request); err != nil {
		return proof{}, err
	}
	_, err := io.ReadFull(r.connection, r.reply)
	return proof{}, err
}

// rawRequest returns the floor's request as text and the length of the reply's
// body.
func rawRequest(server *fixtureServer, operation string) ([]byte, int, error) {
	var (
		line   string
		body   []byte
		length = len(server.session)
	)
	switch operation {
	case opGet:
		line = http.MethodGet + " " + basePath + "/sessions/" + sessionID
	case opPage:
		line = http.MethodGet + " " + basePath + "/sessions?page=0&page_size=200"
		length = len(server.page)
	case opCreate:
		line = http.MethodPost + " " + basePath + "/sessions"
		var err error
		if body, err = json.Marshal(newCreationRequest()); err != nil {
			return nil, 0, err
		}
	default:
		return nil, 0, fmt.Errorf("no raw request for %s", operation)
	}
	text := line + " HTTP/1.1\r\nHost: " + server.Listener.Addr().String() +
		"\r\nUser-Agent: Go-http-client/1.1\r\nAccept: application/json\r\nAuthorization: Bearer " + accessToken +
		"\r\nAccept-Encoding: gzip\r\n"
	if body != nil {
		text += fmt.Sprintf("Content-Length: %d\r\nContent-Type: application/json\r\n", len(body))
	}
	return append([]byte(text+"\r\n"), body...), length, nil
}
