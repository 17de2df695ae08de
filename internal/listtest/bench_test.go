package listtest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// longList generates the pages of a long list. It holds no sessions, so that the
// memory measured is the client's.
type longList struct {
	sessions int
	latency  time.Duration
	answered atomic.Int64
}

func (l *longList) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.latency > 0 {
		if err := pause(r.Context(), l.latency); err != nil {
			return nil, err
		}
	}
	body := l.page(r.URL.Query())
	l.answered.Add(1)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: r,
	}, nil
}

func (l *longList) page(query url.Values) []byte {
	number, _ := strconv.Atoi(query.Get("page"))
	size, err := strconv.Atoi(query.Get("page_size"))
	if err != nil {
		size = 200
	}
	first, end := min(number*size, l.sessions), min((number+1)*size, l.sessions)
	body := make([]byte, 0, 640*(end-first)+64)
	body = append(body, `{"content":[`...)
	for i := first; i < end; i++ {
		if i > first {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"session_id":"%032d","team_id":"9a6b6cf4-team","client_id":"9a6b6cf4-client","session_name":"Consultation %d",`+
			`"start_time":"2030-05-01T09:00:00.000Z","end_time":"2030-05-01T09:30:00.000Z","participants":[`+
			`{"participant_id":"h%031d","session_id":"%032d","client_id":"9a6b6cf4-client","display_name":"Dr. Who","role":"HOST",`+
			`"state":"doctor","entry_url":"https://coviu.com/session/h%031d"},`+
			`{"participant_id":"g%031d","session_id":"%032d","client_id":"9a6b6cf4-client","display_name":"Patient %d","role":"GUEST",`+
			`"state":"booking-%d","entry_url":"https://coviu.com/session/g%031d"}]}`, i, i, i, i, i, i, i, i, i, i)
	}
	body = append(body, `],"more":`...)
	body = strconv.AppendBool(body, end < l.sessions)
	return append(body, '}')
}

func (l *longList) client(b *testing.B) *coviu.Client {
	b.Helper()
	client, err := coviu.NewClient("", "",
		coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"})),
		coviu.WithHTTPClient(&http.Client{Transport: l}))
	if err != nil {
		b.Fatal(err)
	}
	return client
}

func liveHeap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// peakHeap reads l and returns the largest live heap, compared with the start. It
// measures while the consumer holds a page and all pages ahead have arrived.
func (l *longList) peakHeap(b *testing.B, prefetch, looks int) int64 {
	b.Helper()
	client := l.client(b)
	pages := (l.sessions + 199) / 200
	every := max(1, pages/looks)
	start := liveHeap()
	var peak int64
	seen := 0
	for page, err := range client.Sessions.Pages(b.Context(), &coviu.SessionListOptions{PageSize: 200, Prefetch: prefetch}) {
		if err != nil {
			b.Fatal(err)
		}
		if seen++; seen%every == 0 {
			for l.answered.Load() < int64(min(seen+prefetch, pages)) {
				runtime.Gosched()
			}
			peak = max(peak, liveHeap()-start)
		}
		runtime.KeepAlive(page)
	}
	if seen != pages {
		b.Fatalf("%d pages instead of %d", seen, pages)
	}
	return peak
}

// BenchmarkPages_Heap reads 200,000 sessions. The heap depends on the page size
// and on Prefetch, not on the length of the list.
func BenchmarkPages_Heap(b *testing.B) {
	for _, prefetch := range []int{0, 8} {
		b.Run(fmt.Sprintf("prefetch=%d", prefetch), func(b *testing.B) {
			var peak int64
			for b.Loop() {
				peak = max(peak, (&longList{sessions: 200_000}).peakHeap(b, prefetch, 50))
			}
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		})
	}
}

// BenchmarkPages_HeapByLength compares lists of 10 and of 1,000 pages.
func BenchmarkPages_HeapByLength(b *testing.B) {
	for b.Loop() {
		short := (&longList{sessions: 10 * 200}).peakHeap(b, 0, 10)
		long := (&longList{sessions: 1_000 * 200}).peakHeap(b, 0, 50)
		b.ReportMetric(float64(short)/(1<<20), "10-pages-MiB")
		b.ReportMetric(float64(long)/(1<<20), "1000-pages-MiB")
		b.ReportMetric(float64(long)/float64(short), "ratio")
	}
}

// BenchmarkPages_Time reads 50 pages of 50 ms each: with a loop over List, with
// Pages, and with Pages and eight pages ahead.
func BenchmarkPages_Time(b *testing.B) {
	l := &longList{sessions: 50 * 200, latency: 50 * time.Millisecond}
	client := l.client(b)
	read := func(prefetch int) time.Duration {
		began := time.Now()
		for _, err := range client.Sessions.Pages(b.Context(), &coviu.SessionListOptions{PageSize: 200, Prefetch: prefetch}) {
			if err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
	for b.Loop() {
		began := time.Now()
		for page := range 50 {
			if _, err := client.Sessions.List(b.Context(), &coviu.SessionListOptions{Page: page, PageSize: 200}); err != nil {
				b.Fatal(err)
			}
		}
		loop, none, eight := time.Since(began), read(0), read(8)
		b.ReportMetric(float64(none)/float64(loop), "prefetch0/loop")
		b.ReportMetric(float64(eight)/float64(none), "prefetch8/prefetch0")
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
