package coviutest_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

// day is when the tests of this package begin, by the server's clock.
var day = time.Date(2016, 6, 1, 9, 0, 0, 0, time.UTC)

const form = "application/x-www-form-urlencoded"

// wire speaks plain HTTP to a server, with no code of the client in between.
type wire struct {
	t     *testing.T
	s     *coviutest.Server
	http  *http.Client
	token string
}

func newServer(t *testing.T, opts ...coviutest.Option) *coviutest.Server {
	t.Helper()
	own := []coviutest.Option{coviutest.WithInMemory(), coviutest.WithClock(func() time.Time { return day })}
	s := coviutest.NewServer(append(own, opts...)...)
	t.Cleanup(s.Close)
	return s
}

// newWire logs in with the server's own API key.
func newWire(t *testing.T, s *coviutest.Server) *wire {
	t.Helper()
	return newWireFor(t, s, coviutest.Credentials{APIKey: s.APIKey, KeySecret: s.KeySecret})
}

func newWireFor(t *testing.T, s *coviutest.Server, key coviutest.Credentials) *wire {
	t.Helper()
	w := &wire{t: t, s: s, http: &http.Client{
		Transport:     s.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	w.token = w.grant(key.APIKey, key.KeySecret, "grant_type=client_credentials").text("access_token")
	return w
}

// answer is a reply, read to its end.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	parsed *any
}

// send sends a request as it is; header lists names and values in turn.
func (w *wire) send(method, path, body string, header ...string) answer {
	w.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.s.URL+path, reader)
	require.NoError(w.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := w.http.Do(r)
	require.NoError(w.t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	require.NoError(w.t, err)
	return answer{w.t, reply.StatusCode, reply.Header, string(text), new(any)}
}

// do sends an API request with the bearer token.
func (w *wire) do(method, path, body string) answer {
	w.t.Helper()
	return w.send(method, path, body, "Authorization", "Bearer "+w.token, "Accept", "application/json")
}

// grant asks for a token.
func (w *wire) grant(key, secret, body string) answer {
	w.t.Helper()
	return w.send("POST", "/auth/token", body, "Authorization", basic(key, secret), "Content-Type", form)
}

func (w *wire) ownGrant(body string) answer {
	w.t.Helper()
	return w.grant(w.s.APIKey, w.s.KeySecret, body)
}

func basic(key, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
}

// is checks the status, and of a refusal the error form too.
func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.body)
	if status >= 400 {
		assert.Equal(a.t, float64(status), a.get("error.code"), a.body)
		assert.NotEmpty(a.t, a.get("error.message"), a.body)
	}
	return a
}

// refuses checks a refusal of the token endpoint.
func (a answer) refuses(status int, code string) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.body)
	assert.Equal(a.t, code, a.get("error"), a.body)
}

// json is the body, decoded once for all the questions about it.
func (a answer) json() any {
	a.t.Helper()
	if *a.parsed == nil {
		require.NoError(a.t, json.Unmarshal([]byte(a.body), a.parsed), a.body)
	}
	return *a.parsed
}

// get walks into the JSON of the body: "participants.0.role". A missing member
// is nil.
func (a answer) get(path string) any {
	a.t.Helper()
	value := a.json()
	for step := range strings.SplitSeq(path, ".") {
		switch at := value.(type) {
		case map[string]any:
			value = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(at) {
				return nil
			}
			value = at[i]
		default:
			return nil
		}
	}
	return value
}

func (a answer) text(path string) string {
	a.t.Helper()
	text, ok := a.get(path).(string)
	require.True(a.t, ok, "%s is no string in %s", path, a.body)
	return text
}

// list collects one member of each element of an array.
func (a answer) list(array, member string) []string {
	a.t.Helper()
	texts := []string{}
	for i := 0; a.get(join(array, i)) != nil; i++ {
		texts = append(texts, a.text(join(array, i)+"."+member))
	}
	return texts
}

func join(array string, i int) string {
	if array == "" {
		return strconv.Itoa(i)
	}
	return array + "." + strconv.Itoa(i)
}

// in is a time in the ISO form, counted from the beginning of the tests.
func in(d time.Duration) string { return day.Add(d).Format("2006-01-02T15:04:05.000Z") }

func timesJSON(from, to time.Duration) string {
	return `"start_time":"` + in(from) + `","end_time":"` + in(to) + `"`
}

// book books a session and returns its id. Members are added to the body.
func (w *wire) book(from time.Duration, members ...string) string {
	w.t.Helper()
	body := "{" + strings.Join(append([]string{timesJSON(from, from+time.Hour)}, members...), ",") + "}"
	return w.do("POST", "/sessions", body).is(200).text("session_id")
}

// invite adds a participant and returns the id.
func (w *wire) invite(sessionID, body string) string {
	w.t.Helper()
	return w.do("POST", "/sessions/"+sessionID+"/participants", body).is(200).text("participant_id")
}

// names lists GET /sessions by session_name.
func (w *wire) names(query string) []string {
	w.t.Helper()
	return w.do("GET", "/sessions?"+query, "").is(200).list("content", "session_name")
}

func named(name string) string { return `"session_name":"` + name + `"` }

func escaped(name, value string) string { return url.Values{name: {value}}.Encode() }
