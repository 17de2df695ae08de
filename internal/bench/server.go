package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// replyStyle is how the server sends a reply.
type replyStyle int

const (
	withLength  replyStyle = iota // one Content-Length reply
	inChunks                      // the same bytes, chunked and flushed half-way
	withRefusal                   // 404 with nine kilobytes of body
)

type serverConfig struct {
	tls, http2 bool
	style      replyStyle
	pageDelay  time.Duration // before each page
	sessions   int           // in the whole list; 0 is one page
}

// fixtureServer sends the same bytes each time, so that the results depend on
// the clients alone.
type fixtureServer struct {
	*httptest.Server
	opened atomic.Int64 // connections accepted

	config      serverConfig
	session     []byte
	page        []byte
	participant []byte
	refusal     []byte
}

const (
	accessToken = "bench-access-token"
	basePath    = "/v1"
)

func newFixtureServer(config serverConfig) *fixtureServer {
	s := &fixtureServer{
		config:      config,
		session:     appendSession(nil, 1),
		page:        appendPage(nil, 0, pageSize, pageSize),
		participant: []byte(participantJSON()),
		refusal:     []byte(refusalBody()),
	}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	s.EnableHTTP2 = config.http2
	// Connections that were opened and not used must not be logged.
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if config.tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	return s
}

func (s *fixtureServer) baseURL() string { return s.URL + basePath }

func (s *fixtureServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, basePath)
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if path == "/auth/token" {
		s.reply(w, http.StatusOK, []byte(`{"access_token":"`+accessToken+
			`","refresh_token":"bench-refresh-token","expires_in":3600,"token_type":"Bearer"}`))
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+accessToken || r.Header.Get("Accept") != "application/json" {
		http.Error(w, "every client has to send the same headers", http.StatusUnauthorized)
		return
	}
	if s.config.style == withRefusal {
		s.reply(w, http.StatusNotFound, s.refusal)
		return
	}
	switch {
	case r.Method == http.MethodDelete:
		s.reply(w, http.StatusOK, []byte(`{"ok":true}`))
	case path == "/sessions" && r.Method == http.MethodGet:
		s.replyPage(w, r)
	case path == "/sessions":
		s.reply(w, http.StatusCreated, s.session)
	case strings.HasSuffix(path, "/participants") && r.Method == http.MethodGet:
		s.reply(w, http.StatusOK, []byte("["+string(s.participant)+"]"))
	case strings.Contains(path, "/participants"):
		s.reply(w, http.StatusOK, s.participant)
	default:
		s.reply(w, http.StatusOK, s.session)
	}
}

func (s *fixtureServer) replyPage(w http.ResponseWriter, r *http.Request) {
	time.Sleep(s.config.pageDelay)
	if s.config.sessions == 0 {
		s.reply(w, http.StatusOK, s.page)
		return
	}
	query := r.URL.Query()
	page, _ := strconv.Atoi(query.Get("page"))
	size, err := strconv.Atoi(query.Get("page_size"))
	if err != nil {
		size = pageSize
	}
	buffer, ok := pageBuffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	*buffer = appendPage((*buffer)[:0], page, size, s.config.sessions)
	s.reply(w, http.StatusOK, *buffer)
	pageBuffers.Put(buffer)
}

func (s *fixtureServer) reply(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonType
	if s.config.style == inChunks {
		w.WriteHeader(status)
		half := len(body) / 2
		_, _ = w.Write(body[:half])
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(body[half:])
		return
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

var (
	jsonType    = []string{"application/json"}
	pageBuffers sync.Pool
)
