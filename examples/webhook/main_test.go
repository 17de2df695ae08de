package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

const update = `{"type":"session:update","createdAt":"2026-03-02T09:00:00Z","payload":{"sessionId":"s-1","participantId":"canary"}}`

// post sends one request to a receiver, and returns the status and the hints.
func post(rc *receiver, body string, header ...string) (int, []hint) {
	hints := make(chan hint, 2)
	rc.hints = hints
	if rc.logger == nil {
		rc.logger = slog.New(slog.DiscardHandler)
	}
	r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, r)
	close(hints)
	var got []hint
	for h := range hints {
		got = append(got, h)
	}
	return w.Code, got
}

func TestOnlyTheAgreedCredentialsAreAccepted(t *testing.T) {
	basic := func(user, password string) string {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	bearer, pair := credentials{token: "s3cret"}, credentials{user: "coviu", password: "s3cret"}
	for _, row := range []struct {
		credentials credentials
		sent        string
		want        int
	}{
		{bearer, "Bearer s3cret", 204},
		{bearer, "bearer s3cret", 204},
		{bearer, "Bearer s3cre", 401},
		{bearer, "Bearer s3crets", 401},
		{bearer, "Bearer ", 401},
		{bearer, "s3cret", 401},
		{bearer, "", 401},
		{bearer, basic("", "s3cret"), 401},
		{pair, basic("coviu", "s3cret"), 204},
		{pair, basic("coviu", ""), 401},
		{pair, basic("", "s3cret"), 401},
		{pair, basic("other", "s3cret"), 401},
		{pair, "Bearer s3cret", 401},
		{pair, "", 401},
	} {
		code, hints := post(&receiver{credentials: row.credentials}, update, "Authorization", row.sent)
		assert.Equal(t, row.want, code, row.sent)
		assert.Equal(t, row.want == 204, len(hints) == 1, row.sent)
	}
}

func TestAnEventIsAHint(t *testing.T) {
	for body, want := range map[string]hint{
		update: {sessionID: "s-1"},
		`{"type":"session:delete","payload":{"sessionId":"s-1"}}`:   {"s-1", true},
		`{"type":"session:cancel","payload":{"sessionId":"s-1"}}`:   {"s-1", true},
		`{"type":"participant:join","payload":{"sessionId":"s-1"}}`: {sessionID: "s-1"},
		`{"type":"something:new","payload":{"other":[1]},"x":1}`:    {},
		`{"type":"something:new"}`:                                  {},
		`{"type":"something:new","payload":null}`:                   {},
	} {
		for _, contentType := range []string{"", "application/json", "application/x-www-form-urlencoded", "text/plain"} {
			rc := &receiver{credentials: credentials{token: "s3cret"}}
			code, hints := post(rc, body, "Authorization", "Bearer s3cret", "Content-Type", contentType)
			assert.Equal(t, http.StatusNoContent, code, body)
			assert.Equal(t, []hint{want}, hints, body)
		}
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for body, want := range map[string]int{
		"":                         400,
		"a=b":                      400,
		"[]":                       400,
		"{}":                       400,
		`{"type":7}`:               400,
		strings.Repeat(" ", 1<<17): 413,
	} {
		code, hints := post(&receiver{credentials: credentials{token: "s3cret"}}, body, "Authorization", "Bearer s3cret")
		assert.Equal(t, want, code)
		assert.Empty(t, hints)
	}
}

func TestNothingOfAPayloadIsLogged(t *testing.T) {
	var log bytes.Buffer
	rc := &receiver{credentials: credentials{token: "s3cret"}, logger: slog.New(slog.NewTextHandler(&log, nil))}
	for _, body := range []string{update, `{"type":"`, `{"payload":{"participantId":"canary"}}`, `{"type":"` + strings.Repeat("x", 1000) + `"}`} {
		post(rc, body, "Authorization", "Bearer s3cret")
	}
	assert.Contains(t, log.String(), "session:update")
	assert.NotContains(t, log.String(), "canary")
	assert.NotContains(t, log.String(), "s-1")
	assert.NotContains(t, log.String(), "s3cret")
	assert.Less(t, log.Len(), 1000)
}

func TestAReceiverThatIsBusyStillAnswers(t *testing.T) {
	rc := &receiver{credentials: credentials{token: "s3cret"}, hints: make(chan hint), logger: slog.New(slog.DiscardHandler)}
	r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(update))
	r.Header.Set("Authorization", "Bearer s3cret")
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, r)
	assert.Equal(t, http.StatusNoContent, w.Code)
}

// follower runs a calendar on a server in memory.
type follower struct {
	server *coviutest.Server
	client *coviu.Client
	hints  chan hint
	out    *lockedBuffer
}

// lockedBuffer is written by the calendar's goroutine.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

// take returns what was written, and forgets it.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func follow(t *testing.T, test func(t *testing.T, f *follower)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		f := &follower{server, server.Client(t), make(chan hint), new(lockedBuffer)}
		c := &calendar{client: f.client, out: f.out, logger: slog.New(slog.DiscardHandler), sessions: map[string]coviu.Session{}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); c.run(ctx, f.hints, 5*time.Minute) }()
		synctest.Wait()
		test(t, f)
		cancel()
		<-done
	})
}

