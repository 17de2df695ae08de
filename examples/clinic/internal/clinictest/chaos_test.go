package clinictest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

const (
	replicas = 3
	// The service is late by no more than lateness, which the ledger is told with
	// some margin.
	lateness = 12 * time.Second
	grace    = 14 * time.Second
)

// chaos is one clinic in trouble.
type chaos struct {
	t       testing.TB
	n       int // how many appointments
	role    role
	service *coviutest.Server
	logs    *logs
	down    atomic.Bool
	kills   atomic.Int64

	mu        sync.Mutex
	processes []*process
	wanted    map[string]*wanted
}

// wanted is what became of the requests of the front desk.
type wanted struct {
	appointments.Wish
	canceled bool
}

func newChaos(t *testing.T, booking string) *chaos {
	t.Helper()
	c := &chaos{t: t, logs: &logs{}, wanted: map[string]*wanted{}}
	c.service = coviutest.NewServer(coviutest.WithMiddleware(c.outage))
	t.Cleanup(c.service.Close)
	c.role = role{
		Database: newDatabase(t), Service: c.service.URL, APIKey: c.service.APIKey, KeySecret: c.service.KeySecret,
		Booking: booking, Workers: 30, BookFor: 2 * time.Second, Reconcile: 5 * time.Second, Grace: grace,
	}
	for range replicas {
		p, err := launch(context.WithoutCancel(t.Context()), c.role, c.logs)
		require.NoError(t, err, c.logs)
		c.processes = append(c.processes, p)
	}
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, p := range c.processes {
			p.kill()
		}
	})
	return c
}

