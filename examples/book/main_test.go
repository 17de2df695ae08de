package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// asProgram makes the test binary be the program, so that its exit code can be
// seen.
const asProgram = "BOOK_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func newServer(t *testing.T) *coviutest.Server {
	t.Helper()
	server := coviutest.NewServer()
	t.Cleanup(server.Close)
	return server
}

func environment(server *coviutest.Server) func(string) string {
	return func(name string) string {
		return map[string]string{
			"COVIU_API_KEY":        server.APIKey,
			"COVIU_API_KEY_SECRET": server.KeySecret,
			"COVIU_API_ENDPOINT":   server.URL,
		}[name]
	}
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour).Truncate(time.Minute) }

func appointment(more ...string) []string {
	return append([]string{
		"-id", "appointment-4711",
		"-start", tomorrow().Format(time.RFC3339),
		"-host", "Dr. Ada Nwosu",
		"-guest", "Ben Okafor",
		"-guest", "Ines Duarte",
	}, more...)
}

func book(t *testing.T, server *coviutest.Server, args []string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), args, &out, io.Discard, environment(server))
	return out.String(), err
}

func TestItBooksAndPrintsTheLinks(t *testing.T) {
	server := newServer(t)
	out, err := book(t, server, appointment("-name", "Check-up", "-duration", "45m"))
	require.NoError(t, err)

	sessions := server.Sessions()
	require.Len(t, sessions, 1)
	session := sessions[0]
	assert.Equal(t, "Check-up", session.SessionName)
	assert.True(t, session.StartTime.Equal(tomorrow()))
	assert.Equal(t, 45*time.Minute, session.EndTime.Sub(session.StartTime))
	require.Len(t, session.Participants, 3)
	for _, participant := range session.Participants {
		assert.Contains(t, out, tomorrow().Local().Format(zoned))
		assert.Regexp(t, string(participant.Role)+` +`+participant.DisplayName+` +`+participant.EntryURL, out)
	}
}

func TestRunTwiceItBooksOnceAndPrintsTheSame(t *testing.T) {
	server := newServer(t)
	first, err := book(t, server, appointment("-json"))
	require.NoError(t, err)
	second, err := book(t, server, appointment("-json"))
	require.NoError(t, err)

	assert.Equal(t, first, second)
	assert.Equal(t, 1, server.Count("POST /sessions"))
	var got booking
	require.NoError(t, json.Unmarshal([]byte(first), &got))
	assert.Equal(t, server.Sessions()[0].SessionID, got.SessionID)
	assert.Equal(t, "appointment-4711", got.ID)
	require.Len(t, got.Participants, 3)
	assert.Equal(t, coviu.RoleHost, got.Participants[0].Role)
	assert.Equal(t, server.Sessions()[0].Participants[2].EntryURL, got.Participants[2].EntryURL)
}

func TestSomebodyWhoWasRemovedGetsNoLink(t *testing.T) {
	server := newServer(t)
	_, err := book(t, server, appointment())
	require.NoError(t, err)
	ines := server.Sessions()[0].Participants[2]
	_, err = server.Client(t).Participants.Delete(t.Context(), ines.ParticipantID)
	require.NoError(t, err)

	out, err := book(t, server, appointment())

	require.NoError(t, err)
	assert.Contains(t, out, "Ben Okafor")
	assert.NotContains(t, out, ines.EntryURL)
}

func TestItTellsWhetherTheCallWasThere(t *testing.T) {
	server := newServer(t)
	for _, want := range []string{"book: the call is booked;", "book: the call was booked before; nothing new was booked"} {
		var said bytes.Buffer
		require.NoError(t, run(t.Context(), appointment(), io.Discard, &said, environment(server)))
		assert.Contains(t, said.String(), want)
	}
	assert.Len(t, server.Sessions(), 1)
}

func TestALostReplyBooksOnce(t *testing.T) {
	server := newServer(t)
	server.Fail("POST /sessions", coviutest.LoseReply())

	out, err := book(t, server, appointment())

	require.NoError(t, err)
	assert.Len(t, server.Sessions(), 1)
	assert.Contains(t, out, server.Sessions()[0].Participants[0].EntryURL)
}

func TestWhatCantBeBookedIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*testing.T, *coviutest.Server)
		want    error
		advice  string
	}{
		"other times": {func(t *testing.T, server *coviutest.Server) {
			t.Helper()
			_, err := book(t, server, appointment("-duration", "2h"))
			require.NoError(t, err)
		}, coviu.ErrKeyConflict, "has other times: " + tomorrow().Local().Format(zoned)},
		"other people": {func(t *testing.T, server *coviutest.Server) {
			t.Helper()
			_, err := book(t, server, []string{"-id", "appointment-4711", "-start", tomorrow().Format(time.RFC3339), "-host", "Dr. Eve Sand"})
			require.NoError(t, err)
		}, coviu.ErrKeyConflict, "this -id lacks host Dr. Ada Nwosu, guest Ben Okafor, guest Ines Duarte; nothing"},
		"other times and people": {func(t *testing.T, server *coviutest.Server) {
			t.Helper()
			_, err := book(t, server, []string{"-id", "appointment-4711", "-start", "2100-03-02T15:00:00Z", "-host", "Dr. Eve Sand"})
			require.NoError(t, err)
		}, coviu.ErrKeyConflict, ", and lacks host Dr. Ada Nwosu, guest Ben"},
		"canceled": {func(t *testing.T, server *coviutest.Server) {
			t.Helper()
			_, err := book(t, server, appointment())
			require.NoError(t, err)
			_, err = server.Client(t).Sessions.Delete(t.Context(), server.Sessions()[0].SessionID)
			require.NoError(t, err)
		}, coviu.ErrPreviouslyCanceled, "another -id"},
		"wrong secret": {func(_ *testing.T, server *coviutest.Server) {
			server.Fail("POST /auth/token", coviutest.Status(http.StatusUnauthorized, nil, `{"error":"invalid_client"}`).Always())
		}, coviu.ErrAuthentication, "check COVIU_API_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			c.prepare(t, server)
			before := len(server.Sessions())

			out, err := book(t, server, appointment())

			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.advice)
			assert.Empty(t, out)
			assert.Len(t, server.Sessions(), before)
		})
	}
}

func TestWrongFlagsAreExplained(t *testing.T) {
	for want, args := range map[string][]string{
		"-id is missing":        {"-start", "2026-03-02T15:00", "-host", "Ada"},
		"-start is missing":     {"-id", "a", "-host", "Ada"},
		"-host is missing":      {"-id", "a", "-start", "2026-03-02T15:00"},
		"want a time such as":   {"-id", "a", "-start", "tomorrow", "-host", "Ada"},
		"the name is empty":     {"-id", "a", "-start", "2026-03-02T15:00", "-host", " "},
		"longer than nothing":   appointment("-duration", "0s"),
		`"x" is not understood`: appointment("x"),
	} {
		t.Run(want, func(t *testing.T) {
			err := run(t.Context(), args, io.Discard, io.Discard, environment(newServer(t)))
			require.ErrorContains(t, err, want)
		})
	}
}

func TestHelpShowsEveryFlag(t *testing.T) {
	var help bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, io.Discard, &help, nil), flag.ErrHelp)
	for _, name := range []string{"-id", "-host", "-guest", "-start", "-duration", "-name", "-json", "COVIU_API_KEY"} {
		assert.Contains(t, help.String(), name)
	}
}

func TestTheProgramRunsWithoutAKey(t *testing.T) {
	cmd := program(t, appointment()...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Contains(t, string(out), "HOST")
	assert.Contains(t, stderr.String(), "COVIU_API_KEY is not set")
}

func TestTheProgramFailsWithOneLineAndAnExitCode(t *testing.T) {
	for want, args := range map[string][]string{
		"book: -id is missing; -h shows how to use this program\n":                                        {"-host", "Ada"},
		"book: flag provided but not defined: -when; -h shows how to use this program\n":                  {"-when", "now"},
		"book: invalid value \" \" for flag -host: the name is empty; -h shows how to use this program\n": {"-host", " "},
	} {
		out, err := program(t, args...).CombinedOutput()
		exit, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok, "got %v", err)
		assert.Equal(t, 1, exit.ExitCode())
		assert.Equal(t, want, string(out))
	}
}

func TestAnInterruptHasAnExitCodeOfItsOwn(t *testing.T) {
	server := newServer(t)
	arrived := make(chan struct{})
	server.Fail("GET /sessions", coviutest.Rewrite(func(*coviutest.Reply) {
		close(arrived)
		<-t.Context().Done() // the reply never comes
	}))
	t.Cleanup(server.Close)
	cmd := program(t, appointment()...)
	cmd.Env = append(cmd.Env, "COVIU_API_KEY="+server.APIKey, "COVIU_API_KEY_SECRET="+server.KeySecret, "COVIU_API_ENDPOINT="+server.URL)
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	<-arrived

	require.NoError(t, cmd.Process.Signal(os.Interrupt))

	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	require.True(t, ok)
	assert.Equal(t, 130, exit.ExitCode())
	assert.Contains(t, said.String(), "run the same command again")
}

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH")}
	return cmd
}
