package main

import (
	"context"
	"encoding/base64"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// TestMain lets this program take the place of curl: not every machine that runs
// the tests has one.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "curl" {
		if err := curl(os.Args[1:]); err != nil {
			io.WriteString(os.Stderr, err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// curl knows the options that the emulator prints.
func curl(args []string) error {
	flags := flag.NewFlagSet("curl", flag.ContinueOnError)
	flags.Bool("s", false, "")
	user, header, data := flags.String("u", "", ""), flags.String("H", "", ""), flags.String("d", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	method := http.MethodGet
	if *data != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(context.Background(), method, flags.Arg(0), strings.NewReader(*data))
	if err != nil {
		return err
	}
	if *user != "" {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(*user)))
	}
	if name, value, ok := strings.Cut(*header, ": "); ok {
		r.Header.Set(name, value)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	_, err = io.Copy(os.Stdout, reply.Body)
	return err
}

func TestPrintsCredentialsAndACurlThatWorks(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ key, secret string }{
		"the default ones": {"demo-key", "demo-secret"},
		"hard ones":        {"it's", `s+e/c=r%t&#@:x "$HOME" \n ` + "`id`'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, "-key", row.key, "-secret", row.secret)
			assert.Contains(t, e.welcome, "API key  "+row.key+"\n")
			assert.Contains(t, e.welcome, "Secret   "+row.secret+"\n")
			assert.Contains(t, e.welcome, "Pages    "+e.home()+"\n")
			_, command, found := strings.Cut(e.welcome, "\n\ncurl ")
			require.True(t, found)
			booked := book(t, e.client(row.key, row.secret))

			bin := t.TempDir()
			self, err := os.Executable()
			require.NoError(t, err)
			require.NoError(t, os.Symlink(self, filepath.Join(bin, "curl")))
			shell := exec.CommandContext(t.Context(), "sh", "-c", "curl "+command)
			shell.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := shell.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Contains(t, string(out), `{"content":[{"session_id":"`+booked.SessionID+`"`)
		})
	}
}

func TestFlagsChangeTheRules(t *testing.T) {
	t.Parallel()
	e := start(t, "-strict", "-end-time", "end", "-refresh-tokens", "detect", "-refresh-grace", "1h", "-seed", "seed.json")
	c := e.client("demo-key", "demo-secret")
	_, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{StartTime: time.Now().Add(time.Hour), EndTime: time.Now().Add(2 * time.Hour)})
	require.ErrorIs(t, err, coviu.ErrBadRequest)
	page, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{EndTime: time.Now()})
	require.NoError(t, err)
	require.Len(t, page.Content, 1, "the one that has ended")
	assert.Equal(t, "Physiotherapy", page.Content[0].SessionName)
}

func TestRefreshTokensFollowTheirFlag(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args        []string
		second      int // status of a second use of the refresh token
		afterwards  int // status of a call with the newest access token
		bringsToken bool
	}{
		"rotate":            {nil, 400, 200, true},
		"rotate with grace": {[]string{"-refresh-grace", "1h"}, 200, 200, true},
		"keep":              {[]string{"-refresh-tokens", "keep"}, 200, 200, false},
		"detect":            {[]string{"-refresh-tokens", "detect"}, 400, 401, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, row.args...)
			_, granted := e.token("grant_type=client_credentials")
			body := "grant_type=refresh_token&refresh_token=" + granted["refresh_token"].(string)
			status, renewed := e.token(body)
			require.Equal(t, 200, status)
			assert.Equal(t, row.bringsToken, renewed["refresh_token"] != nil)
			status, _ = e.token(body)
			assert.Equal(t, row.second, status)
			status, _ = e.ask("GET", e.base+"/sessions", "", "Authorization", "Bearer "+renewed["access_token"].(string))
			assert.Equal(t, row.afterwards, status)
		})
	}
}
