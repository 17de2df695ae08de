package dates

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseReadsEveryFormThatServersWrite(t *testing.T) {
	for text, want := range map[string]time.Time{
		"Wed, 08 Jun 2016 04:07:11 GMT":           time.Date(2016, 6, 8, 4, 7, 11, 0, time.UTC),
		"Wed, 08 Jun 2016 04:07:11 UTC":           time.Date(2016, 6, 8, 4, 7, 11, 0, time.UTC),
		"Wed, 08 Jun 2016 04:07:11 +1100":         time.Date(2016, 6, 7, 17, 7, 11, 0, time.UTC),
		"Wed, 08 Jun 2016 04:07:11 -0330":         time.Date(2016, 6, 8, 7, 37, 11, 0, time.UTC),
		"2016-06-18T12:37:59+00:00":               time.Date(2016, 6, 18, 12, 37, 59, 0, time.UTC),
		"2016-06-18T12:37:59.000Z":                time.Date(2016, 6, 18, 12, 37, 59, 0, time.UTC),
		"2016-06-18T12:37:59Z":                    time.Date(2016, 6, 18, 12, 37, 59, 0, time.UTC),
		"2017-02-15T11:57:40.664+11:00":           time.Date(2017, 2, 15, 0, 57, 40, 664e6, time.UTC),
		"2017-02-15T11:57:40.664+1100":            time.Date(2017, 2, 15, 0, 57, 40, 664e6, time.UTC),
		"2017-02-15T11:57:40.1-08:00":             time.Date(2017, 2, 15, 19, 57, 40, 1e8, time.UTC),
		"2017-02-15T11:57:40.123456789Z":          time.Date(2017, 2, 15, 11, 57, 40, 123456789, time.UTC),
		"2017-02-15T11:57:40.12345678999Z":        time.Date(2017, 2, 15, 11, 57, 40, 123456789, time.UTC),
		"2024-02-29T00:00:00Z":                    time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		"2000-02-29T23:59:59Z":                    time.Date(2000, 2, 29, 23, 59, 59, 0, time.UTC),
		"0001-01-01T00:00:00Z":                    {},
		"0000-03-01T00:00:00Z":                    time.Date(0, 3, 1, 0, 0, 0, 0, time.UTC),
		"9999-12-31T23:59:59.999999999Z":          time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"1969-12-31T23:59:59.5Z":                  time.Date(1969, 12, 31, 23, 59, 59, 5e8, time.UTC),
		"Fri, 08 Jun 2016 04:07:11 GMT":           time.Date(2016, 6, 8, 4, 7, 11, 0, time.UTC), // it was a Wednesday
		"2016-06-08T4:07:11Z":                     time.Date(2016, 6, 8, 4, 7, 11, 0, time.UTC),
		"2016-06-08T04:07:11,5Z":                  time.Date(2016, 6, 8, 4, 7, 11, 5e8, time.UTC),
		"wed, 08 jun 2016 04:07:11 GMT":           time.Date(2016, 6, 8, 4, 7, 11, 0, time.UTC),
		"Wed, 08 Jun 2016 04:07:11.25 GMT":        time.Date(2016, 6, 8, 4, 7, 11, 25e7, time.UTC),
		"2016-06-08T04:07:11" + "." + nines + "Z": time.Date(2016, 6, 8, 4, 7, 11, 999999999, time.UTC),
	} {
		got, err := Parse([]byte(text))
		require.NoError(t, err, text)
		// Not only the same instant: the same value, so that models compare.
		require.Equal(t, want, got, text)
	}
}

var nines = strings.Repeat("9", 60)

func TestParseRefusesWhatIsNoDateWithoutShowingIt(t *testing.T) {
	for _, text := range []string{
		"", " ", "now", "null", "1465358831", "1465358831000", "2016-06-08", "2016-06-08T04:07:11",
		"2016-06-08 04:07:11", "2016-06-08T04:07Z", "2016-06-08t04:07:11z", "2016-06-08T04:07:11z",
		"2016-06-08T04:07:11.Z", "2016-06-08T04:07:11+11", "2016-06-08T04:07:11+1", "2016-06-08T04:07:11 +11:00",
		"2016-06-08T04:07:11+11:0", "2016-06-08T04:07:11+99:00", "2016-06-08T04:07:11Zx", " 2016-06-08T04:07:11Z",
		"2016-02-30T00:00:00Z", "2015-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2016-04-31T00:00:00Z",
		"2016-00-08T04:07:11Z", "2016-13-08T04:07:11Z", "2016-06-00T04:07:11Z", "2016-06-08T24:00:00Z",
		"2016-06-08T23:60:00Z", "2016-06-30T23:59:60Z", "2O16-06-08T04:07:11Z", "-016-06-08T04:07:11Z",
		"12016-06-08T04:07:11Z", "2016/06/08T04:07:11Z",
		"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "Fri, 31 Dec 9999 23:59:59 -0001",
		"Wed, 08 Jun 2016 04:07:11", "Wed, 08 Jun 2016 04:07:11 EST", "Wed, 08 Jun 2016 04:07:11 AEDT",
		"Wed, 08 Jun 2016 04:07:11 gmt", "Wed, 08 Jun 2016 04:07:11 Z", "Wed, 08 Jun 2016 04:07:11 GMT+3",
		"Wed, 08 Jun 2016 04:07:11 +11:00", "Wed, 08 Jun 2016 04:07:11 +9900", "Wed, 8 Jun 2016 04:07:11 GMT",
		"Foo, 08 Jun 2016 04:07:11 GMT", "Wed, 08 Foo 2016 04:07:11 GMT", "Wed, 31 Jun 2016 04:07:11 GMT",
		"2016-06-08T04:07:11." + strings.Repeat("9", maxLength) + "Z",
		"Wed, 08 Jun 2O16 04:07:11 GMT", "Wednesday, 08-Jun-16 04:07:11 GMT", "Wed Jun  8 04:07:11 2016",
	} {
		got, err := Parse([]byte(text))
		require.EqualError(t, err, "unreadable date", text)
		require.Zero(t, got, text)
	}
}

