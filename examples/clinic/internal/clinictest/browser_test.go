package clinictest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
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
)

const webhookToken = "token-of-the-webhook"

// buildClinic returns the path of the program. TestMain removes it.
var buildClinic = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "clinic-test-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	program := filepath.Join(dir, "clinic")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

var builtIn string

// startClinic starts the program, as a person would. It returns the
// address of the front desk.
func startClinic(t *testing.T, service *coviutest.Server, env ...string) string {
	t.Helper()
	program, err := buildClinic()
	require.NoError(t, err)
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-addr", "127.0.0.1:0")
	command.Env = append(command.Environ(), "COVIU_API_KEY="+service.APIKey, "COVIU_API_KEY_SECRET="+service.KeySecret,
		"COVIU_API_ENDPOINT="+service.URL, "CLINIC_WEBHOOK_TOKEN="+webhookToken)
	command.Env = append(command.Env, env...)
	output, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	var log bytes.Buffer
	address := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(io.TeeReader(output, &log))
		for lines.Scan() {
			if found := regexp.MustCompile(`front desk is at (\S+);`).FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	t.Cleanup(func() {
		assert.NoError(t, command.Process.Signal(syscall.SIGTERM))
		<-read
		assert.NoError(t, command.Wait(), "it stops by itself:\n%s", &log)
	})
	select {
	case a := <-address:
		return a
	case <-read:
	case <-time.After(time.Minute):
	}
	require.Fail(t, "the program did not start", log.String())
	return ""
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
	t.Fatal("no Chromium here: make clinic-test installs one")
	return ""
}

// screens are the sizes at which the pages have to be usable.
var screens = map[string]step{
	"desktop": chromedp.EmulateViewport(1280, 900),
	"phone":   chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)),
}

// tomorrow is a day on which nothing has passed yet.
func tomorrow() string { return time.Now().AddDate(0, 0, 1).Format(time.DateOnly) }

func TestTheFrontDeskBooksMovesAndCancels(t *testing.T) {
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			service, release := newHeldService(t)
			clinic := startClinic(t, service, "DATABASE_URL="+newDatabase(t))
			// The day has another appointment already.
			put(t, clinic, "appointment-early", "08:30")
			release <- struct{}{}
			ctx := newBrowser(t)
			require.NoError(t, chromedp.Do(ctx,
				screen,
				chromedp.Navigate(clinic+"/?day="+tomorrow()),
				chromedp.WaitVisible("#book"),
				chromedp.SendKeys(`#book [name="doctor"]`, "Dr. Ada Nwosu"),
				chromedp.SendKeys(`#book [name="patient"]`, "Ben Okafor"),
				chromedp.SetValue(`#book [name="start"]`, "15:30"),
				keep(t, name+"-form"),
				chromedp.Click("#book button"),
				chromedp.WaitVisible(`li.booking`),
				keep(t, name+"-booking"),
				marks(),
			))
			release <- struct{}{}
			require.NoError(t, chromedp.Do(ctx,
				// No reload: the page follows.
				chromedp.WaitVisible(`#list li:nth-child(2).booked`),
				shows(t, "#list li:nth-child(2)", "15:30", "Ben Okafor", "booked"),
				isMarked(t),
				keep(t, name+"-booked"),
				fitsTheWidth(t),
			))
			require.Len(t, service.Sessions(), 2)

			require.NoError(t, chromedp.Do(ctx,
				chromedp.Click(`#list li:nth-child(2) details:nth-of-type(1) summary`),
				chromedp.WaitVisible(`#list li:nth-child(2) [name="start"]`),
				keep(t, name+"-change"),
				fitsTheWidth(t),
				chromedp.SetValue(`#list li:nth-child(2) [name="start"]`, "16:45"),
				chromedp.SetValue(`#list li:nth-child(2) [name="interpreter"]`, "Ines Duarte"),
				chromedp.Click(`#list li:nth-child(2) details:nth-of-type(1) button`),
				until(`document.querySelector("#list li:nth-child(2).booked time").textContent.includes("16:45")`),
				shows(t, "#list li:nth-child(2)", "16:45", "Ines Duarte"),
			))
			moved := newest(service)
			assert.Equal(t, "16:45", moved.StartTime.Local().Format("15:04"))
			assert.Len(t, moved.WithRole(coviu.RoleGuest), 2)

			require.NoError(t, chromedp.Do(ctx,
				chromedp.Click(`#list li:nth-child(2) details:nth-of-type(2) summary`),
				keep(t, name+"-cancel"),
				chromedp.Click(`#list li:nth-child(2) details:nth-of-type(2) button`),
				chromedp.WaitVisible(`#list li:nth-child(2).canceled`),
				keep(t, name+"-canceled"),
				fitsTheWidth(t),
			))
			assert.NotNil(t, newest(service).CanceledTime)
		})
	}
}

