package coviutest

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// call is a request that was read completely. It can be carried out after its
// connection is closed.
type call struct {
	op       *operation
	id       string
	method   string
	path     string
	rawQuery string
	header   http.Header
	body     []byte
	grantArg string // grant_type of a token request
	refusal  *reply // the answer if there is nothing to carry out

	now         time.Time
	caller      *grant
	listedAfter time.Duration // how much later lists show a session that this call books
}

// reply is complete before its first byte is written, so that no lock is held
// while a slow client reads.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.work.Done()
	c := readCall(w, r)
	s.requests.add(c, s.Now())
	if c.op != nil {
		if f, ok := s.faults.take(c.op.name, c.grantArg, false); ok {
			f.apply(s, c, w, r)
			return
		}
	}
	s.write(w, s.carryOut(c))
}

func readCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{method: r.Method, path: r.URL.EscapedPath(), rawQuery: r.URL.RawQuery, header: r.Header}
	path, inBase := strings.CutPrefix(c.path, basePath)
	var allowed []string
	if inBase {
		c.op, c.id, allowed = match(r.Method, path)
	}
	var err error
	c.body, err = readBody(w, r)
	switch {
	case len(allowed) > 0:
		c.refusal = new(refusal(http.StatusMethodNotAllowed, "method not allowed"))
		c.refusal.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
	case c.op == nil:
		c.refusal = new(refusal(http.StatusNotFound, "no such resource"))
	case errors.As(err, new(*http.MaxBytesError)):
		c.refusal = new(refusal(http.StatusRequestEntityTooLarge, "request body too large"))
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.refusal = new(refusal(http.StatusRequestTimeout, "request body too slow"))
	case err != nil:
		c.refusal = new(refusal(http.StatusBadRequest, "request body unreadable"))
	case c.op.name == opToken:
		c.grantArg = grantType(c.body)
	}
	return c
}

// carryOut does what the request asks and counts the result.
func (s *Server) carryOut(c *call) reply {
	rep := s.execute(c)
	s.requests.addResult(c, rep)
	return rep
}

// execute runs as one step that no other request sees half done.
func (s *Server) execute(c *call) reply {
	if c.refusal != nil {
		return *c.refusal
	}
	c.now = s.Now()
	if c.op.reads {
		s.mu.RLock()
		defer s.mu.RUnlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if !c.op.open {
		if c.caller = s.accounts.bearer(c.header, c.now); c.caller == nil {
			return unauthorized()
		}
	}
	return c.op.handle(s, c)
}

func (a *accounts) bearer(h http.Header, now time.Time) *grant {
	const scheme = "bearer "
	value := h.Get("Authorization")
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return nil
	}
	g := a.access[value[len(scheme):]]
	if g == nil || g.family.revoked || !now.Before(g.expires) {
		return nil
	}
	return g
}

func (s *Server) write(w http.ResponseWriter, rep reply) {
	s.writeHeader(w, rep)
	_, _ = w.Write(rep.body)
}

func (s *Server) writeHeader(w http.ResponseWriter, rep reply) {
	limitWriting(w)
	h := w.Header()
	h["Content-Type"] = jsonContent
	// The server's own clock, so that Date fits what the server does.
	h["Date"] = []string{s.Now().UTC().Format(http.TimeFormat)}
	h["Content-Length"] = []string{strconv.Itoa(len(rep.body))}
	maps.Copy(h, rep.header)
	if bodyless(rep.status) {
		delete(h, "Content-Length")
		delete(h, "Content-Type")
	}
	w.WriteHeader(rep.status)
}

func bodyless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

var jsonContent = []string{"application/json"}

func ok(body []byte) reply { return reply{status: http.StatusOK, body: body} }

// refusal makes an error in the service's form.
func refusal(status int, message string) reply {
	body := []byte(`{"error":{"code":`)
	body = strconv.AppendInt(body, int64(status), 10)
	body = append(body, `,"message":`...)
	body = appendString(body, message)
	return reply{status: status, body: append(body, `}}`...)}
}

func badRequest(message string) reply { return refusal(http.StatusBadRequest, message) }

func notFound(what string) reply { return refusal(http.StatusNotFound, what+" not found") }

func unauthorized() reply {
	rep := refusal(http.StatusUnauthorized, "missing, unknown or expired access token")
	rep.header = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
	return rep
}
