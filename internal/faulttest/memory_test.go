package faulttest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// defaultLimit is the limit of a reply's size if the client does not set one.
const defaultLimit = 8 << 20

// largeReply is a reply of nearly the limit: its pattern is repeated between start
// and end, which are those of a page if they are empty. A comma after the last
// repetition is dropped.
type largeReply struct {
	name, start, pattern, end string
	status                    int // 200 if it is zero
	readable, compressed      bool
}

// body puts the number of the repetition where the pattern has a #.
func (r largeReply) body(limit int64) []byte {
	start, end := cmp.Or(r.start, `{"content":[`), cmp.Or(r.end, `],"more":false}`)
	parts := strings.Split(r.pattern, "#")
	text := append(make([]byte, 0, limit), start...)
	for i := int64(0); len(text)+len(r.pattern)+100+len(end) < int(limit); i++ {
		text = append(text, parts[0]...)
		for _, part := range parts[1:] {
			text = append(strconv.AppendInt(text, i, 36), part...)
		}
	}
	return append(bytes.TrimSuffix(text, []byte(",")), end...)
}

// realisticSession is a session with two participants as the service writes it.
const realisticSession = `{"session_id":"5f0f6c1e-0b1d-4e52-9c2a-#","team_id":"c56a4180-65aa-42ec-a945-5fd21dec0538",` +
	`"client_id":"1c9e6679-7425-40de-944b-e07fc1f90ae7","session_name":"Consultation number #","start_time":"2026-03-02T09:00:00.000Z",` +
	`"end_time":"2026-03-02T09:25:00.000Z","participants":[{"participant_id":"9a3d0001-77aa-4b57-8f0e-#",` +
	`"session_id":"5f0f6c1e-0b1d-4e52-9c2a-#","client_id":"1c9e6679-7425-40de-944b-e07fc1f90ae7","display_name":"Dr. Albert Example",` +
	`"role":"HOST","state":"booking-#","entry_url":"https://api.coviu.com/v1/join/9a3d0001#","created":"2026-03-01T09:00:00.000Z"},` +
	`{"participant_id":"9a3d0002-77aa-4b57-8f0e-#","session_id":"5f0f6c1e-0b1d-4e52-9c2a-#",` +
	`"client_id":"1c9e6679-7425-40de-944b-e07fc1f90ae7","display_name":"Patient number #","role":"GUEST","state":"patient-#",` +
	`"entry_url":"https://api.coviu.com/v1/join/9a3d0002#","created":"2026-03-01T09:00:00.000Z"}],` +
	`"feature_flags":["-plugin;whiteboard","customisation;disable-menu"],"canceled_time":null}`

var largeSessionPages = []largeReply{
	{name: "tiny sessions in 20 KB of gzip", pattern: `{"session_id":"x"},`, compressed: true},
	{name: "realistic sessions", pattern: realisticSession + ",", readable: true},
	{name: "tiny sessions with an unknown field", pattern: `{"session_id":"x","a":0},`},
	{name: "tiny sessions with nine unknown fields", pattern: `{"session_id":"x","a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0},`},
	{name: "sessions with one tiny participant", pattern: `{"session_id":"x","participants":[{"participant_id":"x"}]},`},
	{name: "sessions with an empty feature flag", pattern: `{"session_id":"x","feature_flags":[""]},`},
	{name: "canceled sessions", pattern: `{"session_id":"x","canceled_time":"2026-03-02T09:00:00Z"},`},
	{name: "zones of half an hour", pattern: `{"session_id":"x","start_time":"2026-03-02T09:00:00+10:30","end_time":"2026-03-02T09:00:00+10:30"},`},
	{name: "different ids", pattern: `{"session_id":"x#","team_id":"t#","client_id":"c#"},`},
	{name: "different teams that are not UTF-8", pattern: `{"session_id":"x","team_id":"#` + strings.Repeat("\xff", 110) + `"},`},
	{name: "ids with escapes", pattern: `{"session_id":"\u0061#"},`},
	{name: "one giant session and tiny ones", start: `{"content":[{"session_id":"` + strings.Repeat("x", 1<<20) + `"},`, pattern: `{"session_id":"xx"},`},
	{name: "nulls", pattern: `{"session_id":"x"},null`},
	{name: "white space", start: `{"content":[{"session_id":"x"}`, pattern: "        ", end: `]}`, readable: true},
	{name: "unknown nested values", start: `{"content":[],"x":[`, pattern: `{"\n":[{}]},`, end: `]}`, readable: true},
}