// newHeldService returns a service that carries out one booking for each value that
// is sent to release.
func newHeldService(t *testing.T) (service *coviutest.Server, release chan struct{}) {
	t.Helper()
	release = make(chan struct{})
	service = coviutest.NewServer(coviutest.WithMiddleware(func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == "/v1/sessions" {
				<-release
			}
			api.ServeHTTP(w, r)
		})
	}))
	t.Cleanup(func() {
		close(release)
		service.Close()
	})
	return service, release
}

func newest(service *coviutest.Server) coviu.Session {
	all := service.Sessions()
	return all[len(all)-1]
}

// put books by the API, as another program of the clinic would.
func put(t *testing.T, clinic, id, start string) {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", tomorrow()+" "+start, time.Local)
	require.NoError(t, err)
	body := fmt.Sprintf(`{"title": "Check-up", "start": %q, "end": %q, "people": [
		{"ref": "doctor", "name": "Dr. Tomás Herrera", "role": "HOST"}, {"ref": "patient", "name": "Ruth Lindqvist", "role": "GUEST"}]}`,
		at.Format(time.RFC3339), at.Add(30*time.Minute).Format(time.RFC3339))
	require.Eventually(t, func() bool {
		status, _ := send(t.Context(), http.MethodPut, clinic+"/api/appointments/"+id, []byte(body))
		return status == http.StatusOK
	}, 10*time.Second, 100*time.Millisecond)
}

// Every step with the keyboard alone, and the focus stays while others book.
func TestTheKeyboardIsEnoughAndTheFocusStays(t *testing.T) {
	service, release := newHeldService(t)
	clinic := startClinic(t, service, "DATABASE_URL="+newDatabase(t))
	ctx := newBrowser(t)
	require.NoError(t, chromedp.Do(ctx,
		screens["desktop"],
		chromedp.Navigate(clinic+"/?day="+tomorrow()),
		chromedp.WaitVisible("#book"),
		tabTo(`#book [name="doctor"]`),
		chromedp.KeyEvent("Dr. Ada Nwosu"),
		tabTo(`#book [name="patient"]`),
		chromedp.KeyEvent("Ben Okafor"),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible(`li.booking`),
	))
	release <- struct{}{}
	require.NoError(t, chromedp.Do(ctx,
		chromedp.WaitVisible(`li.booked summary`),
		tabTo(`li.booked summary`),
		chromedp.KeyEvent(kb.Enter),
		tabTo(`li.booked [name="patient"]`),
		chromedp.KeyEvent("Another name"),
	))
	put(t, clinic, "appointment-1", "07:00")
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(`#a-appointment-1.booking`)))
	release <- struct{}{}
	require.NoError(t, chromedp.Do(ctx,
		chromedp.WaitVisible(`#a-appointment-1.booked`),
		keep(t, "desktop-focus"),
	))
	typed, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.value`))
	require.NoError(t, err)
	assert.Equal(t, "Another name", typed)

	// The page follows again after the database was away.
	restartDatabase(t)
	put(t, clinic, "appointment-2", "07:30")
	release <- struct{}{}
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(`#a-appointment-2.booked`)))
}

