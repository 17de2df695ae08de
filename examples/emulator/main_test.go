package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// emulator is the program, running in this process.
type emulator struct {
	t       *testing.T
	base    string
	welcome string // all that it wrote to standard output
	log     *syncBuffer
	stop    func() error
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func start(t *testing.T, args ...string) *emulator {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, out := io.Pipe()
	log := new(syncBuffer)
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), out, log)
		out.CloseWithError(errors.Join(err, io.EOF))
		ended <- err
	}()
	welcome := make([]byte, 4096)
	n, err := stdout.Read(welcome)
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(welcome[:n]), "\n")
	e := &emulator{t: t, base: first, welcome: string(welcome[:n]), log: log}
	e.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { require.NoError(t, e.stop()) })
	return e
}

func (e *emulator) client(key, secret string) *coviu.Client {
	e.t.Helper()
	c, err := coviu.NewClient(key, secret, coviu.WithBaseURL(e.base))
	require.NoError(e.t, err)
	e.t.Cleanup(c.CloseIdleConnections)
	return c
}

func (e *emulator) get(url string) (int, string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, url, nil)
	require.NoError(e.t, err)
	reply, err := http.DefaultClient.Do(r)
	require.NoError(e.t, err)
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	require.NoError(e.t, err)
	return reply.StatusCode, html.UnescapeString(string(body))
}

func (e *emulator) home() string { return strings.TrimSuffix(e.base, "v1") }

func book(t *testing.T, c *coviu.Client) *coviu.Session {
	t.Helper()
	start := time.Now().Add(time.Hour)
	booked, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{
		SessionName: "<b>Consultation</b>", StartTime: start, EndTime: start.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{{DisplayName: "Dr & Co", Role: coviu.RoleHost, State: "staff-7"}},
	})
	require.NoError(t, err)
	return booked
}

func TestServesTheAPIUnderTheFirstLine(t *testing.T) {
	t.Parallel()
	e := start(t, "-key", "KEY", "-secret", "SECRET")
	assert.Regexp(t, `^http://127\.0\.0\.1:[1-9]\d*/v1$`, e.base)
	booked := book(t, e.client("KEY", "SECRET"))
	_, err := e.client("KEY", "WRONG").Sessions.List(t.Context(), nil)
	require.ErrorIs(t, err, coviu.ErrAuthentication)
	_, err = e.client("KEY", "SECRET").Sessions.Get(t.Context(), booked.SessionID, nil)
	require.NoError(t, err)
}

func TestLogsEveryRequestWithoutSecrets(t *testing.T) {
	t.Parallel()
	e := start(t, "-key", "KEY", "-secret", "canary-secret")
	c := e.client("KEY", "canary-secret")
	booked := book(t, c)
	link := booked.Participants[0].EntryURL
	e.get(link)
	e.get(e.home() + "?page=canary")
	_, err := c.Participants.Get(t.Context(), booked.Participants[0].ParticipantID)
	require.NoError(t, err)
	e.get(e.base + "/nowhere")
	require.NoError(t, e.stop()) // a request is logged once it is over
	lines := strings.Split(strings.TrimSpace(e.log.String()), "\n")
	wanted := []string{"POST /v1/auth/token 200", "POST /v1/sessions 200", "GET /session/… 403", "GET / 200", "GET /v1/participants/… 200", "GET /v1/nowhere 404"}
	require.Len(t, lines, len(wanted))
	for i, want := range wanted {
		assert.Regexp(t, `^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `+regexp.QuoteMeta(want)+` [\d.]+(µs|ms|s)$`, lines[i])
	}
	token, err := c.Token(t.Context())
	require.NoError(t, err)
	for _, secret := range []string{"canary", token.AccessToken, link[strings.LastIndex(link, "/")+1:]} {
		assert.NotContains(t, e.log.String(), secret)
	}
}

