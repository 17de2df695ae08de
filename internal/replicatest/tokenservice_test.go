package replicatest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	// lifetime is that of an access token, oldLives how long a replaced refresh
	// token may live.
	lifetime = 200 * time.Second
	oldLives = 30 * time.Second
)

// rotation is what a server does with the refresh token that was used.
type rotation int

const (
	staysValid rotation = iota
	diesAtOnce
	diesLater
	reuseRevokes // the whole grant
	rotations
)

func (r rotation) String() string {
	return [...]string{"no rotation", "old one dead at once", "old one lives for 30 s", "reuse revokes the grant"}[r]
}

// refreshOutcome says what happens to one token request.
type refreshOutcome int

const (
	refreshed refreshOutcome = iota
	refreshReplyLost
	refreshRequestLost
	refreshHangs // carried out, and no reply for ever
	refresh503
	refreshOutcomes
)

func (o refreshOutcome) String() string {
	return [...]string{"refreshed", "reply lost", "request lost", "carried out, no reply for ever", "503"}[o]
}

// carriedOut reports whether the server issued a token.
func (o refreshOutcome) carriedOut() bool {
	return o == refreshed || o == refreshReplyLost || o == refreshHangs
}

// tokenService is a model of the service, as far as tokens go.
type tokenService struct {
	rotation rotation
	outcomes []refreshOutcome // of the first token requests; later ones are answered
	lifetime time.Duration

	mu       sync.Mutex
	requests int
	issued   int
	revoked  bool
	access   map[string]time.Time // end of each access token
	refresh  map[string]time.Time // end of each refresh token, zero for none
	refused  map[string]bool      // refresh tokens
	renewals []time.Time          // when tokens were issued
	faulty   string
}

func newTokenService(r rotation, outcomes []refreshOutcome) *tokenService {
	return &tokenService{
		rotation: r, outcomes: outcomes, lifetime: lifetime,
		access: map[string]time.Time{}, refresh: map[string]time.Time{}, refused: map[string]bool{},
	}
}

// issue makes a token. The caller holds mu.
func (s *tokenService) issue(refreshToken string) *oauth2.Token {
	s.issued++
	if refreshToken == "" || s.rotation != staysValid {
		refreshToken = fmt.Sprintf("r%d", s.issued)
	}
	t := &oauth2.Token{
		AccessToken: fmt.Sprintf("a%d", s.issued), RefreshToken: refreshToken,
		TokenType: "Bearer", Expiry: time.Now().Add(s.lifetime),
	}
	s.access[t.AccessToken] = t.Expiry
	s.refresh[t.RefreshToken] = time.Time{}
	return t
}

// renew answers a refresh, nil if it is refused.
func (s *tokenService) renew(refreshToken string) *oauth2.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, known := s.refresh[refreshToken]
	ended := !known || !end.IsZero() && !time.Now().Before(end)
	if ended && s.rotation == reuseRevokes {
		s.revoked = true
		clear(s.access)
	}
	if s.revoked || ended {
		s.refused[refreshToken] = true
		return nil
	}
	s.renewals = append(s.renewals, time.Now())
	if s.rotation != staysValid && end.IsZero() {
		s.refresh[refreshToken] = time.Now()
		if s.rotation == diesLater {
			s.refresh[refreshToken] = time.Now().Add(oldLives)
		}
	}
	return s.issue(refreshToken)
}

// lives reports whether a refresh token would still be accepted.
func (s *tokenService) lives(refreshToken string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, known := s.refresh[refreshToken]
	return known && !s.revoked && (end.IsZero() || time.Now().Before(end))
}

func (s *tokenService) wasRefused(refreshToken string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[refreshToken]
}

func (s *tokenService) next() refreshOutcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := refreshed
	if s.requests < len(s.outcomes) {
		o = s.outcomes[s.requests]
	}
	s.requests++
	return o
}

// tokenWire is the connection of one replica to the service.
type tokenWire struct {
	service *tokenService
	replica *replica
	row     *tokenRow
}

func (w *tokenWire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := w.replica.wakes(); err != nil {
		return nil, err
	}
	if r.Method == http.MethodPost {
		return w.post(r)
	}
	if err := pause(r.Context(), 2*latency); err != nil {
		return nil, err
	}
	access := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	stored := w.row.knows(access)
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	if !stored {
		w.service.faulty = "a token was used that was never in the store"
	}
	if end, known := w.service.access[access]; !known || time.Now().After(end) {
		return reply(r, http.StatusUnauthorized, `{"error":{"code":401,"message":"no"}}`), nil
	}
	return reply(r, http.StatusOK, `{"content":[],"more":false}`), nil
}

func (w *tokenWire) post(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	trace.GetConn("service:443")
	if _, err := w.replica.at(beforeRequest); err != nil {
		return nil, err
	}
	trace.GotConn(httptrace.GotConnInfo{})
	trace.WroteHeaders()
	o := w.service.next()
	_ = pause(ctx, latency) // The request arrives even if the replica is gone.
	var t *oauth2.Token
	if o.carriedOut() {
		t = w.service.renew(form.Get("refresh_token"))
	}
	_ = pause(ctx, latency)
	switch {
	case o == refreshHangs:
		<-ctx.Done()
		return nil, ctx.Err()
	case o == refreshReplyLost, o == refreshRequestLost:
		return nil, errors.New("connection reset")
	case o == refresh503:
		return reply(r, http.StatusServiceUnavailable, ""), nil
	case t == nil:
		return reply(r, http.StatusBadRequest, `{"error":"invalid_grant"}`), nil
	}
	if _, err := w.replica.at(afterRequest); err != nil {
		return nil, err
	}
	return reply(r, http.StatusOK, fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"token_type":"Bearer","expires_in":%d}`,
		t.AccessToken, t.RefreshToken, int(w.service.lifetime/time.Second))), nil
}
