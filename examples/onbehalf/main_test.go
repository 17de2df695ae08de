package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

func TestTheProgramServesThePageUntilItIsInterrupted(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-addr", "127.0.0.1:0", "-grants", filepath.Join(t.TempDir(), "grants"))
	cmd.Env = []string{asProgram + "=1"}
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

	resp, err := http.Get(address)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Contains(t, string(body), "Connect your Coviu account")

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_, err = io.Copy(io.Discard, stderr)
	require.NoError(t, err)
	assert.NoError(t, cmd.Wait())
}

func TestWrongSettingsAreExplained(t *testing.T) {
	for want, c := range map[string]struct {
		args []string
		env  map[string]string
	}{
		"-consent-url is missing":         {nil, map[string]string{"COVIU_API_KEY": "key", "COVIU_API_KEY_SECRET": "secret"}},
		"COVIU_API_KEY_SECRET is not set": {nil, map[string]string{"COVIU_API_KEY": "key"}},
		"COVIU_API_KEY is not set":        {nil, map[string]string{"COVIU_API_ENDPOINT": "https://coviu.example/v1"}},
		"consent page's URL is not":       {[]string{"-consent-url", "authorize"}, nil},
		`"now" is not understood`:         {[]string{"now"}, nil},
		"not defined: -x; -h shows":       {[]string{"-x"}, nil},
	} {
		t.Run(want, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // a server that starts in spite of it ends at once
			args := append([]string{"-addr", "127.0.0.1:0", "-grants", t.TempDir()}, c.args...)
			err := run(ctx, args, io.Discard, func(name string) string { return c.env[name] })
			require.ErrorContains(t, err, want)
		})
	}
}

func TestHelpShowsEveryFlag(t *testing.T) {
	var help bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, &help, nil), flag.ErrHelp)
	for _, name := range []string{"-addr", "-grants", "-consent-url", "COVIU_API_KEY"} {
		assert.Contains(t, help.String(), name)
	}
}
