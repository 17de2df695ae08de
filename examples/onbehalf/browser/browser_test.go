package browser

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/web"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func newSite(t *testing.T) (string, *coviutest.Server) {
	t.Helper()
	site := httptest.NewUnstartedServer(nil)
	service := coviutest.NewServer(
		coviutest.WithClock(func() time.Time { return noon }),
		coviutest.WithRedirectURL("http://"+site.Listener.Addr().String()+"/callback"),
	)
	t.Cleanup(service.Close)
	handler, err := web.New(web.Config{
		Client:     service.Client(t),
		APIKey:     service.APIKey,
		ConsentURL: service.URL + "/auth/authorize",
		GrantDir:   filepath.Join(t.TempDir(), "grants"),
		Now:        func() time.Time { return noon },
	})
	require.NoError(t, err)
	site.Config.Handler = handler
	site.Start()
	t.Cleanup(site.Close)
	return site.URL, service
}

// newBrowser starts Chromium without a window, and without the talk to its
// maker's hosts.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium here: make browser-test installs one")
	return ""
}

// screens are the sizes at which the pages have to be usable.
var screens = map[string]step{
	"desktop": chromedp.EmulateViewport(1280, 900),
	"phone":   chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)),
}

func TestAUserConnectsBooksAndSeesTheSession(t *testing.T) {
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			site, service := newSite(t)
			user := service.AddUser(coviutest.User{TeamID: "practice-nwosu", Username: "Dr. Ada Nwosu"})
			seed(t, service)
			ctx := newBrowser(t)
			require.NoError(t, chromedp.Do(ctx,
				screen,
				chromedp.Navigate(site),
				chromedp.WaitVisible("#connect"),
				keep(t, name+"-connect"),
				fitsTheWidth(t),
				chromedp.Click("#connect"),
				chromedp.WaitVisible("#allow"),
				keep(t, name+"-consent"),
				chromedp.SetValue("#user", user.UserID),
				chromedp.Click("#allow"),
				chromedp.WaitVisible("#book"),
				chromedp.SetValue(`input[name="title"]`, "Check-up"),
				chromedp.SendKeys(`input[name="host"]`, "Dr. Ada Nwosu"),
				chromedp.SendKeys(`input[name="guest"]`, "Ben Okafor"),
				chromedp.SetValue(`input[name="start"]`, "15:30"),
				chromedp.Click("#book"),
				chromedp.WaitVisible("#status"),
				shows(t, "#status", "The call is booked."),
				shows(t, "#sessions", "15:30"),
				shows(t, "#sessions", "Check-up"),
				chromedp.Click("#sessions li:last-child summary"),
				keep(t, name+"-day"),
				fitsTheWidth(t),
			))
			sessions := service.Sessions()
			assert.Equal(t, "Check-up", sessions[len(sessions)-1].SessionName)
			assert.Equal(t, "practice-nwosu", sessions[len(sessions)-1].TeamID)
		})
	}
}

// Every step with the keyboard alone: tab to it, and press Enter.
func TestTheKeyboardIsEnough(t *testing.T) {
	site, service := newSite(t)
	ctx := newBrowser(t)
	require.NoError(t, chromedp.Do(ctx,
		screens["desktop"],
		chromedp.Navigate(site),
		chromedp.WaitVisible("#connect"),
		tabTo("#connect"),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible("#allow"),
		tabTo("#allow"),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible("#book"),
		tabTo(`input[name="host"]`),
		chromedp.KeyEvent("Dr. Ada Nwosu"),
		tabTo(`input[name="guest"]`),
		chromedp.KeyEvent("Ben Okafor"),
		keep(t, "desktop-keyboard"),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible("#status"),
		tabTo("#sessions a"),
	))
	require.Len(t, service.Sessions(), 1)
	assert.Equal(t, "Dr. Ada Nwosu", service.Sessions()[0].Participants[0].DisplayName)
}

func TestTheDarkSchemeIsReadable(t *testing.T) {
	site, _ := newSite(t)
	ctx := newBrowser(t)
	dark := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}
	require.NoError(t, chromedp.Do(ctx,
		screens["phone"],
		func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, dark)
			return chromedp.Void{}, err
		},
		chromedp.Navigate(site),
		chromedp.WaitVisible("#connect"),
		keep(t, "phone-dark"),
	))
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getComputedStyle(document.body).color`))
	require.NoError(t, err)
	page, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getComputedStyle(document.body).backgroundColor`))
	require.NoError(t, err)
	assert.Equal(t, "rgb(232, 236, 242)", text)
	assert.Equal(t, "rgb(20, 23, 28)", page)
}

func seed(t *testing.T, service *coviutest.Server) {
	t.Helper()
	call := func(name string, start time.Time, guests ...string) coviu.Session {
		s := coviu.Session{
			SessionName:  name,
			TeamID:       "practice-nwosu",
			StartTime:    start,
			EndTime:      start.Add(30 * time.Minute),
			Participants: []coviu.Participant{{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost}},
		}
		for _, guest := range guests {
			s.Participants = append(s.Participants, coviu.Participant{DisplayName: guest, Role: coviu.RoleGuest})
		}
		return s
	}
	_, err := service.Seed(
		call("Physiotherapy", noon.Add(-3*time.Hour), "Ruth Lindqvist"),
		call("Second opinion on a long and complicated history", noon.Add(-10*time.Minute), "Tomás Herrera", "Ines Duarte"),
		call("Team meeting", noon.Add(2*time.Hour)),
	)
	require.NoError(t, err)
}

type step = chromedp.Action[chromedp.Void]

// tabTo presses Tab until the element has the focus.
func tabTo(selector string) step {
	hasFocus := chromedp.Evaluate[bool]("document.activeElement === document.querySelector(`" + selector + "`)")
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		for range 60 {
			if focused, err := hasFocus(ctx, target); err != nil || focused {
				return none, err
			}
			if _, err := chromedp.KeyEvent(kb.Tab)(ctx, target); err != nil {
				return none, err
			}
		}
		return none, fmt.Errorf("no number of tabs leads to %s", selector)
	}
}

// shows wants the element to hold the text.
func shows(t *testing.T, selector, want string) step {
	t.Helper()
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		text, err := chromedp.Text(selector)(ctx, target)
		assert.Contains(t, text, want)
		return none, err
	}
}

// fitsTheWidth wants nothing to scroll sideways to.
func fitsTheWidth(t *testing.T) step {
	t.Helper()
	fits := chromedp.Evaluate[bool](`document.documentElement.scrollWidth <= window.innerWidth`)
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		ok, err := fits(ctx, target)
		assert.True(t, ok, "the page is wider than the screen")
		return none, err
	}
}

// keep writes a screenshot into the directory of SCREENSHOTS, if that is set.
func keep(t *testing.T, name string) step {
	t.Helper()
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		dir := os.Getenv("SCREENSHOTS")
		if dir == "" {
			return none, nil
		}
		image, err := chromedp.FullScreenshot(100)(ctx, target)
		if err != nil {
			return none, err
		}
		return none, os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600)
	}
}