var largeParticipantPages = []largeReply{
	{name: "tiny participants", pattern: `{"participant_id":"x"},`},
	{name: "removed participants", pattern: `{"participant_id":"x","deleted_at":"Wed, 08 Jun 2016 04:07:11 GMT"},`},
	{name: "participants with unknown roles", pattern: `{"participant_id":"x","role":"x#"},`},
	{name: "names that are not UTF-8", pattern: `{"participant_id":"x","display_name":"` + strings.Repeat("\xff", 110) + `"},`},
	{name: "a bare array of tiny participants", start: `[`, pattern: `{"participant_id":"x"},`, end: `]`},
}

var largeSessions = []largeReply{
	{name: "tiny participants", start: `{"session_id":"x","participants":[`, pattern: `{"participant_id":"x"},`, end: `]}`},
	{name: "participants again and again", start: `{"session_id":"x",`, pattern: `"participants":[{"participant_id":"x"}],`, end: `}`},
	{name: "empty feature flags", start: `{"session_id":"x","feature_flags":[`, pattern: `"",`, end: `]}`},
	{name: "feature flags of two bytes", start: `{"session_id":"x","feature_flags":[`, pattern: `"xx",`, end: `]}`},
	{name: "feature flags again and again", start: `{"session_id":"x",`, pattern: `"feature_flags":["x"],`, end: `}`, readable: true},
	{name: "unknown fields", start: `{"session_id":"x",`, pattern: `"#":0,`, end: `}`},
	{name: "unknown fields with escapes", start: `{"session_id":"x",`, pattern: `"\n#":0,`, end: `}`},
	{name: "one unknown field again and again", start: `{"session_id":"x",`, pattern: `"x":0,`, end: `}`},
	{name: "an unknown field that is escaped", start: `{"session_id":"x","x":"`, pattern: `<>&<>&<>`, end: `"}`},
	{name: "escaped unknown fields again and again", start: `{"session_id":"x",`, pattern: `"x":"` + strings.Repeat("<", 100) + `",`, end: `}`},
	{name: "an unknown field with empty values", start: `{"session_id":"x","x":[`, pattern: `[ "" ],`, end: `]}`, readable: true},
	{name: "a plain name", start: `{"session_id":"x","session_name":"`, pattern: `xxxxxxxx`, end: `"}`, readable: true},
	{name: "a name with escapes", start: `{"session_id":"x","session_name":"`, pattern: `\n\n\n\n`, end: `"}`, readable: true},
	{name: "a name that is not UTF-8", start: `{"session_id":"x","session_name":"`, pattern: "\xff\xff\xff\xff", end: `"}`},
	{name: "names again and again", start: `{"session_id":"x",`, pattern: `"session_name":"xx",`, end: `}`, readable: true},
	{name: "a field name with escapes", start: `{"session_id":"x","`, pattern: `\n\n\n\n`, end: `":0}`, readable: true},
	{name: "a field name that is not UTF-8", start: `{"session_id":"x","`, pattern: "\xff\xff\xff\xff", end: `":0}`},
	{name: "an endless role", start: `{"participants":[{"role":"`, pattern: `xxxxxxxx`, end: `"}]}`},
	{name: "an endless date", start: `{"session_id":"x","start_time":"`, pattern: `00000000`, end: `"}`},
	{name: "dates again and again", start: `{"session_id":"x",`, pattern: `"canceled_time":"2026-03-02T09:00:00Z",`, end: `}`, readable: true},
}

var largeRefusals = []largeReply{
	{name: "a long message", status: http.StatusBadRequest, start: `{"message":"`, pattern: "\xff\xff\xff\xff", end: `"}`},
	{name: "many fields", status: http.StatusBadRequest, start: `{`, pattern: `"\n#":0,`, end: `}`},
	{name: "not ok with a long message", start: `{"ok":false,"message":"`, pattern: "\xff\xff\xff\xff", end: `"}`},
	{name: "not ok with many messages", start: `{"ok":false,`, pattern: `"message":"` + strings.Repeat("\xff", 100) + `",`, end: `}`},
	{name: "not ok with many codes", start: `{"ok":false,`, pattern: `"code":1e300,`, end: `}`},
	{name: "not ok with a long code", start: `{"ok":false,"error":{"code":"`, pattern: `\n\n\n\n`, end: `"}}`},
	{name: "not ok with a long number", start: `{"ok":false,"code":1`, pattern: `00000000`, end: `}`},
}