// A call that was canceled in Coviu calls for a person. The event makes that known
// at once.
func TestAPersonIsAskedForAndThePatientFindsTheWay(t *testing.T) {
	service := coviutest.NewServer()
	defer service.Close()
	clinic := startClinic(t, service, "DATABASE_URL="+newDatabase(t))
	put(t, clinic, "appointment-1", "10:15")
	ctx := newBrowser(t)
	require.NoError(t, chromedp.Do(ctx, screens["phone"], dark))
	openPatientsPage(ctx, t, clinic, keep(t, "phone-dark"))
	require.NoError(t, chromedp.Do(ctx,
		keep(t, "phone-patient"),
		fitsTheWidth(t),
	))
	session := newest(service)
	var page, entered string
	require.NoError(t, chromedp.Do(ctx,
		text(`document.documentElement.outerHTML`, &page),
		chromedp.Click("#state button"),
		until(`!location.pathname.startsWith("/patient")`),
		text(`location.href`, &entered),
	))
	for _, p := range session.Participants {
		assert.NotContains(t, page, p.EntryURL)
	}
	assert.Equal(t, session.WithRole(coviu.RoleGuest)[0].EntryURL, entered)

	require.NoError(t, chromedp.Do(ctx,
		chromedp.Navigate(clinic+"/?day="+tomorrow()),
		chromedp.WaitVisible(`li.booked`),
		marks(),
	))
	_, err := service.Client(t).Sessions.Delete(t.Context(), session.SessionID)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, event(t, clinic, "wrong", session.SessionID))
	require.Equal(t, http.StatusNoContent, event(t, clinic, webhookToken, session.SessionID))
	require.NoError(t, chromedp.Do(ctx,
		chromedp.WaitVisible(`li.needs-a-person`),
		isMarked(t),
		shows(t, "li", "canceled in Coviu"),
		keep(t, "phone-dark-problem"),
		fitsTheWidth(t),
	))
}

