package coviu

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func requireReason(t *testing.T, err error, field, reason string) {
	t.Helper()
	if field == "" {
		require.NoError(t, err)
		return
	}
	require.Equal(t, &ValidationError{field, reason}, err)
}

func TestFault02_ForeignCharactersInAnID(t *testing.T) {
	for _, id := range []string{
		".", "..", "../x", "%2e%2e", "%2E", "a/b", "/", "a?x", "?", "a#f", "\x00", "a\r", "a\nb", "a b", " ", "\t", "é",
		"a\u200b", "\xff", "a%2Fb", "a\\b", "a;b", "a,b", "a'b", "a(b)", "a*", "a!", "a|b", `"`, "<a>", "[a]", "{session_id}", "\x7f",
		strings.Repeat("a", 129), strings.Repeat("a", 1<<20),
	} {
		err := checkID("sessionID", id)
		require.ErrorIs(t, err, ErrInvalidRequest, "%.20q", id)
		require.NotContains(t, err.Error(), "\x00")
	}
	for _, id := range []string{"a", "...", ".a", "a.", "..a", strings.Repeat("a", 128), "AZaz09-._~$&+=:@", "-", "5f0f6c1e-0b1d-4e52-9c2a-000000000001"} {
		require.NoError(t, checkID("sessionID", id), "%.20q", id)
	}
	accepted := 0
	for b := range 256 {
		if checkID("sessionID", "a"+string([]byte{byte(b)})) == nil {
			accepted++
		}
	}
	require.Equal(t, 26+26+10+len("-._~$&+=:@"), accepted)
}

