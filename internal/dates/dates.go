// Package dates reads and writes the forms of a date that the service uses:
// RFC 3339 and RFC 1123.
package dates

import (
	"bytes"
	"errors"
	"time"
)

var errUnreadable = errors.New("unreadable date")

const (
	startOfYear0     = -62_167_219_200
	startOfYear10000 = 253_402_300_800
)

// Parse reads RFC 3339, with or without a fraction of a second, with Z or an
// offset, where the colon of the offset may be missing, and RFC 1123 with GMT,
// UTC or a numeric zone. The result is in UTC and has a year from 0 to 9999, so
// that it can be written again. The error never shows the text.
//
// It takes what [time.Parse] takes with [time.RFC3339], [time.RFC1123] and
// [time.RFC1123Z]. The forms that servers write are read by their shape, which
// costs a tenth of a layout and no allocation. The rest goes to time.Parse: an
// hour of one digit, a comma before the fraction, a month in lower case.
func Parse(text []byte) (time.Time, error) {
	t, ok := parseShape(text)
	if !ok {
		t, ok = parseLayout(text)
	}
	if seconds := t.Unix(); !ok || seconds < startOfYear0 || seconds >= startOfYear10000 {
		return time.Time{}, errUnreadable
	}
	return t, nil
}

// AppendRFC3339 appends t in UTC with milliseconds; what is finer is cut.
func AppendRFC3339(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

// AppendRFC1123 appends t in GMT with seconds; what is finer is cut.
func AppendRFC1123(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
}

func parseShape(text []byte) (time.Time, bool) {
	if len(text) < len("2006-01-02T15:04:05Z") {
		return time.Time{}, false
	}
	if text[4] == '-' {
		return parseRFC3339(text)
	}
	return parseRFC1123(text)
}

// parseLayout lets time.Parse decide, with the one layout that could fit.
func parseLayout(text []byte) (time.Time, bool) {
	layout, n := time.RFC3339, len(text)
	switch {
	case n > 5 && (text[n-5] == '+' || text[n-5] == '-'):
		layout = "2006-01-02T15:04:05-0700"
		if bytes.IndexByte(text, ' ') >= 0 {
			layout = time.RFC1123Z
		}
	case bytes.HasSuffix(text, []byte(" GMT")), bytes.HasSuffix(text, []byte(" UTC")):
		layout = time.RFC1123
	}
	// A location of its own keeps zone names of this machine out of it.
	t, err := time.ParseInLocation(layout, string(text), time.UTC)
	return t.UTC(), err == nil
}

// parseRFC3339 reads 2006-01-02T15:04:05.999999999Z07:00.
func parseRFC3339(text []byte) (time.Time, bool) {
	if text[4] != '-' || text[7] != '-' || text[10] != 'T' {
		return time.Time{}, false
	}
	year, month, day := 100*pair(text, 0)+pair(text, 2), pair(text, 5), pair(text, 8)
	seconds, ok := instant(year, month, day, text[11:19])
	fraction, zone := nanoseconds(text[19:])
	offset, zoned := zoneOffset(zone)
	return time.Unix(seconds-offset, fraction).UTC(), ok && zoned && pair(text, 0)|pair(text, 2) >= 0
}

// parseRFC1123 reads Mon, 02 Jan 2006 15:04:05 GMT.
func parseRFC1123(text []byte) (time.Time, bool) {
	if len(text) < len("Mon, 02 Jan 2006 15:04:05 GMT") || text[3] != ',' || text[4] != ' ' ||
		text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[25] != ' ' || !weekday(text[:3]) {
		return time.Time{}, false
	}
	year, month, day := 100*pair(text, 12)+pair(text, 14), monthNumber(text[8:11]), pair(text, 5)
	seconds, ok := instant(year, month, day, text[17:25])
	var offset int64
	switch zone := text[26:]; string(zone) {
	case "GMT", "UTC":
	default:
		if len(zone) != len("-0700") {
			return time.Time{}, false
		}
		var zoned bool
		offset, zoned = zoneOffset(zone)
		ok = ok && zoned
	}
	return time.Unix(seconds-offset, 0).UTC(), ok && pair(text, 12)|pair(text, 14) >= 0
}

// instant returns the seconds since 1970 of a day and a clock like 15:04:05.
// A year with a bad digit is the caller's to refuse.
func instant(year, month, day int, clock []byte) (seconds int64, ok bool) {
	hour, minute, second := pair(clock, 0), pair(clock, 3), pair(clock, 6)
	ok = uint(month-1) < 12 && day >= 1 && day <= daysIn(month, year) &&
		uint(hour) < 24 && uint(minute) < 60 && uint(second) < 60 && clock[2] == ':' && clock[5] == ':'
	return int64(daysSince1970(year, month, day))*86400 + int64(hour*3600+minute*60+second), ok
}

// pair reads two digits; it is negative if they are none.
func pair(text []byte, at int) int {
	tens, ones := text[at]-'0', text[at+1]-'0'
	if tens > 9 || ones > 9 {
		return -1
	}
	return 10*int(tens) + int(ones)
}

// nanoseconds reads a fraction, if there is one, and returns what follows it.
// What is finer than a nanosecond is cut.
func nanoseconds(text []byte) (fraction int64, rest []byte) {
	if len(text) < 2 || text[0] != '.' {
		return 0, text
	}
	unit, i := int64(100_000_000), 1
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		fraction += int64(text[i]-'0') * unit
		unit /= 10
	}
	if i == 1 {
		return 0, text
	}
	return fraction, text[i:]
}

// zoneOffset reads Z, +07:00 or +0700 as seconds east of UTC.
func zoneOffset(zone []byte) (seconds int64, ok bool) {
	if len(zone) == 1 {
		return 0, zone[0] == 'Z'
	}
	if len(zone) < len("-0700") || (zone[0] != '+' && zone[0] != '-') {
		return 0, false
	}
	minutesAt := 3
	if zone[3] == ':' {
		minutesAt = 4
	}
	if len(zone) != minutesAt+2 {
		return 0, false
	}
	hours, minutes := pair(zone, 1), pair(zone, minutesAt)
	seconds = int64(hours*3600 + minutes*60)
	if zone[0] == '-' {
		seconds = -seconds
	}
	return seconds, uint(hours) < 24 && uint(minutes) < 60
}

func weekday(name []byte) bool {
	switch string(name) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

func monthNumber(name []byte) int {
	switch string(name) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}

func daysIn(month, year int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// daysSince1970 counts in years that start in March, so that a leap day is the
// last of its year.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	const marchOfYear0 = 719_468
	// One cycle of 400 years ahead keeps the divisions of January of year 0 positive.
	year += 400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return year*365 + year/4 - year/100 + year/400 + dayOfYear - 146_097 - marchOfYear0
}