func event(t *testing.T, clinic, token, sessionID string) (status int) {
	t.Helper()
	body := `{"type": "session:cancel", "payload": {"sessionId": "` + sessionID + `"}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, clinic+"/webhook", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	return res.StatusCode
}

// openPatientsPage opens the page of tomorrow's only patient. atDesk are steps that
// come before, at the front desk.
func openPatientsPage(ctx context.Context, t *testing.T, clinic string, atDesk ...step) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx,
		chromedp.Navigate(clinic+"/?day="+tomorrow()),
		chromedp.WaitVisible(`li.booked a`),
	))
	for _, s := range atDesk {
		require.NoError(t, chromedp.Do(ctx, s))
	}
	var address string
	require.NoError(t, chromedp.Do(ctx, text(`document.querySelector("li.booked a").href`, &address)))
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(address), chromedp.WaitVisible("#state button")))
}

// A patient who keeps the page open sees the new time, and nothing of the
// appointment once it is another patient's.
func TestThePatientsPageFollows(t *testing.T) {
	service := coviutest.NewServer()
	defer service.Close()
	clinic := startClinic(t, service, "DATABASE_URL="+newDatabase(t))
	put(t, clinic, "appointment-1", "10:15")
	ctx := newBrowser(t)
	openPatientsPage(ctx, t, clinic)
	require.NoError(t, chromedp.Do(ctx, shows(t, "h1", "10:15")))
	put(t, clinic, "appointment-1", "11:45")
	require.NoError(t, chromedp.Do(ctx, until(`document.querySelector("h1").textContent.includes("11:45")`)))

	form := url.Values{
		"title": {"Check-up"}, "doctor": {"Dr. Tomás Herrera"}, "patient": {"Ben Okafor"},
		"day": {tomorrow()}, "start": {"11:45"}, "minutes": {"30"},
	}
	status, _ := send(t.Context(), http.MethodPost, clinic+"/appointments/appointment-1?"+form.Encode(), nil)
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, chromedp.Do(ctx, until(`!document.querySelector("#state") && document.body.textContent.includes("no such appointment")`)))
}

// A form has the id of its appointment. So what was refused can be mended and sent
// again, and sending it twice books once.
func TestARefusedFormKeepsWhatWasTyped(t *testing.T) {
	service := coviutest.NewServer()
	defer service.Close()
	clinic := startClinic(t, service, "DATABASE_URL="+newDatabase(t))
	form := url.Values{
		"title": {"Check-up"}, "doctor": {"Dr. Ada Nwosu"}, "patient": {"Ben Okafor"}, "interpreter": {"Ines Duarte"},
		"day": {"2020-01-15"}, "start": {"09:20"}, "minutes": {"25"},
	}
	submit := func() (status int, page string) {
		return send(t.Context(), http.MethodPost, clinic+"/appointments/appointment-1?"+form.Encode(), nil)
	}
	status, page := submit()
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, page, "Not saved: the start has passed.")
	require.Contains(t, page, `action="/appointments/appointment-1" id="book"`)
	for _, typed := range []string{"Check-up", "Dr. Ada Nwosu", "Ben Okafor", "Ines Duarte", "2020-01-15", "09:20", "25"} {
		require.Contains(t, page, `value="`+typed+`"`)
	}
	form.Set("day", tomorrow())
	for range 2 {
		status, page = submit()
		require.Equal(t, http.StatusOK, status, page)
		require.Equal(t, 1, strings.Count(page, "<li id="))
	}
	require.Eventually(t, func() bool { return len(service.Sessions()) == 1 }, 10*time.Second, 10*time.Millisecond)
}

// Somebody has the form open while others move the appointment.
func TestAnOldFormDoesNotUndoWhatOthersChanged(t *testing.T) {
	service := coviutest.NewServer()
	defer service.Close()
	clinic := startClinic(t, service, "DATABASE_URL="+newDatabase(t))
	put(t, clinic, "appointment-1", "10:00")
	ctx := newBrowser(t)
	require.NoError(t, chromedp.Do(ctx,
		chromedp.Navigate(clinic+"/?day="+tomorrow()),
		chromedp.WaitVisible(`li.booked`),
		chromedp.Click(`li details summary`),
		chromedp.WaitVisible(`li [name="start"]`),
	))
	put(t, clinic, "appointment-1", "11:15")
	require.NoError(t, chromedp.Do(ctx,
		until(`document.querySelector("li.booked time").textContent.includes("11:15")`),
		chromedp.SetValue(`li [name="interpreter"]`, "Ines Duarte"),
		chromedp.Click(`li details button`),
		chromedp.WaitVisible(`#problem`),
		shows(t, "#problem", "somebody has changed it meanwhile"),
		shows(t, "li", "11:15"),
		// Who has read that may insist.
		chromedp.Click(`#book button`),
		until(`document.querySelector("li.booked time").textContent.includes("10:00")`),
		shows(t, "li", "Ines Duarte"),
	))
}