func TestARequestIsCheckedBeforeItIsSent(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	later, longAgo, farOff := at.Add(time.Millisecond), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	const bad = "a\xff"
	type person = ParticipantCreationRequest
	for _, c := range []struct {
		name          string
		check         interface{ check() error }
		field, reason string
	}{
		{"booking", &SessionCreationRequest{StartTime: at, EndTime: later}, "", ""},
		{"booking in the past", &SessionCreationRequest{StartTime: time.Unix(0, 0), EndTime: at}, "", ""},
		{"booking without start", &SessionCreationRequest{EndTime: at}, "StartTime", "is required"},
		{"booking without end", &SessionCreationRequest{StartTime: at}, "EndTime", "is required"},
		{"booking of no length", &SessionCreationRequest{StartTime: at, EndTime: at}, "EndTime", "is not after StartTime"},
		{"booking that ends first", &SessionCreationRequest{StartTime: later, EndTime: at}, "EndTime", "is not after StartTime"},
		{"booking before our time", &SessionCreationRequest{StartTime: longAgo, EndTime: at}, "StartTime", "has a year that can't be sent"},
		{"booking too far off", &SessionCreationRequest{StartTime: at, EndTime: farOff}, "EndTime", "has a year that can't be sent"},
		{"booking with a bad name", &SessionCreationRequest{StartTime: at, EndTime: later, SessionName: bad}, "SessionName", "is not UTF-8"},
		{"booking with a bad picture", &SessionCreationRequest{StartTime: at, EndTime: later, Picture: bad}, "Picture", "is not UTF-8"},
		{"booking with a bad flag", &SessionCreationRequest{StartTime: at, EndTime: later, FeatureFlags: []string{"a", bad}}, "FeatureFlags", "is not UTF-8"},
		{"booking with a bad guest", &SessionCreationRequest{StartTime: at, EndTime: later, Participants: []person{{}, {State: bad}}}, "State", "is not UTF-8"},

		{"change", &SessionUpdateRequest{EndTime: &at}, "", ""},
		{"change to the past", &SessionUpdateRequest{StartTime: new(time.Unix(0, 0))}, "", ""},
		{"change of nothing", &SessionUpdateRequest{}, "request", "changes nothing"},
		{"change to no start", &SessionUpdateRequest{StartTime: new(time.Time{})}, "StartTime", "is zero"},
		{"change to no end", &SessionUpdateRequest{EndTime: new(time.Time{})}, "EndTime", "is zero"},
		{"change to no length", &SessionUpdateRequest{StartTime: &at, EndTime: &at}, "EndTime", "is not after StartTime"},
		{"change to before our time", &SessionUpdateRequest{StartTime: &longAgo}, "StartTime", "has a year that can't be sent"},
		{"change to too far off", &SessionUpdateRequest{EndTime: &farOff}, "EndTime", "has a year that can't be sent"},
		{"change to a bad name", &SessionUpdateRequest{SessionName: new(bad)}, "SessionName", "is not UTF-8"},
		{"change to a bad picture", &SessionUpdateRequest{Picture: new(bad)}, "Picture", "is not UTF-8"},

		{"person", &person{}, "", ""},
		{"person with a bad name", &person{DisplayName: bad}, "DisplayName", "is not UTF-8"},
		{"person with a bad role", &person{Role: bad}, "Role", "is not UTF-8"},
		{"person with a bad picture", &person{Picture: bad}, "Picture", "is not UTF-8"},
		{"person with a bad state", &person{State: bad}, "State", "is not UTF-8"},
		{"person with a bad phone", &person{Phone: bad}, "Phone", "is not UTF-8"},

		{"person changed", &ParticipantUpdateRequest{DisplayName: new("")}, "", ""},
		{"person changed in nothing", &ParticipantUpdateRequest{}, "request", "changes nothing"},
		{"person changed to a bad name", &ParticipantUpdateRequest{DisplayName: new(bad)}, "DisplayName", "is not UTF-8"},
		{"person changed to a bad role", &ParticipantUpdateRequest{Role: new(Role(bad))}, "Role", "is not UTF-8"},
		{"person changed to a bad picture", &ParticipantUpdateRequest{Picture: new(bad)}, "Picture", "is not UTF-8"},
		{"person changed to a bad state", &ParticipantUpdateRequest{State: new(bad)}, "State", "is not UTF-8"},

		{"list", (*SessionListOptions)(nil), "", ""},
		{"list of the largest", &SessionListOptions{PageSize: 200, Prefetch: 64, StartTime: at, EndTime: at}, "", ""},
		{"list with an order of its own", &SessionListOptions{Order: "sideways"}, "", ""},
		{"list from page -1", &SessionListOptions{Page: -1}, "Page", "is negative"},
		{"list with pages of -1", &SessionListOptions{PageSize: -1}, "PageSize", "is not between 0 and 200"},
		{"list with pages of 201", &SessionListOptions{PageSize: 201}, "PageSize", "is not between 0 and 200"},
		{"list ahead by -1", &SessionListOptions{Prefetch: -1}, "Prefetch", "is not between 0 and 64"},
		{"list ahead by 65", &SessionListOptions{Prefetch: 65}, "Prefetch", "is not between 0 and 64"},
		{"list that ends first", &SessionListOptions{StartTime: later, EndTime: at}, "EndTime", "is before StartTime"},
		{"list from before our time", &SessionListOptions{StartTime: longAgo}, "StartTime", "has a year that can't be sent"},
		{"list until too far off", &SessionListOptions{EndTime: farOff}, "EndTime", "has a year that can't be sent"},
		{"list of a bad state", &SessionListOptions{State: bad}, "State", "is not UTF-8"},
		{"list in a bad order", &SessionListOptions{Order: bad}, "Order", "is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) { requireReason(t, c.check.check(), c.field, c.reason) })
	}
}

func TestADateIsSentIfItsYearIsFrom1To9999(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }
	for _, y := range []int{-1, 0, 10_000} {
		want := &ValidationError{"StartTime", "has a year that can't be sent"}
		require.Equal(t, want, checkYear("StartTime", year(y)), "year %d", y)
		require.Equal(t, want, (&SessionCreationRequest{StartTime: year(y), EndTime: year(y).AddDate(0, 1, 0)}).check())
		require.Equal(t, want, (&SessionUpdateRequest{StartTime: new(year(y))}).check())
		require.Equal(t, want, (&SessionListOptions{StartTime: year(y)}).check())
	}
	for _, y := range []int{1, 1970, 9999} {
		require.NoError(t, checkYear("StartTime", year(y)), "year %d", y)
	}
	// Dates are sent in UTC, so the year in UTC counts.
	sydney := time.FixedZone("AEDT", 11*3600)
	require.Error(t, checkYear("StartTime", time.Date(1, 1, 1, 10, 59, 59, 0, sydney)))
	require.NoError(t, checkYear("StartTime", time.Date(1, 1, 1, 11, 0, 0, 0, sydney)))
	require.NoError(t, checkYear("StartTime", time.Date(10_000, 1, 1, 10, 59, 59, 0, sydney)))
	require.Error(t, checkYear("StartTime", time.Date(10_000, 1, 1, 11, 0, 0, 0, sydney)))
}
