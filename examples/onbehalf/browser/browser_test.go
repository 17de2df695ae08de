package browser_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/emulator/pages"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/web"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.FixedZone("AEDT", 11*60*60))

func newSite(t *testing.T) (string, *coviutest.Server) {
	t.Helper()
	site := httptest.NewUnstartedServer(nil)
	var service *coviutest.Server
	service = coviutest.NewServer(
		coviutest.WithClock(func() time.Time { return noon }),
		coviutest.WithRedirectURL("http://"+site.Listener.Addr().String()+"/callback"),
		coviutest.WithMiddleware(func(api http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if p := (pages.Pages{Server: service}); p.Answers(r) {
					p.ServeHTTP(w, r)
					return
				}
				api.ServeHTTP(w, r)
			})
		}),
	)
	t.Cleanup(service.Close)
	service.SetTeam(coviutest.Team{TeamID: "practice-nwosu", Name: "Nwosu Practice"})
	data, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "onbehalf.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, data.Close()) })
	handler, err := web.New(web.Config{
		Client:     service.Client(t),
		APIKey:     service.APIKey,
		ConsentURL: service.URL + "/auth/authorize",
		Database:   data,
		Now:        func() time.Time { return noon },
		Logger:     slog.New(slog.DiscardHandler),
		Patience:   3 * time.Second,
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

// looks are what the pages are looked at with.
var looks = map[string]step{
	"desktop":    screens["desktop"],
	"phone":      screens["phone"],
	"phone-dark": both(screens["phone"], dark),
}

// dark asks for the dark colour scheme.
func dark(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	scheme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}
	_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, scheme)
	return none, err
}

func both(first, second step) step {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		if _, err := first(ctx, target); err != nil {
			return none, err
		}
		return second(ctx, target)
	}
}

const lastCall = "#sessions > li:last-child "

func TestAUserConnectsBooksMovesCancelsAndDisconnects(t *testing.T) {
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			site, service := newSite(t)
			user := service.AddUser(coviutest.User{TeamID: "practice-nwosu", Username: "Dr. Ada Nwosu"})
			seed(t, service)
			ctx := newBrowser(t)
			require.NoError(t, chromedp.Do(ctx,
				look,
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
				shows(t, "#account", "Nwosu Practice"),
				shows(t, "header", "AEDT (UTC+11:00)"),
			))

			// A start that has passed: the form stays, with the problem above it.
			require.NoError(t, chromedp.Do(ctx,
				chromedp.SetValue(`input[name="title"]`, "Check-up"),
				chromedp.SendKeys(`input[name="host"]`, "Dr. Ada Nwosu"),
				chromedp.SendKeys(`input[name="guest"]`, "Ben Okafor"),
				chromedp.SetValue(`.fields input[name="start"]`, "09:30"),
				chromedp.Click("#book"),
				chromedp.WaitVisible("#problem"),
				shows(t, "#problem", "The start has passed."),
				holds(t, "document.activeElement.name", "start"),
				holds(t, `document.querySelector('input[name="guest"]').value`, "Ben Okafor"),
				keep(t, name+"-problem"),
				fitsTheWidth(t),
			))

			require.NoError(t, chromedp.Do(ctx,
				chromedp.SetValue(`.fields input[name="start"]`, "15:30"),
				chromedp.Click("#book"),
				chromedp.WaitVisible("#status"),
				shows(t, "#status", "The call is booked."),
				shows(t, lastCall, "15:30"),
				shows(t, lastCall, "Check-up"),
				chromedp.Click(lastCall+"details:first-of-type summary"),
				chromedp.WaitVisible(lastCall+"[data-copy]"),
				chromedp.Click(lastCall+"[data-copy]"),
				becomes(lastCall+"[data-copy]", "Copied"),
				shows(t, "#copied", "The link is copied."),
				chromedp.Click(lastCall+"details:last-of-type summary"),
				chromedp.WaitVisible(lastCall+`input[name="start"]`),
				keep(t, name+"-day"),
				fitsTheWidth(t),
			))
			booked := last(service)
			assert.Equal(t, "Check-up", booked.SessionName)
			assert.Equal(t, "practice-nwosu", booked.TeamID)
			copied, err := chromedp.Run(ctx, clipboard)
			require.NoError(t, err)
			assert.Equal(t, booked.WithRole(coviu.RoleGuest)[0].EntryURL, copied)

			require.NoError(t, chromedp.Do(ctx,
				chromedp.Reload(),
				chromedp.WaitVisible("#book"),
				isAbsent(t, "#status"),
				chromedp.Click(lastCall+"details:last-of-type summary"),
				chromedp.WaitVisible(lastCall+`input[name="start"]`),
				chromedp.SetValue(lastCall+`input[name="start"]`, "17:45"),
				chromedp.Click(lastCall+`form[action="/move"] button`),
				chromedp.WaitVisible("#status"),
				shows(t, "#status", "The call is moved."),
				shows(t, lastCall, "17:45"),
				shows(t, lastCall, "to 18:15"),
			))
			assert.True(t, last(service).StartTime.Equal(noon.Add(5*time.Hour+45*time.Minute)))

			require.NoError(t, chromedp.Do(ctx,
				chromedp.Click(lastCall+"a"),
				chromedp.WaitVisible("#entry"),
				shows(t, "h1", "Dr. Ada Nwosu can't enter yet"),
				chromedp.Navigate(site),
				chromedp.WaitVisible("#book"),
				chromedp.Click(lastCall+"details:last-of-type summary"),
				chromedp.WaitVisible(lastCall+".danger"),
				chromedp.Click(lastCall+".danger"),
				chromedp.WaitVisible("#status"),
				shows(t, "#status", "The call is canceled."),
				shows(t, lastCall, "Team meeting"),
				chromedp.Click("#disconnect"),
				chromedp.WaitVisible("#connect"),
			))
			assert.NotNil(t, last(service).CanceledTime)
		})
	}
}