// The other replies are read at the default limit by make exhaustive.
func TestFault23_AReplyTakesAtMostFiveTimesItsLimitOfMemory(t *testing.T) {
	requireMemoryBounded(t, defaultLimit, largeSessionPages[0], largeCalls[0].call)
	for _, calls := range largeCalls {
		for i, r := range calls.replies {
			if i%6 == 0 { // all of them are among the exhaustive tests
				t.Run(calls.name+"/"+r.name, func(t *testing.T) { requireMemoryBounded(t, 2<<20, r, calls.call) })
			}
		}
	}
}

type largeCall = func(context.Context, *coviu.Client) error

var largeCalls = []struct {
	name    string
	replies []largeReply
	call    largeCall
}{
	{"session page", largeSessionPages, func(ctx context.Context, c *coviu.Client) error {
		return either(c.Sessions.List(ctx, nil))
	}},
	{"participant page", largeParticipantPages, func(ctx context.Context, c *coviu.Client) error {
		return either(c.Participants.List(ctx, "s", nil))
	}},
	{"session", largeSessions, func(ctx context.Context, c *coviu.Client) error {
		return either(c.Sessions.Get(ctx, "s", nil))
	}},
	{"refusal", largeRefusals, func(ctx context.Context, c *coviu.Client) error {
		return either(c.Sessions.Delete(ctx, "s"))
	}},
}

func requireMemoryBounded(t *testing.T, limit int64, r largeReply, call largeCall) {
	t.Helper()
	client := serveLarge(t, r, limit, coviu.WithMaxResponseSize(limit))
	allocated, err := bytesAllocated(func() error { return call(t.Context(), client) })
	requireLargeRead(t, r, err)
	t.Logf("%.1f MiB", float64(allocated)/(1<<20))
	require.LessOrEqual(t, allocated, uint64(5*limit))
}

func TestEveryPageInFlightTakesAtMostFiveTimesTheLimit(t *testing.T) {
	const limit, prefetch = 2 << 20, 8
	client := serveLarge(t, largeSessionPages[0], limit, coviu.WithMaxResponseSize(limit))
	allocated, err := bytesAllocated(func() error {
		for _, err := range client.Sessions.Pages(t.Context(), &coviu.SessionListOptions{Prefetch: prefetch}) {
			return err
		}
		return nil
	})
	requireLargeRead(t, largeSessionPages[0], err)
	require.LessOrEqual(t, allocated, uint64(5*limit*(prefetch+1)))
}

// The memory limit must never refuse an ordinary page, however short its JSON is.
func TestEveryPageOf200SessionsIsRead(t *testing.T) {
	const participant = `{"participant_id":"x","x":0},`
	session := `{"session_id":"x","x":0,"participants":[` + strings.Repeat(participant, 4) + `{"participant_id":"x"}],"feature_flags":["","",""]},`
	page := `{"content":[` + strings.Repeat(session, 199) + `{"session_id":"x"}],"more":false}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page)) }))
	t.Cleanup(server.Close)
	client, err := coviu.NewClient("", "", coviu.WithBaseURL(server.URL), withStaticToken())
	require.NoError(t, err)
	got, err := client.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, got.Content, 200)
	require.Len(t, got.Content[198].Participants, 5)
}

func requireLargeRead(t *testing.T, r largeReply, err error) {
	t.Helper()
	_, unreadable := errors.AsType[*coviu.DecodeError](err)
	_, refused := errors.AsType[*coviu.APIError](err)
	switch {
	case r.readable:
		require.NoError(t, err)
	case strings.HasPrefix(r.start, `{"ok":false`) || r.status != 0:
		require.True(t, refused, "%v", err)
	default:
		require.True(t, unreadable, "%v", err)
	}
}

// serveLarge returns a client of a server that always answers r.
func serveLarge(t *testing.T, r largeReply, limit int64, opts ...coviu.Option) *coviu.Client {
	t.Helper()
	body, encoding := r.body(limit), "identity"
	if r.compressed {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(body)
		_ = w.Close()
		body, encoding = packed.Bytes(), "gzip"
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", encoding)
		w.WriteHeader(max(r.status, http.StatusOK))
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	client, err := coviu.NewClient("", "", append(opts, coviu.WithBaseURL(server.URL), withStaticToken())...)
	require.NoError(t, err)
	return client
}

// bytesAllocated counts the bytes that do allocates, an upper bound of the growth of
// the heap. The garbage collector is off meanwhile, so that pools keep their
// contents.
func bytesAllocated(do func() error) (uint64, error) {
	runtime.GC()
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}
