package coviutest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// fetcher repeats one GET over kept connections.
type fetcher struct {
	http    http.Client
	request *http.Request
}

func newFetcher(b *testing.B, url, token string) *fetcher {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	f := &fetcher{http: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, request: r}
	b.Cleanup(f.http.CloseIdleConnections)
	return f
}

func (f *fetcher) fetch(b *testing.B) []byte {
	b.Helper()
	reply, err := f.http.Do(f.request)
	if err != nil {
		b.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		b.Fatal(reply.StatusCode, err)
	}
	return body
}

// medianRatio lets both fetch in turns and returns the median of the ratios of
// their times: a busy machine slows neighbours down alike, and a collection that
// hits one of them does not count.
func medianRatio(b *testing.B, over, under *fetcher) float64 {
	b.Helper()
	over.fetch(b)
	under.fetch(b)
	var ratios []float64
	for b.Loop() {
		began := time.Now()
		over.fetch(b)
		between := time.Now()
		under.fetch(b)
		ratios = append(ratios, float64(between.Sub(began))/float64(time.Since(between)))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

func benchServer(b *testing.B, sessions int) (*coviutest.Server, string) {
	b.Helper()
	s := coviutest.NewServer()
	b.Cleanup(s.Close)
	token, err := s.Client(b).Token(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	start := s.Now().Add(time.Hour)
	for i := 0; i < sessions; {
		batch := make([]coviu.Session, min(1000, sessions-i))
		for j := range batch {
			n := strconv.Itoa(i + j)
			batch[j] = coviu.Session{
				SessionName: "Consultation " + n,
				StartTime:   start.Add(time.Duration((i+j)*7919%sessions) * time.Second),
				Participants: []coviu.Participant{
					{DisplayName: "Dr " + n, Role: coviu.RoleHost},
					{DisplayName: "Patient " + n, State: "booking-" + n},
				},
			}
		}
		if _, err := s.Seed(batch...); err != nil {
			b.Fatal(err)
		}
		i += len(batch)
	}
	return s, token.AccessToken
}

// BenchmarkGetSessionAgainstFixedBytes fetches one session in turns with a
// handler that writes the same bytes, and reports the ratio of the rates.
func BenchmarkGetSessionAgainstFixedBytes(b *testing.B) {
	s, token := benchServer(b, 1)
	session := newFetcher(b, s.URL+"/sessions/"+s.Sessions()[0].SessionID, token)
	body := session.fetch(b)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	b.Cleanup(plain.Close)
	fixed := newFetcher(b, plain.URL, token)
	b.ReportMetric(medianRatio(b, fixed, session), "rate-ratio")
}

// BenchmarkManySessions holds 200,000 sessions, reports the heap that they take,
// and lists the first and the last page in turns.
func BenchmarkManySessions(b *testing.B) {
	const total = 200_000
	before := heap()
	s, token := benchServer(b, total)
	held := heap() - before
	last := total/200 - 1
	for _, order := range []string{"order=forward", "order=reverse", "include_canceled=true", "start_time=2000-01-01T00:00:00Z", "start_time=2000-01-01T00:00:00Z&order=reverse"} {
		b.Run(order, func(b *testing.B) {
			first := newFetcher(b, s.URL+"/sessions?page=0&"+order, token)
			final := newFetcher(b, fmt.Sprintf("%s/sessions?page=%d&%s", s.URL, last, order), token)
			b.ReportMetric(medianRatio(b, final, first), "last/first")
			b.ReportMetric(float64(held)/1e6, "MB-held")
		})
	}
	runtime.KeepAlive(s)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkNewServer(b *testing.B) {
	b.Run("in memory", func(b *testing.B) {
		for b.Loop() {
			coviutest.NewServer(coviutest.WithInMemory()).Close()
		}
	})
	b.Run("on a socket", func(b *testing.B) {
		for b.Loop() {
			coviutest.NewServer().Close()
		}
	})
}

// BenchmarkClients64 lets 64 clients book and read at once, in memory.
func BenchmarkClients64(b *testing.B) {
	s := coviutest.NewServer(coviutest.WithInMemory())
	b.Cleanup(s.Close)
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		c := s.Client(b)
		for pb.Next() {
			now := time.Now()
			booked, err := c.Sessions.Create(b.Context(), &coviu.SessionCreationRequest{StartTime: now.Add(time.Hour), EndTime: now.Add(2 * time.Hour)})
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := c.Sessions.Get(b.Context(), booked.SessionID, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