// last returns the session that was booked last.
func last(service *coviutest.Server) coviu.Session {
	sessions := service.Sessions()
	return sessions[len(sessions)-1]
}

// A form whose account was disconnected in another tab is not lost.
func TestAFormOutlivesItsAccount(t *testing.T) {
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			site, service := newSite(t)
			ctx := newBrowser(t)
			require.NoError(t, chromedp.Do(ctx,
				look,
				chromedp.Navigate(site),
				chromedp.WaitVisible("#connect"),
				chromedp.Click("#connect"),
				chromedp.WaitVisible("#allow"),
				chromedp.Click("#allow"),
				chromedp.WaitVisible("#book"),
				keep(t, name+"-empty"),
				chromedp.SendKeys(`input[name="host"]`, "Dr. Ada Nwosu"),
				chromedp.SendKeys(`input[name="guest"]`, "Ben Okafor"),
			))
			service.RevokeTokens()
			service.RevokeRefreshTokens()
			require.NoError(t, chromedp.Do(ctx,
				chromedp.Click("#book"),
				chromedp.WaitVisible("#reconnect"),
				holds(t, `document.querySelector('input[name="guest"]').value`, "Ben Okafor"),
				keep(t, name+"-reconnect"),
				fitsTheWidth(t),
			))
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
	assert.Equal(t, "Dr. Ada Nwosu", service.Sessions()[0].WithRole(coviu.RoleHost)[0].DisplayName)
}

func TestTheDarkSchemeIsReadable(t *testing.T) {
	site, _ := newSite(t)
	ctx := newBrowser(t)
	require.NoError(t, chromedp.Do(ctx, dark, chromedp.Navigate(site), chromedp.WaitVisible("#connect"),
		holds(t, "getComputedStyle(document.body).color", "rgb(232, 236, 242)"),
		holds(t, "getComputedStyle(document.body).backgroundColor", "rgb(20, 23, 28)"),
	))
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

// holds wants a JavaScript expression to have a value.
func holds(t *testing.T, expression, want string) step {
	t.Helper()
	evaluate := chromedp.Evaluate[string](expression)
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		got, err := evaluate(ctx, target)
		assert.Equal(t, want, got, expression)
		return none, err
	}
}

// becomes waits until the element has the text.
func becomes(selector, want string) step {
	return chromedp.Poll[chromedp.Void]("document.querySelector(`" + selector + "`).textContent === `" + want + "`")
}

// clipboard returns what was copied last.
func clipboard(ctx context.Context, target *chromedp.Target) (string, error) {
	granted := browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"},
		Setting:    browser.PermissionSettingGranted,
	}
	if _, err := cdp.Call(ctx, target, browser.SetPermission, granted); err != nil {
		return "", err
	}
	return chromedp.Evaluate[string]("navigator.clipboard.readText()", chromedp.EvalAwaitPromise)(ctx, target)
}

// isAbsent wants no such element.
func isAbsent(t *testing.T, selector string) step {
	t.Helper()
	return holds(t, "String(document.querySelector(`"+selector+"`))", "null")
}
