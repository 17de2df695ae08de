package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
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
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// asProgram makes the test binary be the program, so that its exit code can be
// seen.
const asProgram = "EXPORT_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

var march = time.Date(2026, time.March, 1, 8, 0, 0, 0, time.UTC)

// newServer has n sessions of March, three at a time, and one of February.
func newServer(t *testing.T, n int) *coviutest.Server {
	t.Helper()
	server := coviutest.NewServer(coviutest.WithClock(func() time.Time { return march.AddDate(0, 0, -10) }))
	t.Cleanup(server.Close)
	sessions := []coviu.Session{session("february", march.AddDate(0, 0, -7))}
	for i := range n {
		sessions = append(sessions, session(fmt.Sprintf("s-%02d", i), march.Add(time.Duration(i/3)*time.Hour)))
	}
	_, err := server.Seed(sessions...)
	require.NoError(t, err)
	return server
}

func session(id string, start time.Time) coviu.Session {
	return coviu.Session{
		SessionID:   id,
		SessionName: "Consultation " + id,
		StartTime:   start,
		EndTime:     start.Add(30 * time.Minute),
		Participants: []coviu.Participant{
			{DisplayName: "Dr. Ada", Role: coviu.RoleHost},
			{DisplayName: "=Ben", Role: coviu.RoleGuest},
			{DisplayName: "Ines", Role: coviu.RoleGuest},
		},
	}
}

func credentials(server *coviutest.Server) map[string]string {
	return map[string]string{
		"COVIU_API_KEY":        server.APIKey,
		"COVIU_API_KEY_SECRET": server.KeySecret,
		"COVIU_API_ENDPOINT":   server.URL,
	}
}

func environment(server *coviutest.Server) func(string) string {
	env := credentials(server)
	return func(name string) string { return env[name] }
}

func ofMarch(more ...string) []string {
	return append([]string{"-from", "2026-03-01T00:00:00Z", "-to", "2026-03-31T23:59:59Z", "-page-size", "4"}, more...)
}

func runExport(ctx context.Context, server *coviutest.Server, args []string) (stdout string, err error) {
	var out bytes.Buffer
	err = run(ctx, args, console{stdout: &out, stderr: io.Discard}, environment(server))
	return out.String(), err
}

// idsOf are the ids of a CSV export, in its order.
func idsOf(t *testing.T, text string) []string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "session_id", records[0][0])
	var ids []string
	for _, record := range records[1:] {
		ids = append(ids, record[0])
	}
	return ids
}

func wantIDs(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("s-%02d", i))
	}
	return ids
}

func contents(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func TestCSVHasTheSessionsOfThePeriod(t *testing.T) {
	out, err := runExport(t.Context(), newServer(t, 10), ofMarch())
	require.NoError(t, err)

	assert.ElementsMatch(t, wantIDs(10), idsOf(t, out))
	assert.Contains(t, out, "session_id,session_name,start_time,end_time,canceled_time,hosts,guests\n")
	assert.Contains(t, out, "s-00,Consultation s-00,2026-03-01T08:00:00Z,2026-03-01T08:30:00Z,,Dr. Ada,'=Ben; Ines\n")
	assert.NotContains(t, out, "/session/")
}

func TestNDJSONHasWholeSessions(t *testing.T) {
	server := newServer(t, 10)
	out, err := runExport(t.Context(), server, ofMarch("-format", "ndjson"))
	require.NoError(t, err)

	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 10)
	for _, line := range lines {
		var got coviu.Session
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		want, ok := server.Session(got.SessionID)
		require.True(t, ok)
		for i := range want.Participants {
			want.Participants[i].EntryURL = ""
		}
		assert.Equal(t, want, got)
	}
}

func TestLinksAreThereOnlyIfAskedFor(t *testing.T) {
	server := newServer(t, 1)
	link := server.Sessions()[1].Participants[0].EntryURL
	for _, format := range []string{"csv", "ndjson"} {
		without, err := runExport(t.Context(), server, ofMarch("-format", format))
		require.NoError(t, err)
		assert.NotContains(t, without, link)
		with, err := runExport(t.Context(), server, ofMarch("-format", format, "-links"))
		require.NoError(t, err)
		assert.Contains(t, with, link)
	}
}

func TestCanceledSessionsAreThereOnlyIfAskedFor(t *testing.T) {
	server := newServer(t, 3)
	_, err := server.Client(t).Sessions.Delete(t.Context(), "s-01")
	require.NoError(t, err)

	out, err := runExport(t.Context(), server, ofMarch())
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"s-00", "s-02"}, idsOf(t, out))

	out, err = runExport(t.Context(), server, ofMarch("-canceled"))
	require.NoError(t, err)
	assert.ElementsMatch(t, wantIDs(3), idsOf(t, out))
	assert.Contains(t, out, march.AddDate(0, 0, -10).Format(time.RFC3339))
}

