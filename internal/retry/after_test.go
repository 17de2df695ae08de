package retry_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/retry"
)

func TestRetryAfterIsReadInEveryForm(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	const (
		longest = time.Duration(math.MaxInt64)
		// behind is the clock of a server that is a year late.
		behind = "Sat, 01 Mar 2025 09:00:00 GMT"
	)
	rows := []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"1", "", time.Second},
		{" 7 ", "", 7 * time.Second},
		{"1.5", "", 1500 * time.Millisecond},
		{"0.001", "", time.Millisecond},
		{"3600", "", time.Hour},
		{"-1", "", 0},
		{"-0.5", "", 0},
		{"-1e300", "", 0},
		{"NaN", "", 0},
		{"1e300", "", longest},
		{"Inf", "", longest},
		{"-Inf", "", 0},
		{"9223372036", "", 9223372036 * time.Second},
		{"9223372037", "", longest},
		{"3, 5", "", 0},
		{"soon", "", 0},
		{"Sun, 01 Mar 2026 09:00:10 GMT", "", 10 * time.Second},
		{"Sunday, 01-Mar-26 09:00:11 GMT", "", 11 * time.Second},
		{"Sun Mar  1 09:00:12 2026", "", 12 * time.Second},
		{"Sun, 01 Mar 2026 08:59:59 GMT", "", 0},
		{"Sat, 01 Mar 2025 09:00:10 GMT", behind, 10 * time.Second},
		{"Sat, 01 Mar 2025 08:59:59 GMT", behind, 0},
		{"Sun, 01 Mar 2026 09:00:13 GMT", "yesterday", 13 * time.Second},
		{"4", behind, 4 * time.Second},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", longest},
	}
	for _, row := range rows {
		h := http.Header{}
		if row.value != "" {
			h.Set("Retry-After", row.value)
		}
		if row.date != "" {
			h.Set("Date", row.date)
		}
		require.Equal(t, row.want, retry.After(h, now), "%q at %q", row.value, row.date)
	}
}

func TestOfTwoRetryAftersTheFirstCounts(t *testing.T) {
	h := http.Header{"Retry-After": {"3", "5"}}
	require.Equal(t, 3*time.Second, retry.After(h, time.Now()))
}

func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"", "120", "1.5", "-1", "NaN", "1e300", "0x1p-2", "Sun, 01 Mar 2026 09:00:10 GMT"} {
		f.Add(value, "")
		f.Add(value, "Sat, 01 Mar 2025 09:00:00 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		got := retry.After(h, now)
		if got < 0 {
			t.Fatalf("a negative delay: %v", got)
		}
		if again := retry.After(h, now); again != got {
			t.Fatalf("%v, and then %v", got, again)
		}
		at, err := http.ParseTime(value)
		if err != nil {
			return
		}
		// A date that is not ahead of the clock it is measured by is no delay.
		clock := now
		if sent, err := http.ParseTime(date); err == nil {
			clock = sent
		}
		if want := max(0, at.Sub(clock)); got != want && !isSeconds(value) {
			t.Fatalf("%v instead of %v", got, want)
		}
	})
}

func isSeconds(value string) bool {
	_, err := time.ParseDuration(value + "s")
	return err == nil
}
