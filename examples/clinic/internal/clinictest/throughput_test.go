package clinictest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

// BenchmarkThroughput books at a service that takes 50 ms for each request: by the
// client alone, by one replica and by three. Each b.N is one appointment, from the
// request of the front desk to a session whose id is stored.
func BenchmarkThroughput(b *testing.B) {
	const inFlight = 20
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("client alone, %d in flight", n*inFlight), func(b *testing.B) { benchmarkClient(b, n*inFlight) })
		b.Run(fmt.Sprintf("%d replicas with %d jobs", n, inFlight), func(b *testing.B) { benchmarkReplicas(b, n, inFlight) })
	}
}

func newSlowService(b *testing.B) *coviutest.Server {
	b.Helper()
	service := coviutest.NewServer()
	b.Cleanup(service.Close)
	service.Fail(coviutest.AnyOperation, coviutest.Delay(50*time.Millisecond).Always())
	return service
}

func wish(n int) appointments.Wish {
	start := time.Now().Add(24 * time.Hour).Truncate(time.Minute).Add(time.Duration(n) * time.Minute)
	return appointments.Wish{Title: "Consultation", Start: start, End: start.Add(30 * time.Minute), People: []appointments.Person{
		{Ref: "doctor", Name: "Dr. Ada Nwosu", Role: coviu.RoleHost},
		{Ref: "patient", Name: "Ben Okafor", Role: coviu.RoleGuest},
	}}
}

// inParallel calls f for each number up to n.
func inParallel(n, workers int, f func(i int)) {
	numbers := make(chan int, n)
	for i := range n {
		numbers <- i
	}
	close(numbers)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for i := range numbers {
				f(i)
			}
		})
	}
	working.Wait()
}

func benchmarkClient(b *testing.B, inFlight int) {
	b.Helper()
	client := newSlowService(b).Client(b)
	b.ResetTimer()
	inParallel(b.N, inFlight, func(i int) {
		w := wish(i)
		_, err := client.Sessions.CreateOnce(b.Context(), "appointment-"+strconv.Itoa(i), &coviu.SessionCreationRequest{
			SessionName: w.Title, StartTime: w.Start, EndTime: w.End,
			Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleHost}, {Role: coviu.RoleGuest}},
		})
		if err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bookings/s")
}

func benchmarkReplicas(b *testing.B, n, jobs int) {
	b.Helper()
	service := newSlowService(b)
	r := role{
		Database: newDatabase(b), Service: service.URL, APIKey: service.APIKey, KeySecret: service.KeySecret,
		Booking: withLedger, Workers: jobs, Grace: time.Minute,
	}
	c := &chaos{t: b, logs: &logs{}}
	for range n {
		p, err := launch(context.WithoutCancel(b.Context()), r, c.logs)
		require.NoError(b, err, c.logs)
		b.Cleanup(p.kill)
		c.processes = append(c.processes, p)
	}
	pool, err := pgxpool.New(b.Context(), r.Database)
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	b.ResetTimer()
	inParallel(b.N, 16, func(i int) {
		w := wish(i)
		c.ask(http.MethodPut, fmt.Sprintf("appointment-%05d", i), &w)
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	for left := 1; left > 0; {
		require.NoError(b, pool.QueryRow(b.Context(), "SELECT count(*) FROM clinic_appointments WHERE synced < revision").Scan(&left))
		pause(b.Context(), 20*time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bookings/s")
}