// Other programs may book for more people than the form has fields.
func TestTheFormKeepsWhomItDoesNotShow(t *testing.T) {
	service := coviutest.NewServer()
	defer service.Close()
	appointment := startClinic(t, service, "DATABASE_URL="+newDatabase(t)) + "/api/appointments/appointment-1"
	status, text := send(t.Context(), http.MethodPut, appointment, []byte(`{"title": "Check-up", "start": "`+tomorrow()+`T10:00:00Z", "end": "`+tomorrow()+`T10:30:00Z",
		"people": [{"ref": "surgeon", "name": "Dr. Ada Nwosu", "role": "HOST"}, {"ref": "daughter", "name": "Rita Okafor", "role": "GUEST"},
			{"ref": "patient", "name": "Ben Okafor", "role": "GUEST"}, {"ref": "interpreter", "name": "Ines Duarte", "role": "GUEST"}]}`))
	require.Equal(t, http.StatusOK, status, text)
	form := url.Values{
		"title": {"Check-up"}, "doctor": {"Dr. Ada Nwosu"}, "patient": {"Ben Okafor"}, "interpreter": {""},
		"day": {tomorrow()}, "start": {"11:00"}, "minutes": {"30"},
	}
	status, text = send(t.Context(), http.MethodPost, strings.Replace(appointment, "/api", "", 1)+"?"+form.Encode(), nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "Check-up with Dr. Ada Nwosu, Rita Okafor</div>")
	_, text = send(t.Context(), http.MethodGet, appointment, nil)
	require.Equal(t, 3, strings.Count(text, `"ref"`), text)
}

// One command with nothing at hand but the programs of a server. The language may
// not be installed, and the directory may have any name.
func TestTheProgramBringsItsOwnDatabase(t *testing.T) {
	service := coviutest.NewServer()
	defer service.Close()
	dir, err := os.MkdirTemp("", "clinic test & ") //nolint:usetesting // the server's user has to enter it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.Remove(dir), "nothing is left in it") })
	require.NoError(t, os.Chmod(dir, 0o755))
	clinic := startClinic(t, service, "DATABASE_URL=", "TMPDIR="+dir, "LC_ALL=xx_XX.UTF-8")
	put(t, clinic, "appointment-1", "10:00")
	require.Eventually(t, func() bool {
		_, text := send(t.Context(), http.MethodGet, clinic+"/api/appointments/appointment-1", nil)
		return strings.Contains(text, `"booked"`)
	}, time.Minute, 50*time.Millisecond)
	_, metrics := send(t.Context(), http.MethodGet, clinic+"/metrics", nil)
	require.Contains(t, metrics, `clinic_appointments{status="booked"} 1`)
	require.Contains(t, metrics, `coviu_call_duration_seconds_count{operation="POST /sessions",result="ok"} 1`)
	for _, path := range []string{"/healthz", "/readyz"} {
		status, _ := send(t.Context(), http.MethodGet, clinic+path, nil)
		require.Equal(t, http.StatusOK, status, path)
	}
}

type step = chromedp.Action[chromedp.Void]

func dark(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	scheme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}
	_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, scheme)
	return none, err
}

// marks makes a reload of the page show.
func marks() step {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		_, err = chromedp.Evaluate[bool](`window.marked = true`)(ctx, target)
		return none, err
	}
}

func isMarked(t *testing.T) step {
	t.Helper()
	return holds(t, `window.marked === true`, "the page was reloaded")
}

func fitsTheWidth(t *testing.T) step {
	t.Helper()
	return holds(t, `document.documentElement.scrollWidth <= window.innerWidth`, "the page is wider than the screen")
}

func holds(t *testing.T, expression, otherwise string) step {
	t.Helper()
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		ok, err := chromedp.Evaluate[bool](expression)(ctx, target)
		assert.True(t, ok, otherwise)
		return none, err
	}
}

// until waits for an expression. One that fails is not true yet.
func until(expression string) step {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		for ok := false; !ok && err == nil; {
			ok, err = chromedp.Evaluate[bool](`(() => { try { return `+expression+` } catch { return false } })()`)(ctx, target)
			if !pause(ctx, 20*time.Millisecond) {
				err = fmt.Errorf("never true: %s", expression)
			}
		}
		return none, err
	}
}

func text(expression string, into *string) step {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		*into, err = chromedp.Evaluate[string](expression)(ctx, target)
		return none, err
	}
}

// shows wants the element to hold the texts.
func shows(t *testing.T, selector string, want ...string) step {
	t.Helper()
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		text, err := chromedp.Text(selector)(ctx, target)
		for _, w := range want {
			assert.Contains(t, text, w)
		}
		return none, err
	}
}

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