func TestParseAgreesWithTheTimePackageOnEveryDayOfFourHundredYears(t *testing.T) {
	for day := time.Date(1899, 12, 31, 22, 58, 57, 0, time.UTC); day.Year() < 2301; day = day.AddDate(0, 0, 1) {
		for _, layout := range []string{time.RFC3339, time.RFC1123Z} {
			if got, err := Parse(day.AppendFormat(nil, layout)); err != nil || !got.Equal(day) {
				t.Fatalf("%v reads as %v, %v", day, got, err)
			}
		}
	}
}

func TestParseOfWhatServersWriteAllocatesNothing(t *testing.T) {
	for _, text := range []string{"2017-02-15T11:57:40.664+11:00", "2016-06-18T12:37:59Z", "Wed, 08 Jun 2016 04:07:11 GMT", "Wed, 08 Jun 2016 04:07:11 +1100"} {
		text := []byte(text)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = Parse(text) }), "%s", text)
	}
}

func TestRequestsCarryWhatIsFinerThanTheirFormCut(t *testing.T) {
	sydney := time.FixedZone("AEDT", 11*3600)
	for _, c := range []struct {
		at               time.Time
		rfc3339, rfc1123 string
	}{
		{time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), "2026-03-02T09:00:00.000Z", "Mon, 02 Mar 2026 09:00:00 GMT"},
		{time.Date(2026, 3, 2, 9, 0, 0, 999_999_999, sydney), "2026-03-01T22:00:00.999Z", "Sun, 01 Mar 2026 22:00:00 GMT"},
		{time.Date(2026, 3, 2, 9, 0, 0, 1_999_999, time.UTC), "2026-03-02T09:00:00.001Z", "Mon, 02 Mar 2026 09:00:00 GMT"},
		{time.Date(1969, 12, 31, 23, 59, 59, 999_999, time.UTC), "1969-12-31T23:59:59.000Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
		{time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC), "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
	} {
		require.Equal(t, "x"+c.rfc3339, string(AppendRFC3339([]byte("x"), c.at)))
		require.Equal(t, "x"+c.rfc1123, string(AppendRFC1123([]byte("x"), c.at)))
	}
}

// oracle reads text as the time package does, layout by layout.
func oracle(text string) (time.Time, bool) {
	if len(text) > maxLength {
		return time.Time{}, false
	}
	layouts := []string{time.RFC3339, "2006-01-02T15:04:05-0700", time.RFC1123Z}
	if strings.HasSuffix(text, " GMT") || strings.HasSuffix(text, " UTC") {
		layouts = append(layouts, time.RFC1123)
	}
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, text, time.UTC)
		if t = t.UTC(); err == nil && t.Year() >= 0 && t.Year() <= 9999 {
			return t, true
		}
	}
	return time.Time{}, false
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"2017-02-15T11:57:40.664+11:00", "2017-02-15T11:57:40+1100", "2016-06-18T12:37:59Z", "2016-02-29T00:00:00.123456789012Z",
		"Wed, 08 Jun 2016 04:07:11 GMT", "Wed, 08 Jun 2016 04:07:11 +1100", "Wed, 08 Jun 2016 04:07:11 EST", "wed, 08 jun 2016 4:07:11.5 UTC",
		"0000-01-01T00:00:00+24:00", "9999-12-31T23:59:59-23:59", "2016-06-08T4:07:11,5Z", "2016-06-08T04:07:11+24:60", "Mon, 02 Jan 2006 15:04:05 UTC+3 GMT",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, ok := oracle(text)
		got, err := Parse([]byte(text))
		require.Equal(t, ok, err == nil)
		require.Equal(t, want, got)
	})
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"milliseconds": "2017-02-15T11:57:40.664Z", "offset": "2017-02-15T11:57:40+11:00", "RFC1123": "Wed, 08 Jun 2016 04:07:11 GMT",
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
