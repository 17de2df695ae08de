package coviutest

import (
	"errors"
	"strings"
	"time"
)

const (
	isoLayout     = "2006-01-02T15:04:05.000Z"
	rfc1123Layout = "Mon, 02 Jan 2006 15:04:05 GMT"
)

var errDate = errors.New("not a date in RFC 3339 or RFC 1123")

// parseDate reads a date in any form that one of the vendor's clients sends,
// and says which of the two families it belongs to.
func parseDate(text string) (time.Time, DateForm, error) {
	form := DatesISO
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		form = DatesRFC1123
		t, err = parseRFC1123(text)
	}
	if t = t.UTC(); err != nil || t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}, 0, errDate
	}
	return t, form, nil
}

// parseRFC1123 takes no zone name but GMT and UTC: time.Parse would read any
// other as an offset of zero.
func parseRFC1123(text string) (time.Time, error) {
	const noZone = "Mon, 02 Jan 2006 15:04:05"
	for _, zone := range []string{" GMT", " UTC"} {
		if rest, ok := strings.CutSuffix(text, zone); ok {
			return time.Parse(noZone, rest)
		}
	}
	return time.Parse(time.RFC1123Z, text)
}

func appendDate(b []byte, ms int64, form DateForm) []byte {
	t := time.UnixMilli(ms).UTC()
	if form == DatesRFC1123 {
		return t.AppendFormat(b, rfc1123Layout)
	}
	return t.AppendFormat(b, isoLayout)
}
