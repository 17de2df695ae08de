package processtest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const (
	tokenRequest   = "POST /auth/token"
	bookingRequest = "POST /sessions"
	listRequest    = "GET /sessions"
)

// service is the one server that all processes talk to.
type service struct {
	*coviutest.Server
	start time.Time // of the sessions that are booked
	hook  atomic.Pointer[func(*arrival)]
}

// newService starts a server on a socket.
func newService(t *testing.T, opts ...coviutest.Option) *service {
	t.Helper()
	s := &service{}
	s.Server = coviutest.NewServer(append(opts, coviutest.WithMiddleware(s.watch))...)
	s.start = s.Now().Add(time.Hour).Truncate(time.Second)
	t.Cleanup(s.Close)
	return s
}

// arrival is a request that has reached the service and was not carried out yet.
type arrival struct {
	operation string
	process   string // who sent it
	api       http.Handler
	request   *http.Request
	reply     *httptest.ResponseRecorder
}

// carryOut lets the service do what the request asks, and keeps the reply back.
func (a *arrival) carryOut() {
	a.reply = httptest.NewRecorder()
	a.api.ServeHTTP(a.reply, a.request)
}

// onRequest makes f see each request first. What f does not carry out is carried
// out after it, even if the sender is gone by then.
func (s *service) onRequest(f func(*arrival)) { s.hook.Store(&f) }

func (s *service) watch(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hook := s.hook.Load()
		if hook == nil {
			api.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		process, _, _ := strings.Cut(r.UserAgent(), " ")
		a := &arrival{operation: r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1"), process: process, api: api, request: r}
		(*hook)(a)
		if a.reply == nil {
			api.ServeHTTP(w, r)
			return
		}
		maps.Copy(w.Header(), a.reply.Header())
		w.WriteHeader(a.reply.Code)
		_, _ = w.Write(a.reply.Body.Bytes())
	})
}

// gate stops the first request of an operation at the service.
type gate struct {
	arrived chan string // gets the name of the process
	release chan struct{}
}

// holdBack stops the first request for an operation that a process sends, before
// it is carried out or, with carriedOut, before its reply is sent.
func (s *service) holdBack(t *testing.T, process, operation string, carriedOut bool) *gate {
	t.Helper()
	g := &gate{make(chan string, 1), make(chan struct{})}
	var held atomic.Bool
	s.onRequest(func(a *arrival) {
		if a.operation != operation || a.process != process || held.Swap(true) {
			return
		}
		if carriedOut {
			a.carryOut()
		}
		g.arrived <- a.process
		select {
		case <-g.release:
		case <-t.Context().Done():
		}
	})
	return g
}

// consent returns the first token of a new user.
func (s *service) consent(t *testing.T) *oauth2.Token {
	t.Helper()
	user := s.AddUser(coviutest.User{})
	token, err := s.Client(t).Exchange(t.Context(), s.AuthorizationCode(user.UserID))
	require.NoError(t, err)
	return token
}

// refreshes returns how many refreshes the service has granted and refused.
func (s *service) refreshes() coviutest.Results { return s.GrantResults("refresh_token") }

// byKey returns the sessions of each booking key.
func (s *service) byKey() map[string][]string {
	booked := map[string][]string{}
	for _, session := range s.Sessions() {
		for _, p := range session.Participants {
			if p.Role == coviu.RoleGuest {
				booked[p.State] = append(booked[p.State], session.SessionID)
			}
		}
	}
	return booked
}

// doubled counts the keys that have several sessions.
func (s *service) doubled() (n int) {
	for _, sessions := range s.byKey() {
		if len(sessions) > 1 {
			n++
		}
	}
	return n
}