// news returns what was printed since the last time.
func (f *follower) news() string {
	synctest.Wait()
	return f.out.take()
}

func (f *follower) book(t *testing.T) *coviu.Session {
	t.Helper()
	start := time.Now().Add(24 * time.Hour)
	session, err := f.client.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{
		StartTime: start, EndTime: start.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleGuest}, {Role: coviu.RoleHost}},
	})
	require.NoError(t, err)
	return session
}

func TestAHintFetchesTheSession(t *testing.T) {
	follow(t, func(t *testing.T, f *follower) {
		session := f.book(t)
		f.hints <- hint{sessionID: session.SessionID}
		assert.Regexp(t, `^booked +`+session.SessionID+` .* 1 hosts, 1 guests\n$`, f.news())
		f.hints <- hint{sessionID: session.SessionID}
		assert.Empty(t, f.news(), "the same event again is no news")

		_, err := f.client.Sessions.Update(t.Context(), session.SessionID, &coviu.SessionUpdateRequest{EndTime: new(session.EndTime.Add(time.Hour))})
		require.NoError(t, err)
		f.hints <- hint{sessionID: session.SessionID}
		assert.Regexp(t, `^moved +`+session.SessionID, f.news())

		_, err = f.client.Sessions.Delete(t.Context(), session.SessionID)
		require.NoError(t, err)
		f.hints <- hint{sessionID: session.SessionID, canceled: true}
		assert.Regexp(t, `^canceled +`+session.SessionID, f.news())
	})
}

func TestAnEventThatIsWrongChangesNothing(t *testing.T) {
	follow(t, func(t *testing.T, f *follower) {
		session := f.book(t)
		f.hints <- hint{sessionID: session.SessionID}
		f.news()
		for _, h := range []hint{{session.SessionID, true}, {"no-such-session", false}, {"../x", false}, {}} {
			f.hints <- h
			assert.Empty(t, f.news(), "the list still has it")
		}
	})
}

func TestLostEventsAreMadeUpFor(t *testing.T) {
	follow(t, func(t *testing.T, f *follower) {
		session := f.book(t)
		assert.Empty(t, f.news())
		<-time.After(5 * time.Minute)
		assert.Regexp(t, `^booked +`+session.SessionID, f.news())

		_, err := f.client.Sessions.Delete(t.Context(), session.SessionID)
		require.NoError(t, err)
		f.server.Fail("GET /sessions", coviutest.Unavailable().Always())
		<-time.After(5*time.Minute + time.Second)
		assert.Empty(t, f.news(), "a list that can't be read changes nothing")
		f.server.ClearFaults()
		<-time.After(5 * time.Minute)
		assert.Regexp(t, `^canceled +`+session.SessionID, f.news())
	})
}

func TestTheProgramReceivesEventsUntilItIsEnded(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	said, stderr := io.Pipe()
	done := make(chan error, 1)
	go func() {
		env := map[string]string{"WEBHOOK_USER": "coviu", "WEBHOOK_PASSWORD": "s3cret"}
		err := run(ctx, []string{"-addr", "127.0.0.1:0"}, io.Discard, stderr, func(name string) string { return env[name] })
		stderr.Close()
		done <- err
	}()
	var text []byte
	var address string
	for chunk := make([]byte, 4096); address == ""; {
		n, err := said.Read(chunk)
		require.NoError(t, err)
		text = append(text, chunk[:n]...)
		address = regexp.MustCompile(`http://\S+/events`).FindString(string(text))
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(update))
	require.NoError(t, err)
	req.SetBasicAuth("coviu", "s3cret")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusNoContent, resp.StatusCode)
	end()
	require.NoError(t, <-done)
}

func TestWrongSettingsAreExplained(t *testing.T) {
	for _, row := range []struct {
		want string
		args []string
		env  map[string]string
	}{
		{want: "-x; -h shows", args: []string{"-x"}},
		{want: `"now" is not understood; -h shows`, args: []string{"now"}},
		{want: "-every must be", args: []string{"-every", "0s"}},
		{want: "COVIU_API_KEY_SECRET is not set", env: map[string]string{"COVIU_API_KEY": "key"}},
		{want: "COVIU_API_KEY is not set", env: map[string]string{"COVIU_API_ENDPOINT": "https://coviu.example/v1"}},
		{want: "anybody could send", env: map[string]string{"COVIU_API_KEY": "key", "COVIU_API_KEY_SECRET": "secret"}},
		{want: "anybody could send", env: map[string]string{"WEBHOOK_USER": "coviu"}},
		{want: "set either", env: map[string]string{"WEBHOOK_USER": "coviu", "WEBHOOK_TOKEN": "token"}},
	} {
		err := run(t.Context(), row.args, io.Discard, io.Discard, func(name string) string { return row.env[name] })
		require.ErrorContains(t, err, row.want)
	}
	var help strings.Builder
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, nil, &help, nil), flag.ErrHelp)
	for _, name := range []string{"-addr", "-every", "WEBHOOK_TOKEN", "COVIU_API_KEY"} {
		assert.Contains(t, help.String(), name)
	}
}
