package browser_test

import (
	"bufio"
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// startEmulator builds and starts the emulator and returns its base URL.
func startEmulator(t *testing.T, args ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "emulator")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./examples/emulator")
	build.Dir = "../../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// The context ends before the cleanup waits.
	emulator := exec.CommandContext(t.Context(), program, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	stdout, err := emulator.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, emulator.Start())
	t.Cleanup(func() { _ = emulator.Wait() })
	first, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(first)
}

func bookAt(t *testing.T, base, name string) *coviu.Session {
	t.Helper()
	client, err := coviu.NewClient("demo-key", "demo-secret", coviu.WithBaseURL(base))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	at := time.Now().Add(time.Hour)
	booked, err := client.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{
		SessionName: name, StartTime: at, EndTime: at.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost, State: "staff-with-a-rather-long-state-0123456789"},
			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest},
		},
	})
	require.NoError(t, err)
	return booked
}

func focusedElement(id *string) step {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		*id, err = chromedp.Evaluate[string]("document.activeElement.id")(ctx, target)
		return none, err
	}
}

func TestTheEmulatorsPageKeepsTheFocus(t *testing.T) {
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			base := startEmulator(t)
			first := bookAt(t, base, "Check-up")
			link := "enter-" + first.WithRole(coviu.RoleGuest)[0].ParticipantID
			ctx := newBrowser(t)
			require.NoError(t, chromedp.Do(ctx,
				look,
				chromedp.Navigate(strings.TrimSuffix(base, "v1")),
				chromedp.WaitVisible(`[id="`+link+`"]`),
				shows(t, "#sessions", "staff-with-a-rather-long-state-0123456789"),
				tabTo(`[id="`+link+`"]`),
			))
			second := bookAt(t, base, "Follow-up")
			var focused string
			require.NoError(t, chromedp.Do(ctx,
				chromedp.WaitVisible(`[id="enter-`+second.WithRole(coviu.RoleHost)[0].ParticipantID+`"]`),
				focusedElement(&focused),
				shows(t, "#status", "2 sessions"),
				keep(t, name+"-emulator"),
				fitsTheWidth(t),
			))
			assert.Equal(t, link, focused)
		})
	}
}

// The page of somebody who waits changes by itself when the session starts, and
// keeps the focus.
func TestTheEmulatorsEntryPageOpensByItself(t *testing.T) {
	base := startEmulator(t, "-control")
	booked := bookAt(t, base, "Check-up")
	home := strings.TrimSuffix(base, "v1")
	ctx := newBrowser(t)
	require.NoError(t, chromedp.Do(ctx,
		screens["phone"],
		dark,
		chromedp.Navigate(booked.WithRole(coviu.RoleGuest)[0].EntryURL),
		chromedp.WaitVisible("#all"),
		shows(t, "h1", "Ben Okafor can't enter yet"),
		keep(t, "phone-emulator-waiting"),
		tabTo("#all"),
	))
	reply, err := http.Post(home+"_control/clock", "application/json", strings.NewReader(`{"advance":"61m"}`))
	require.NoError(t, err)
	reply.Body.Close()
	var focused string
	require.NoError(t, chromedp.Do(ctx,
		chromedp.WaitVisible("h1.running"),
		shows(t, "h1", "Ben Okafor would enter the call now"),
		focusedElement(&focused),
		fitsTheWidth(t),
		keep(t, "phone-emulator-open"),
	))
	assert.Equal(t, "all", focused)
}