// exportUntil starts an export into a new file that fails after a number of
// pages.
func exportUntil(t *testing.T, server *coviutest.Server, pages int, name string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), name)
	server.Fail("GET /sessions", coviutest.Status(http.StatusForbidden, nil, `{}`).After(pages).Always())
	// Without prefetch, the requests come in the order of the pages.
	_, err := runExport(t.Context(), server, ofMarch("-o", file, "-prefetch", "0"))
	require.ErrorIs(t, err, coviu.ErrForbidden)
	require.ErrorContains(t, err, "go on with: -resume "+file+".resume")
	server.ClearFaults()
	return file
}

func TestAfterAFailureItGoesOnWhereItStopped(t *testing.T) {
	for pages := range 4 {
		t.Run(fmt.Sprintf("after %d pages", pages), func(t *testing.T) {
			server := newServer(t, 20)
			file := exportUntil(t, server, pages, "march.csv")
			assert.Len(t, idsOf(t, contents(t, file)), pages*4)

			_, err := runExport(t.Context(), server, []string{"-resume", file + ".resume"})

			require.NoError(t, err)
			whole, err := runExport(t.Context(), server, ofMarch())
			require.NoError(t, err)
			assert.Equal(t, whole, contents(t, file))
			assert.NoFileExists(t, file+".resume")
		})
	}
}

func TestWhatChangesBetweenTwoRunsIsNotMissed(t *testing.T) {
	server := newServer(t, 20)
	file := exportUntil(t, server, 2, "march.ndjson")
	for _, id := range []string{"s-00", "s-01", "s-02", "s-03"} {
		_, err := server.Client(t).Sessions.Delete(t.Context(), id)
		require.NoError(t, err)
	}
	_, err := server.Seed(session("new", march.Add(90*time.Hour)))
	require.NoError(t, err)

	_, err = runExport(t.Context(), server, []string{"-resume", file + ".resume"})

	require.NoError(t, err)
	text := contents(t, file)
	for _, id := range append(wantIDs(20), "new") {
		assert.Equal(t, 1, strings.Count(text, `"session_name":"Consultation `+id+`"`), id)
	}
}

func TestAfterACrashTheHalfWrittenPageIsCutOff(t *testing.T) {
	server := newServer(t, 20)
	file := exportUntil(t, server, 2, "march.csv")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("s-08,Consultation s-08,2026-")
	require.NoError(t, errors.Join(err, f.Close()))

	_, err = runExport(t.Context(), server, []string{"-resume", file + ".resume"})

	require.NoError(t, err)
	assert.ElementsMatch(t, wantIDs(20), idsOf(t, contents(t, file)))
}