func TestTheHomePageListsTheSessions(t *testing.T) {
	t.Parallel()
	e := start(t)
	code, page := e.get(e.home())
	assert.Equal(t, 200, code)
	assert.Contains(t, page, "No session yet")
	assert.Contains(t, page, e.base)
	booked := book(t, e.client("demo-key", "demo-secret"))
	_, page = e.get(e.home())
	assert.Contains(t, page, `http-equiv="refresh"`)
	assert.Contains(t, page, "1 session at")
	assert.Contains(t, page, "upcoming")
	assert.Contains(t, page, "Enter as Dr & Co (host)")
	assert.Contains(t, page, "State <code>staff-7</code>")
	assert.Contains(t, page, `src="/refresh.js"`)
	assert.Contains(t, page, `id="enter-`+booked.Participants[0].ParticipantID+`"`)
	assert.Contains(t, page, `href="`+booked.Participants[0].EntryURL+`"`)
	_, page = e.get(e.home() + "?refresh=off")
	assert.NotContains(t, page, `http-equiv="refresh"`)
	assert.NotContains(t, page, "<script")
	assert.NotContains(t, page, "demo-secret")
	_, page = e.get(booked.Participants[0].EntryURL)
	assert.Contains(t, page, "State <code>staff-7</code>")
}

func TestNamesAreEscapedOnThePages(t *testing.T) {
	t.Parallel()
	e := start(t)
	book(t, e.client("demo-key", "demo-secret"))
	reply, err := http.Get(e.home())
	require.NoError(t, err)
	defer reply.Body.Close()
	raw, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "<b>Consultation")
	assert.Contains(t, reply.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.NotContains(t, reply.Header.Get("Content-Security-Policy"), "script-src 'unsafe")
	assert.Equal(t, "no-referrer", reply.Header.Get("Referrer-Policy"))
}

func TestEntryLinksTellWhoWouldEnterOrWhyNot(t *testing.T) {
	t.Parallel()
	e := start(t, "-seed", "seed.json")
	_, home := e.get(e.home())
	links := map[string]string{}
	for _, found := range regexp.MustCompile(`href="([^"]+/session/[^"]+)">Enter as ([^(]+) \(`).FindAllStringSubmatch(home, -1) {
		links[found[2]] = found[1]
	}
	for name, want := range map[string]struct {
		code int
		text string
	}{
		"Pat Morgan": {200, "Pat Morgan would enter the call now"},
		"Sam Lee":    {403, "Sam Lee can't enter yet"},
		"Alex Novak": {403, "Alex Novak can't enter: finished"},
		"Kim Park":   {403, "Kim Park can't enter: canceled"},
	} {
		require.Contains(t, links, name)
		code, page := e.get(links[name])
		assert.Equal(t, want.code, code, name)
		assert.Contains(t, page, want.text)
		assert.Equal(t, name == "Sam Lee", strings.Contains(page, `http-equiv="refresh"`), "only who waits is kept up to date")
	}
	code, page := e.get(e.home() + "session/nobody")
	assert.Equal(t, 404, code)
	assert.Contains(t, page, "Nobody has this link")

	c := e.client("demo-key", "demo-secret")
	booked := book(t, c)
	_, err := c.Participants.Delete(t.Context(), booked.Participants[0].ParticipantID)
	require.NoError(t, err)
	_, page = e.get(booked.Participants[0].EntryURL)
	assert.Contains(t, page, "Dr & Co can't enter: removed")
}

func TestFlagsChangeTheForms(t *testing.T) {
	t.Parallel()
	e := start(t, "-dates", "rfc1123", "-participants", "page", "-token-ttl", "90s", "-redirect", "https://app.example/back")
	c := e.client("demo-key", "demo-secret")
	booked := book(t, c)
	token, err := c.Token(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 90, time.Until(token.Expiry).Seconds(), 30)
	get := func(path string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.base+path, nil)
		require.NoError(t, err)
		token.SetAuthHeader(r)
		reply, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		require.NoError(t, err)
		return string(body)
	}
	assert.Contains(t, get("/sessions/"+booked.SessionID), booked.StartTime.Format(`"start_time":"Mon, 02 Jan 2006 15:04:05 GMT"`))
	assert.True(t, strings.HasPrefix(get("/sessions/"+booked.SessionID+"/participants"), `{"content":[{`))
}

func TestMistakesAreOneClearLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	file := func(text string) string {
		f, err := os.CreateTemp(dir, "seed-*.json")
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return f.Name()
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", taken.Addr().String()}, "-addr: "},
		{[]string{"-addr", "nonsense"}, "-addr: "},
		{[]string{"-key", "a:b"}, "-key: "},
		{[]string{"-key", ""}, "-key: "},
		{[]string{"-secret", ""}, "-secret: "},
		{[]string{"-dates", "julian"}, "-dates: "},
		{[]string{"-participants", "tree"}, "-participants: "},
		{[]string{"-key", "a\nb"}, "-key: "},
		{[]string{"-secret", "a\x1b[2J"}, "-secret: "},
		{[]string{"-end-time", "never"}, "-end-time: "},
		{[]string{"-refresh-tokens", "burn"}, "-refresh-tokens: "},
		{[]string{"-refresh-grace", "-1s"}, "-refresh-grace: "},
		{[]string{"-token-ttl", "1ms"}, "-token-ttl: "},
		{[]string{"-token-ttl", "soon"}, "-token-ttl"},
		{[]string{"-redirect", "back"}, "-redirect: "},
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"-nope"}, "-nope; -h lists the flags"},
		{[]string{"-seed", filepath.Join(dir, "absent.json")}, "no such file"},
		{[]string{"-seed", file("{}")}, "line 1: neither an array nor a page of sessions nor a session"},
		{[]string{"-seed", file("null")}, "line 1: neither an array"},
		{[]string{"-seed", file("{\"content\": [\n{\"start_time\": \"tomorrow\"}]}")}, `"tomorrow" is neither a date nor relative to now`},
		{[]string{"-seed", file(`{"content": []} x`)}, "line 1: something follows"},
		{[]string{"-seed", file("[{\n\"session_name\": }]")}, "line 2: "},
		{[]string{"-seed", file("[\n{\"session_nam\": \"x\"}]")}, `line 2: json: unknown field "session_nam"`},
		{[]string{"-seed", file(`[{"start_time": "tomorrow"}]`)}, `"tomorrow" is neither a date nor relative to now`},
		{[]string{"-seed", file(`[{"start_time": 5}]`)}, "a time is no string"},
		{[]string{"-seed", file(`[] []`)}, "something follows"},
		{[]string{"-seed", file(`[{"start_time": "+2h", "end_time": "+1h"}]`)}, "session 0: end_time: not after start_time"},
		{[]string{"-seed", file(`[{"session_id": "a"}, {"session_id": "a"}]`)}, "session 1: session_id: taken"},
	} {
		var out bytes.Buffer
		args := append([]string{"-addr", "127.0.0.1:0"}, row.args...)
		err := run(t.Context(), args, &out, io.Discard)
		require.Error(t, err, "%q", row.args)
		assert.Contains(t, err.Error(), row.want)
		assert.NotContains(t, err.Error(), "\n")
		assert.Empty(t, out.String())
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, io.Discard, &help), flag.ErrHelp)
	for _, name := range []string{
		"addr", "key", "secret", "dates", "participants", "end-time", "strict", "token-ttl", "refresh-tokens", "refresh-grace",
		"seed", "redirect", "control",
	} {
		assert.Regexp(t, "(?m)^  -"+name+"( |$)", help.String())
	}
}

func TestTheScriptIsServed(t *testing.T) {
	t.Parallel()
	e := start(t)
	reply, err := http.Get(e.home() + "refresh.js")
	require.NoError(t, err)
	defer reply.Body.Close()
	assert.Equal(t, 200, reply.StatusCode)
	assert.Contains(t, reply.Header.Get("Content-Type"), "javascript")
}
