package retry

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// After reads a Retry-After header, as seconds or as a date in any of the three
// forms that HTTP knows. A date counts from the reply's own Date, so that the
// two clocks need not agree. It returns zero for a header that is missing,
// unreadable or negative.
func After(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return fromSeconds(seconds)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now))
}

func fromSeconds(s float64) time.Duration {
	switch {
	case !(s > 0): // NaN too
		return 0
	case s >= math.MaxInt64/float64(time.Second):
		return math.MaxInt64
	}
	return time.Duration(s * float64(time.Second))
}
