package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// asProgram makes the test binary be the program.
const asProgram = "ONBEHALF_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{asProgram + "=1", "TMPDIR=" + t.TempDir()}
	return cmd
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestTheProgramServesThePageUntilItIsInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		signal os.Signal
		kept   int
	}{
		"a database of its own": {nil, os.Interrupt, 0},
		"a file":                {[]string{"-db", "kept.db"}, syscall.SIGTERM, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(t, append([]string{"-addr", "127.0.0.1:0"}, c.args...)...)
			temp := strings.TrimPrefix(cmd.Env[1], "TMPDIR=")
			stderr, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			address := ""
			said := make([]byte, 4096)
			for n := 0; address == ""; {
				got, err := stderr.Read(said[n:])
				require.NoError(t, err)
				n += got
				address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(string(said[:n]))
			}

			_, page := get(t, address)
			assert.Contains(t, page, "Connect your Coviu account")

			require.NoError(t, cmd.Process.Signal(c.signal))
			_, err = io.Copy(io.Discard, stderr)
			require.NoError(t, err)
			require.NoError(t, cmd.Wait())
			left, err := os.ReadDir(temp)
			require.NoError(t, err)
			assert.Empty(t, left, "the tokens of a server that has ended are worth nothing")
			kept, err := filepath.Glob(filepath.Join(cmd.Dir, "*.db"))
			require.NoError(t, err)
			assert.Len(t, kept, c.kept)
		})
	}
}

func TestEntryLinksOfTheOwnServerLeadToPages(t *testing.T) {
	server := startEmulator("http://127.0.0.1:1/callback")
	defer server.Close()
	start := time.Now().Add(time.Hour)
	booked, err := server.Client(t).Sessions.Create(t.Context(), &coviu.SessionCreationRequest{
		SessionName: "Check-up", StartTime: start, EndTime: start.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{{DisplayName: "Dr. Ada", Role: coviu.RoleHost}},
	})
	require.NoError(t, err)
	link := booked.WithRole(coviu.RoleHost)[0].EntryURL
	status, page := get(t, link)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Contains(t, page, "Dr. Ada can&#39;t enter yet")
	server.Advance(time.Hour)
	status, page = get(t, link)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "Dr. Ada would enter the call now")
	_, page = get(t, server.URL+"/auth/authorize?response_type=code&client_id="+server.APIKey)
	assert.Contains(t, page, "Dr. Ben Okafor")
}

func TestWrongSettingsAreExplained(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for want, c := range map[string]struct {
		args []string
		env  map[string]string
	}{
		"-consent-url is missing":               {nil, map[string]string{"COVIU_API_KEY": "key", "COVIU_API_KEY_SECRET": "secret"}},
		"COVIU_API_KEY_SECRET is not set":       {nil, map[string]string{"COVIU_API_KEY": "key"}},
		"COVIU_API_KEY is not set":              {nil, map[string]string{"COVIU_API_ENDPOINT": "https://coviu.example/v1"}},
		"consent page's URL is not":             {[]string{"-consent-url", "authorize"}, nil},
		`"now" is not understood; -h shows`:     {[]string{"now"}, nil},
		"not defined: -x; -h shows":             {[]string{"-x"}, nil},
		"-url is not such as":                   {[]string{"-url", "calls.example"}, nil},
		"unknown time zone Nowhere; -h shows":   {[]string{"-zone", "Nowhere"}, nil},
		"-addr: listen":                         {[]string{"-addr", taken.Addr().String()}, nil},
		"-db: open":                             {[]string{"-db", filepath.Join(t.TempDir(), "absent", "x.db")}, nil},
		"ONBEHALF_TOKEN_KEY has to be 64 hex d": {nil, map[string]string{"ONBEHALF_TOKEN_KEY": "canary"}},
	} {
		t.Run(want, func(t *testing.T) {
			// A server that starts in spite of it ends.
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			args := append([]string{"-addr", "127.0.0.1:0"}, c.args...)
			err := run(ctx, args, io.Discard, func(name string) string { return c.env[name] })
			require.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestTheProgramFailsWithOneLineAndAnExitCode(t *testing.T) {
	out, err := program(t, "-when", "now").CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "got %v", err)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Equal(t, "onbehalf: flag provided but not defined: -when; -h shows how to use this program\n", string(out))
}

func TestHelpShowsEveryFlag(t *testing.T) {
	var help bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, &help, nil), flag.ErrHelp)
	for _, name := range []string{"-addr", "-url", "-db", "-zone", "-consent-url", "COVIU_API_KEY", "ONBEHALF_TOKEN_KEY"} {
		assert.Contains(t, help.String(), name)
	}
}
