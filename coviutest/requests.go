package coviutest

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Request is a request that reached the server. It has no credentials: headers
// with one are left out, and of the body of a token request only the grant_type is
// kept. Printing a Request shows its method and operation only.
type Request struct {
	// Time is when it arrived, by the server's clock.
	Time time.Time
	// Method is the HTTP method.
	Method string
	// Operation is the route template, such as "GET /sessions/{session_id}". It
	// is empty for a path or method that the API does not have.
	Operation string
	// Path is the escaped path as sent, the base path /v1 included.
	Path string
	// Query is the query, decoded.
	Query url.Values
	// Header is what was sent, without credentials.
	Header http.Header
	// Body is what was sent. Of a token request it has only the grant_type.
	Body []byte
	// Grant is the grant_type of a token request.
	Grant string
}

// Format prints the method and the operation under every verb.
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.describe()) }

// LogValue shows the method and the operation in a structured log.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.describe()) }

func (r Request) describe() string {
	if r.Operation == "" {
		return r.Method + " (no operation)"
	}
	return r.Operation
}

// Requests returns the requests, oldest first. It includes refused ones and those
// to which a fault applied. The server keeps the last 10,000 requests, or fewer if
// their bodies take more than 16 MiB.
func (s *Server) Requests() []Request {
	s.requests.mu.Lock()
	logged := slices.Clone(s.requests.kept())
	s.requests.mu.Unlock()
	all := make([]Request, len(logged))
	for i, l := range logged {
		all[i] = l.public()
	}
	return all
}

// Count returns how many requests for an operation reached the server since it
// started or since [Server.ClearRequests]. [AnyOperation] counts all requests,
// also those to paths that the API does not have. An operation that does not exist
// panics.
func (s *Server) Count(operation string) int {
	mustBeOperation(operation)
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	if operation == AnyOperation {
		return s.requests.total
	}
	return s.requests.counts[operation]
}

// CountGrants returns how many token requests with this grant_type reached the
// server, such as "client_credentials" or "refresh_token".
func (s *Server) CountGrants(grantType string) int {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return s.requests.grants[grantType]
}

// ClearRequests forgets all requests and sets all counts to zero.
func (s *Server) ClearRequests() {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.reset()
}

const (
	keptRequests  = 10_000
	keptBodyBytes = 16 << 20
)

// requestLog is written for every request and read in few tests. So it keeps the
// requests as net/http made them, and decodes them when it is read.
type requestLog struct {
	mu        sync.Mutex
	total     int
	counts    map[string]int
	grants    map[string]int
	results   map[string]Results
	granted   map[string]Results
	entries   []loggedRequest
	first     int
	bodyBytes int
}

type loggedRequest struct {
	time time.Time
	call *call
}

func (l *requestLog) reset() {
	l.total, l.counts, l.grants, l.results, l.granted = 0, nil, nil, nil, nil
	l.entries, l.first, l.bodyBytes = nil, 0, 0
}

func (l *requestLog) add(c *call, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts, l.grants = map[string]int{}, map[string]int{}
	}
	l.total++
	if c.op != nil {
		l.counts[c.op.name]++
		if c.op.name == opToken {
			l.grants[c.grantArg]++
		}
	}
	l.entries = append(l.entries, loggedRequest{now, c})
	l.bodyBytes += len(c.body)
	for len(l.entries)-l.first > keptRequests || l.bodyBytes > keptBodyBytes {
		l.bodyBytes -= len(l.entries[l.first].call.body)
		l.entries[l.first] = loggedRequest{}
		l.first++
	}
	if l.first > keptRequests {
		l.entries, l.first = slices.Clone(l.kept()), 0
	}
}

func (l *requestLog) kept() []loggedRequest { return l.entries[l.first:] }

func (l loggedRequest) public() Request {
	c := l.call
	query, _ := url.ParseQuery(c.rawQuery)
	r := Request{
		Time:   l.time,
		Method: c.method,
		Path:   c.path,
		Query:  query,
		Header: c.header.Clone(),
		Body:   bytes.Clone(c.body),
		Grant:  c.grantArg,
	}
	if c.op != nil {
		r.Operation = c.op.name
	}
	switch {
	case r.Grant != "":
		r.Body = []byte(url.Values{"grant_type": {r.Grant}}.Encode())
	case strings.HasPrefix(c.path, basePath+"/auth/"):
		r.Body = nil
	}
	for _, secret := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
		r.Header.Del(secret)
	}
	return r
}
