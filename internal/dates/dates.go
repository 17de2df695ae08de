// Package dates reads and writes the forms of a date that the service uses:
// RFC 3339 and RFC 1123.
package dates

import (
	"errors"
	"strings"
	"time"
)

const (
	rfc3339WithoutColon = "2006-01-02T15:04:05-0700"
	rfc1123InGMT        = "Mon, 02 Jan 2006 15:04:05 GMT"
	rfc1123InUTC        = "Mon, 02 Jan 2006 15:04:05 UTC"

	// maxLength bounds what an unreadable date costs: time.Parse copies it.
	maxLength = 128
)

var errUnreadable = errors.New("unreadable date")

// Parse reads RFC 3339, with or without a fraction of a second, with Z or an
// offset (with or without its colon), and RFC 1123 with GMT, UTC or a numeric
// zone. Other zone names are unreadable: [time.Parse] would take them for UTC.
//
// The result is in UTC and has a year from 0 to 9999, so that it can be written
// again. The error never shows the text.
func Parse(text []byte) (time.Time, error) {
	if len(text) > maxLength {
		return time.Time{}, errUnreadable
	}
	t, err := time.Parse(layoutOf(string(text)), string(text))
	if t = t.UTC(); err != nil || t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}, errUnreadable
	}
	return t, nil
}

// layoutOf returns the only layout that text can have.
func layoutOf(text string) string {
	switch {
	case strings.HasSuffix(text, " GMT"):
		return rfc1123InGMT
	case strings.HasSuffix(text, " UTC"):
		return rfc1123InUTC
	case strings.Contains(text, " "):
		return time.RFC1123Z
	case strings.HasSuffix(text, "Z") || strings.LastIndexByte(text, ':') == len(text)-len(":00"):
		return time.RFC3339
	default:
		return rfc3339WithoutColon
	}
}

// AppendRFC3339 appends t in UTC with milliseconds. Smaller units are cut.
func AppendRFC3339(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

// AppendRFC1123 appends t in GMT with seconds. Smaller units are cut.
func AppendRFC1123(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, rfc1123InGMT)
}