// outage is a service that is down.
func (c *chaos) outage(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// run makes the appointments and changes them in the time given, while everything
// else goes wrong.
func (c *chaos) run(d time.Duration) {
	c.t.Helper()
	n := c.n
	ctx, end := context.WithTimeout(c.t.Context(), d)
	defer end()
	var trouble, desk sync.WaitGroup
	trouble.Go(func() { c.every(ctx, time.Second, 2*time.Second, c.killOne) })
	trouble.Go(func() { c.every(ctx, 10*time.Millisecond, 60*time.Millisecond, c.misbehave) })
	// Not too often: a booking that is carried out late needs a token that still holds.
	trouble.Go(func() { c.every(ctx, 8*time.Second, 16*time.Second, c.service.RevokeTokens) })
	trouble.Go(func() {
		if pause(ctx, d/4) {
			c.down.Store(true)
			pause(ctx, 10*time.Second)
			c.down.Store(false)
		}
	})
	ids := make(chan string, n)
	for i := range n {
		ids <- fmt.Sprintf("appointment-%04d", i)
	}
	close(ids)
	// Each appointment takes its share of the time.
	const clerks = 40
	for range clerks {
		desk.Go(func() {
			for id := range ids {
				c.live(ctx, id, d*clerks*9/10/time.Duration(n))
			}
		})
	}
	desk.Wait()
	end()
	trouble.Wait()
	c.service.ClearFaults()
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *chaos) every(ctx context.Context, least, most time.Duration, f func()) {
	for pause(ctx, least+rand.N(most-least)) {
		f()
	}
}

func (c *chaos) killOne() {
	i := rand.IntN(replicas)
	c.mu.Lock()
	p := c.processes[i]
	c.mu.Unlock()
	p.kill()
	c.kills.Add(1)
	// PostgreSQL may be down just now.
	for c.t.Context().Err() == nil {
		next, err := launch(context.WithoutCancel(c.t.Context()), c.role, c.logs)
		if err == nil {
			c.mu.Lock()
			c.processes[i] = next
			c.mu.Unlock()
			return
		}
	}
}

// restartDatabase kills the server and starts it again.
func restartDatabase(t *testing.T) {
	t.Helper()
	command := os.Getenv(postgresRestart)
	require.NotEmpty(t, command, "run the tests by make clinic-test, which sets "+postgresRestart)
	out, err := exec.CommandContext(t.Context(), command).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// misbehave lets one request go wrong.
func (c *chaos) misbehave() {
	late := func() time.Duration { return rand.N(lateness / 2) }
	booking := []coviutest.Fault{
		coviutest.LoseReply(),
		coviutest.CarryOutLate(late()),
		coviutest.LoseReply().ListedAfter(late()),
		coviutest.CarryOutLate(late()).ListedAfter(late()),
		coviutest.CarryOutLate(late()).ListedAfter(late()),
		coviutest.CarryOutLate(late()).ListedAfter(late()),
		coviutest.ListLate(late()),
		coviutest.Unavailable(),
		coviutest.Unavailable().CarriedOut(),
		coviutest.RateLimit(time.Second),
		coviutest.Reset(),
		coviutest.Delay(late()),
		coviutest.CutBody(20),
	}
	change := []coviutest.Fault{
		coviutest.LoseReply(), coviutest.CarryOutLate(late()), coviutest.Unavailable(), coviutest.Unavailable().CarriedOut(),
		coviutest.RateLimit(time.Second), coviutest.Reset(), coviutest.Delay(late()), coviutest.CutBody(5),
	}
	one := func(faults []coviutest.Fault) coviutest.Fault { return faults[rand.IntN(len(faults))] }
	switch rand.IntN(10) {
	case 0, 1, 2, 3, 4:
		c.service.Fail("POST /sessions", one(booking))
	case 5:
		c.service.Fail("GET /sessions", one(change))
	case 6:
		c.service.Fail("GET /sessions/{session_id}", one(change))
	case 7:
		c.service.Fail("PUT /sessions/{session_id}", one(change))
	case 8:
		c.service.Fail("DELETE /sessions/{session_id}", one(change))
	case 9:
		c.service.Fail("POST /sessions/{session_id}/participants", one(change))
	}
}

// live is the life of one appointment at the front desk.
func (c *chaos) live(ctx context.Context, id string, d time.Duration) {
	n, _ := strconv.Atoi(id[len(id)-4:])
	start := time.Now().Add(24 * time.Hour).Truncate(time.Minute).Add(time.Duration(n) * time.Minute)
	w := &wanted{Wish: appointments.Wish{
		Title: "Consultation", Start: start, End: start.Add(30 * time.Minute),
		People: []appointments.Person{
			{Ref: "doctor", Name: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{Ref: "patient", Name: "Patient " + id, Role: coviu.RoleGuest},
		},
	}}
	c.mu.Lock()
	c.wanted[id] = w
	c.mu.Unlock()
	end := time.After(d)
	defer func() { <-end }()
	c.ask(http.MethodPut, id, &w.Wish)
	for range rand.IntN(5) {
		// Some changes come while the one before is carried out.
		pause(ctx, rand.N([]time.Duration{d / 20, d / 3}[rand.IntN(2)]))
		switch rand.IntN(4) {
		case 0, 1:
			move := time.Duration(rand.IntN(300)) * time.Minute
			w.Start, w.End = start.Add(move), start.Add(move+45*time.Minute)
		case 2:
			w.People = slices.DeleteFunc(slices.Clone(w.People), func(p appointments.Person) bool { return p.Ref == "interpreter" })
			if rand.IntN(3) > 0 {
				w.People = append(w.People, appointments.Person{
					Ref: "interpreter", Name: "Interpreter " + strconv.Itoa(rand.IntN(3)), Role: coviu.RoleGuest,
				})
			}
		case 3:
			w.canceled = true
			c.ask(http.MethodDelete, id, nil)
			return
		}
		c.ask(http.MethodPut, id, &w.Wish)
	}
}

// ask repeats a request at any replica until one answers.
func (c *chaos) ask(method, id string, wish *appointments.Wish) {
	body, err := json.Marshal(wish)
	if err != nil {
		c.t.Error(err)
		return
	}
	for c.t.Context().Err() == nil {
		c.mu.Lock()
		base := c.processes[rand.IntN(len(c.processes))].url
		c.mu.Unlock()
		status, text := send(c.t.Context(), method, base+"/api/appointments/"+id, body)
		switch {
		case status == http.StatusOK:
			return
		case status != 0 && status != http.StatusServiceUnavailable:
			c.t.Errorf("%s: %d %s", method, status, text)
			return
		}
		pause(c.t.Context(), 50*time.Millisecond)
	}
}

func send(ctx context.Context, method, url string, body []byte) (status int, text string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(all)
}

// settle waits until nothing is left to do, and until two reconciliations in a row
// have found nothing.
func (c *chaos) settle(pool *pgxpool.Pool, began time.Time, within time.Duration) {
	c.t.Helper()
	var left, problems int
	require.Eventually(c.t, func() bool {
		err := pool.QueryRow(c.t.Context(), `SELECT count(*) FILTER (WHERE synced < revision AND problem = ''),
			count(*) FILTER (WHERE problem <> '') FROM clinic_appointments`).Scan(&left, &problems)
		if err != nil {
			return false
		}
		var clean bool
		err = pool.QueryRow(c.t.Context(), `SELECT COALESCE(bool_and(repaired = 0 AND findings = '[]') AND count(*) = 2, false)
			FROM (SELECT * FROM clinic_reconciliations WHERE ended_at > $1 ORDER BY ended_at DESC LIMIT 2) AS last`, began).Scan(&clean)
		return err == nil && left == 0 && clean
	}, within, 250*time.Millisecond, "%s", c.stuck(pool))
	c.t.Logf("settled in %v, %d problems", time.Since(began).Round(time.Second), problems)
}

// stuck is a lazy description for a failure.
type lazy func() string

func (l lazy) String() string { return l() }

func (c *chaos) stuck(pool *pgxpool.Pool) fmt.Stringer {
	return lazy(func() string {
		var text strings.Builder
		for _, statement := range []string{
			`SELECT to_jsonb(a)::text FROM clinic_appointments a WHERE synced < revision OR problem <> '' LIMIT 5`,
			`SELECT to_jsonb(r)::text FROM clinic_reconciliations r ORDER BY ended_at DESC LIMIT 5`,
			`SELECT to_jsonb(j)::text FROM river_job j WHERE finalized_at IS NULL LIMIT 5`,
			`SELECT to_jsonb(l)::text FROM river_leader l`,
		} {
			rows, err := pool.Query(context.WithoutCancel(c.t.Context()), statement)
			if err != nil {
				return err.Error()
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			fmt.Fprintln(&text, strings.Join(lines, "\n"), err)
		}
		return text.String()
	})
}

// requireNoSecrets looks for links in everything that was logged or stored.
func (c *chaos) requireNoSecrets(pool *pgxpool.Pool) {
	c.t.Helper()
	text := c.logs.String()
	for _, table := range []string{"river_job", "clinic_appointments", "clinic_reconciliations", "coviu_bookings"} {
		rows, err := pool.Query(c.t.Context(), "SELECT to_jsonb(t)::text FROM "+table+" t")
		require.NoError(c.t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(c.t, err)
		text += strings.Join(lines, "\n")
	}
	links := 0
	for _, s := range c.service.Sessions() {
		for _, p := range s.Participants {
			links++
			secret := p.EntryURL[strings.LastIndex(p.EntryURL, "/")+1:]
			require.NotEmpty(c.t, secret)
			if secret != p.ParticipantID {
				require.NotContains(c.t, text, secret)
			}
			require.NotContains(c.t, text, p.EntryURL)
		}
	}
	require.Positive(c.t, links)
}

func (c *chaos) pool() *pgxpool.Pool {
	c.t.Helper()
	pool, err := pgxpool.New(c.t.Context(), c.role.Database)
	require.NoError(c.t, err)
	c.t.Cleanup(pool.Close)
	return pool
}

// keepLogs writes the logs into the directory of CLINIC_LOGS, if that is set.
func (c *chaos) keepLogs(name string) {
	if dir := os.Getenv("CLINIC_LOGS"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, name+".log"), []byte(c.logs.String()), 0o600)
	}
}

func TestNoAppointmentIsLostOrBookedTwice(t *testing.T) {
	const d = 45 * time.Second
	clinics := map[string]*chaos{}
	for booking, n := range map[string]int{withLedger: 1000, withoutLedger: 250, withCreate: 200} {
		clinics[booking] = newChaos(t, booking)
		clinics[booking].n = n
	}
	time.AfterFunc(d*6/10, func() { restartDatabase(t) })
	var running sync.WaitGroup
	for booking, c := range clinics {
		t.Cleanup(func() { c.keepLogs(booking) })
		running.Go(func() { c.run(d) })
	}
	running.Wait()
	calm := time.Now().Add(lateness) // The service still carries out what it was asked for.
	got := map[string]counts{}
	for booking, c := range clinics {
		pool := c.pool()
		c.settle(pool, calm, 90*time.Second)
		var details []string
		got[booking], details = c.count(pool)
		t.Logf("%s: %d kills, %d bookings sent, %d repaired by reconciliation, %+v",
			booking, c.kills.Load(), c.service.Count("POST /sessions"), c.repaired(pool), got[booking])
		c.requireNoSecrets(pool)
		if booking == withLedger {
			require.Empty(t, details)
		}
	}
	all := got[withLedger]
	require.Equal(t, 1000, all.booked+all.canceled)
	require.Positive(t, got[withCreate].doubled)
	require.Positive(t, got[withoutLedger].doubled)
}

func (c *chaos) repaired(pool *pgxpool.Pool) (n int) {
	c.t.Helper()
	require.NoError(c.t, pool.QueryRow(c.t.Context(), "SELECT COALESCE(sum(repaired), 0) FROM clinic_reconciliations").Scan(&n))
	return n
}