func TestOutputThatCantBeAppendedToIsExplained(t *testing.T) {
	for want, spoil := range map[string]func(file string) error{
		"no such file":                         os.Remove,
		"shorter than the earlier run left it": func(file string) error { return os.Truncate(file, 1) },
	} {
		t.Run(want, func(t *testing.T) {
			server := newServer(t, 20)
			file := exportUntil(t, server, 2, "march.csv")
			require.NoError(t, spoil(file))
			_, err := runExport(t.Context(), server, []string{"-resume", file + ".resume"})
			require.ErrorContains(t, err, "can't append to the output of the earlier run")
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "delete "+file+".resume and start again")
			assert.FileExists(t, file+".resume")
		})
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAFullDiskIsToldOnce(t *testing.T) {
	for _, format := range []string{"csv", "ndjson"} {
		server := newServer(t, 20)
		err := run(t.Context(), ofMarch("-format", format), console{fullDisk{}, io.Discard, false}, func(name string) string { return credentials(server)[name] })
		require.ErrorContains(t, err, "no space left")
		assert.Equal(t, 1, strings.Count(err.Error(), "no space left"), format)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestAnInterruptEndsItCleanly(t *testing.T) {
	server := newServer(t, 20)
	file := filepath.Join(t.TempDir(), "march.csv")
	ctx, interrupt := context.WithCancel(t.Context())
	server.Fail("GET /sessions", coviutest.Rewrite(func(*coviutest.Reply) { interrupt() }).After(2))

	_, err := runExport(ctx, server, ofMarch("-o", file))

	require.ErrorIs(t, err, errInterrupted)
	require.ErrorContains(t, err, "go on with: -resume "+file+".resume")
	_, err = runExport(t.Context(), server, []string{"-resume", file + ".resume"})
	require.NoError(t, err)
	assert.ElementsMatch(t, wantIDs(20), idsOf(t, contents(t, file)))
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	file := exportUntil(t, newServer(t, 20), 1, "march.csv")
	for _, name := range []string{file, file + ".resume"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	server := newServer(t, 20)
	file := exportUntil(t, server, 1, "march.csv")
	before := contents(t, file)

	_, err := runExport(t.Context(), server, ofMarch("-o", file))
	require.ErrorContains(t, err, "go on with -resume "+file+".resume")
	require.NoError(t, os.Remove(file+".resume"))
	_, err = runExport(t.Context(), server, ofMarch("-o", file))
	require.ErrorContains(t, err, "exists already")

	assert.Equal(t, before, contents(t, file))
}

func TestAFailureOnStandardOutputSaysThatItCantGoOn(t *testing.T) {
	server := newServer(t, 20)
	server.Fail("GET /sessions", coviutest.Status(http.StatusForbidden, nil, `{}`).After(2))
	out, err := runExport(t.Context(), server, ofMarch("-prefetch", "0"))
	require.ErrorIs(t, err, coviu.ErrForbidden)
	require.ErrorContains(t, err, "8 sessions are written to standard output, where no later run can go on; start again, with -o FILE")
	assert.Len(t, idsOf(t, out), 8)
}

func TestProgressIsForTerminals(t *testing.T) {
	server := newServer(t, 10)
	for terminal, want := range map[bool]string{false: "", true: "page 3, 10 sessions, "} {
		var stderr bytes.Buffer
		require.NoError(t, run(t.Context(), ofMarch(), console{io.Discard, &stderr, terminal}, environment(server)))
		if terminal {
			assert.Contains(t, stderr.String(), want)
		} else {
			assert.Empty(t, stderr.String())
		}
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "no terminal"))
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, isTerminal(file))
}

func TestWrongFlagsAreExplained(t *testing.T) {
	dir := t.TempDir()
	stranger := filepath.Join(dir, "stranger.resume")
	require.NoError(t, os.WriteFile(stranger, []byte("{}"), 0o600))
	for want, args := range map[string][]string{
		"want a date such as":          {"-from", "yesterday"},
		"-to is before -from":          {"-from", "2026-03-02", "-to", "2026-03-01"},
		"-format is csv or ndjson":     {"-format", "xml"},
		"-page-size is 1 to 200":       {"-page-size", "201"},
		"-prefetch is 0 to 64":         {"-prefetch", "65"},
		"give no other flag":           {"-resume", "x", "-links"},
		"does not exist":               {"-resume", filepath.Join(dir, "none")},
		"was not left by this program": {"-resume", stranger},
		`"march" is not understood`:    {"march"},
		"no such file or directory":    {"-o", filepath.Join(dir, "none", "march.csv")},
		"not defined: -x; -h shows":    {"-x"},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := runExport(t.Context(), newServer(t, 0), args)
			require.ErrorContains(t, err, want)
		})
	}
}

func TestADateMeansTheWholeDay(t *testing.T) {
	j, err := parse([]string{"-from", "2026-03-01", "-to", "2026-03-01"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, time.March, 1, 0, 0, 0, 0, time.Local), j.From)
	assert.Equal(t, time.Date(2026, time.March, 1, 23, 59, 59, 999e6, time.Local), j.To)
}

func TestHelpShowsEveryFlag(t *testing.T) {
	var help bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, console{stderr: &help}, nil), flag.ErrHelp)
	for _, name := range []string{"-from", "-to", "-o", "-format", "-resume", "-prefetch", "-links", "-canceled"} {
		assert.Contains(t, help.String(), "  "+name, name)
	}
}

func TestTheProgramRunsWithoutAKey(t *testing.T) {
	cmd := program(t, nil)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Len(t, idsOf(t, string(out)), ownSessions)
	assert.Contains(t, stderr.String(), "COVIU_API_KEY is not set")
}

func TestControlCEndsTheProgram(t *testing.T) {
	server := newServer(t, 20)
	asked := make(chan struct{})
	server.Fail("GET /sessions",
		coviutest.Rewrite(func(*coviutest.Reply) { close(asked) }),
		coviutest.Hang().Always())
	file := filepath.Join(t.TempDir(), "march.csv")
	cmd := program(t, credentials(server), ofMarch("-prefetch", "0", "-o", file)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	<-asked
	require.NoError(t, cmd.Process.Signal(os.Interrupt))

	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())

	require.True(t, ok)
	assert.Equal(t, 130, exit.ExitCode())
	assert.Regexp(t, `^export: interrupted; \d+ sessions are written; go on with: -resume \S+march.csv.resume\n$`, stderr.String())
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
