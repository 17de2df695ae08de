package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// asProgram makes the test binary be the program, so that its exit code can be
// seen.
const asProgram = "QUICKSTART_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func environment(server *coviutest.Server) map[string]string {
	return map[string]string{
		"COVIU_API_KEY":        server.APIKey,
		"COVIU_API_KEY_SECRET": server.KeySecret,
		"COVIU_API_ENDPOINT":   server.URL,
	}
}

func lookUp(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func newServer(t *testing.T) *coviutest.Server {
	t.Helper()
	server := coviutest.NewServer()
	t.Cleanup(server.Close)
	return server
}

func TestWithoutAKeyItStartsAServerAndSaysSo(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, lookUp(nil)))

	told := out.String()
	assert.Contains(t, told, "started an embedded server at http://127.0.0.1:")
	assert.Regexp(t, `HOST +Dr\. Ada Nwosu +http://\S+/session/\S+`, told)
	assert.Regexp(t, `GUEST +Ben Okafor +http://\S+/session/\S+`, told)
	assert.Regexp(t, `page 1 +09:00 \S+ +Check-up`, told)
	assert.Regexp(t, `page 1 +11:00 \S+ +Quickstart consultation`, told)
	assert.Regexp(t, `page 3 +16:00 \S+ +Team meeting`, told)
	assert.Contains(t, told, "401 Unauthorized")
}

func TestWithAKeyItTalksToTheEndpoint(t *testing.T) {
	server := newServer(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, lookUp(environment(server))))

	assert.NotContains(t, out.String(), "embedded")
	assert.NotContains(t, out.String(), server.KeySecret)
	sessions := server.Sessions()
	require.Len(t, sessions, 1)
	session := sessions[0]
	assert.NotNil(t, session.CanceledTime)
	assert.WithinDuration(t, tomorrowAtTen().Add(time.Hour), session.StartTime, 0)
	assert.WithinDuration(t, tomorrowAtTen().Add(90*time.Minute), session.EndTime, 0)
	require.Len(t, session.Participants, 3)
	assert.Equal(t, coviu.RoleHost, session.Participants[0].Role)
	assert.Equal(t, coviu.RoleGuest, session.Participants[1].Role)
	assert.NotNil(t, session.Participants[2].DeletedAt)
	for _, participant := range session.Participants[:2] {
		assert.Contains(t, out.String(), participant.EntryURL)
	}
}

func TestHalfAConfigurationIsAnError(t *testing.T) {
	for missing, env := range map[string]map[string]string{
		"COVIU_API_KEY_SECRET": {"COVIU_API_KEY": "key"},
		"COVIU_API_KEY ":       {"COVIU_API_ENDPOINT": "https://coviu.example/v1"},
		"base URL":             {"COVIU_API_KEY": "key", "COVIU_API_KEY_SECRET": "secret", "COVIU_API_ENDPOINT": "http://coviu.example"},
	} {
		t.Run(missing, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), io.Discard, lookUp(env)), missing)
		})
	}
}

func TestAFailureHalfWayCancelsTheSession(t *testing.T) {
	server := newServer(t)
	server.Fail("PUT /sessions/{session_id}", coviutest.Status(http.StatusForbidden, nil, `{}`))

	err := run(t.Context(), io.Discard, lookUp(environment(server)))

	require.ErrorIs(t, err, coviu.ErrForbidden)
	require.ErrorContains(t, err, "the session was canceled")
	sessions := server.Sessions()
	require.Len(t, sessions, 1)
	assert.NotNil(t, sessions[0].CanceledTime)
}

func TestAFailureHalfWayThatCantBeMendedSaysSo(t *testing.T) {
	server := newServer(t)
	server.Fail(coviutest.AnyOperation, coviutest.Status(http.StatusForbidden, nil, `{}`).After(2).Always())

	err := run(t.Context(), io.Discard, lookUp(environment(server)))

	require.ErrorIs(t, err, coviu.ErrForbidden)
	require.ErrorContains(t, err, "could not be canceled")
}

func TestAnInterruptCancelsTheSessionToo(t *testing.T) {
	server := newServer(t)
	ctx, interrupt := context.WithCancel(t.Context())
	server.Fail("PUT /sessions/{session_id}", coviutest.Rewrite(func(*coviutest.Reply) { interrupt() }))

	err := run(ctx, io.Discard, lookUp(environment(server)))

	require.ErrorIs(t, err, context.Canceled)
	assert.NotNil(t, server.Sessions()[0].CanceledTime)
}

func TestAnInterruptHasAnExitCodeOfItsOwn(t *testing.T) {
	server := newServer(t)
	booked := make(chan struct{})
	server.Fail("POST /sessions", coviutest.Rewrite(func(*coviutest.Reply) { close(booked) }))
	server.Fail("PUT /sessions/{session_id}", coviutest.Hang())
	cmd := program(t, environment(server))
	require.NoError(t, cmd.Start())
	<-booked

	require.NoError(t, cmd.Process.Signal(os.Interrupt))

	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	require.True(t, ok)
	assert.Equal(t, 130, exit.ExitCode())
}

func TestTheProgramFailsWithOneLineAndAnExitCode(t *testing.T) {
	server := newServer(t)
	server.Fail("POST /sessions", coviutest.Status(http.StatusBadRequest, nil, `{"error":{"message":"not today"}}`))
	cmd := program(t, environment(server))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr

	err := cmd.Run()

	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "got %v", err)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Equal(t, "quickstart: coviu: POST /sessions: 400 Bad Request: \"not today\"\n", stderr.String())
}

func TestTheProgramSucceedsAndExplainsItself(t *testing.T) {
	require.NoError(t, program(t, environment(newServer(t))).Run())

	help, err := program(t, nil, "-h").CombinedOutput()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(help), "Usage: "))
}

func TestWrongArgumentsAreExplained(t *testing.T) {
	for want, arg := range map[string]string{
		"quickstart: flag provided but not defined: -x; -h shows how to use this program\n": "-x",
		"quickstart: \"now\" is not understood; -h shows how to use this program\n":         "now",
	} {
		out, err := program(t, nil, arg).CombinedOutput()
		exit, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok, "got %v", err)
		assert.Equal(t, 1, exit.ExitCode())
		assert.Equal(t, want, string(out))
	}
}

func program(t *testing.T, env map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}
