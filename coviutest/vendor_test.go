package coviutest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

// socket writes requests byte for byte on a TCP connection.
type socket struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialSocket(t *testing.T, s *coviutest.Server) *socket {
	t.Helper()
	base, err := url.Parse(s.URL)
	require.NoError(t, err)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", base.Host)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &socket{t, conn, bufio.NewReader(conn)}
}

// send writes lines ended by CRLF, then the body as it is.
func (s *socket) send(body string, lines ...string) answer {
	s.t.Helper()
	_, err := io.WriteString(s.conn, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
	require.NoError(s.t, err)
	reply, err := http.ReadResponse(s.in, nil)
	require.NoError(s.t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	require.NoError(s.t, err)
	return answer{s.t, reply.StatusCode, reply.Header, string(text), new(any)}
}

func length(body string) string { return fmt.Sprintf("Content-Length: %d", len(body)) }

func newVendorServer(t *testing.T) *coviutest.Server {
	t.Helper()
	s := coviutest.NewServer(coviutest.WithClock(func() time.Time { return day }), coviutest.WithCredentials("key", hardSecret))
	t.Cleanup(s.Close)
	return s
}

// The JavaScript client sends no Accept header and RFC 1123 dates, decodes the
// access token, and compares dates as strings.
func TestTrafficOfTheJavaScriptClient(t *testing.T) {
	t.Parallel()
	c := dialSocket(t, newVendorServer(t))
	grant := "grant_type=client_credentials"
	token := c.send(grant, "POST /v1/auth/token HTTP/1.1", "authorization: "+basic("key", hardSecret),
		"content-type: application/x-www-form-urlencoded", "host: localhost", "content-length: 29", "Connection: keep-alive")
	require.Equal(t, 200, token.status, token.body)
	assert.NotEmpty(t, claim(t, token.text("access_token"), "userId"))
	bearer := "authorization: Bearer " + token.text("access_token")

	body := `{"session_name":"A test session","start_time":"Wed, 08 Jun 2016 04:07:11 GMT","end_time":"Wed, 08 Jun 2016 05:07:11 GMT","participants":[{"display_name":"Dr","role":"host","state":"test-state"}]}`
	made := c.send(body, "POST /v1/sessions HTTP/1.1", bearer, "content-type: application/json", "host: localhost", length(body)).is(200)
	assert.Equal(t, "Wed, 08 Jun 2016 04:07:11 GMT", made.text("start_time"))
	assert.Equal(t, "Wed, 08 Jun 2016 05:07:11 GMT", made.text("end_time"))
	assert.Equal(t, "HOST", made.text("participants.0.role"))
	assert.Equal(t, "test-state", made.text("participants.0.state"))

	query := "start_time=" + url.PathEscape("Wed, 08 Jun 2016 04:07:11 GMT") + "&include_canceled=true&page=0&page_size=10"
	listed := c.send("", "GET /v1/sessions?"+query+" HTTP/1.1", bearer, "host: localhost").is(200)
	assert.Equal(t, []string{made.text("session_id")}, listed.list("content", "session_id"))
	people := c.send("", "GET /v1/sessions/"+made.text("session_id")+"/participants HTTP/1.1", bearer, "host: localhost").is(200)
	assert.Equal(t, byte('['), people.body[0])
	gone := c.send("", "DELETE /v1/sessions/"+made.text("session_id")+" HTTP/1.1", bearer, "host: localhost").is(200)
	assert.JSONEq(t, `{"ok":true}`, gone.body)
}

// The PHP client escapes slashes in JSON, writes booleans as 1 and 0 in queries,
// sends an offset of +00:00 and Content-Length: 0 on DELETE, and expects 401 for
// a canceled session.
func TestTrafficOfThePHPClient(t *testing.T) {
	t.Parallel()
	c := dialSocket(t, newVendorServer(t))
	grant := "grant_type=client_credentials"
	common := []string{"Host: localhost", "User-Agent: GuzzleHttp/6.2 curl/7.43.0 PHP/5.6", "Accept: application/json"}
	token := c.send(grant, append([]string{"POST /v1/auth/token HTTP/1.1", "Authorization: " + basic("key", hardSecret), "Content-Type: application/x-www-form-urlencoded", length(grant)}, common...)...)
	require.Equal(t, 200, token.status, token.body)
	common = append(common, "Authorization: Bearer "+token.text("access_token"))

	soon := day.Add(9 * time.Second).Format("2006-01-02T15:04:05+00:00")
	end := day.Add(time.Hour).Format("2006-01-02T15:04:05+00:00")
	body := `{"start_time":"` + soon + `","end_time":"` + end + `","picture":"http:\/\/www.fillmurray.com\/200\/300","participants":[]}`
	made := c.send(body, append([]string{"POST /v1/sessions HTTP/1.1", "Content-Type: application/json", length(body)}, common...)...).is(200)
	assert.Equal(t, in(9*time.Second), made.text("start_time"))
	assert.Equal(t, "http://www.fillmurray.com/200/300", made.text("picture"))
	path := "/v1/sessions/" + made.text("session_id")

	person := `{"display_name":"Dr. Who","role":"HOST","picture":"http:\/\/p.example"}`
	added := c.send(person, append([]string{"POST " + path + "/participants HTTP/1.1", "Content-Type: application/json", length(person)}, common...)...).is(200)
	c.send("", append([]string{"DELETE /v1/participants/" + added.text("participant_id") + " HTTP/1.1", "Content-Length: 0"}, common...)...).is(200)
	c.send("", append([]string{"DELETE " + path + " HTTP/1.1", "Content-Length: 0"}, common...)...).is(200)
	c.send("", append([]string{"GET " + path + " HTTP/1.1"}, common...)...).is(401)
	listed := c.send("", append([]string{"GET /v1/sessions?page=0&include_canceled=1&deleted_participants=0 HTTP/1.1"}, common...)...).is(200)
	assert.Equal(t, []any{}, listed.get("content.0.participants"))
}

// The Java client sends a Content-Type with GET and DELETE, offsets with
// milliseconds, no Accept on the token call, and reads ISO 8601 with a fraction.
func TestTrafficOfTheJavaClient(t *testing.T) {
	t.Parallel()
	c := dialSocket(t, newVendorServer(t))
	grant := "grant_type=client_credentials"
	token := c.send(grant, "POST /v1/auth/token HTTP/1.1", "Authorization: "+basic("key", hardSecret),
		"Content-Type: application/x-www-form-urlencoded; charset=UTF-8", length(grant), "Host: localhost", "Connection: Keep-Alive", "User-Agent: Apache-HttpClient/4.5", "Accept-Encoding: gzip,deflate")
	require.Equal(t, 200, token.status, token.body)
	common := []string{"Authorization: Bearer " + token.text("access_token"), "Content-Type: application/json", "Accept: application/json", "Host: localhost", "Accept-Encoding: gzip,deflate"}

	body := `{"session_name":null,"start_time":"2017-02-15T11:57:40.664+11:00","end_time":"2017-02-15T12:57:40.664+11:00","participants":[{"role":"Guest"}]}`
	made := c.send(body, append([]string{"POST /v1/sessions HTTP/1.1", length(body)}, common...)...).is(200)
	assert.Equal(t, "2017-02-15T00:57:40.664Z", made.text("start_time"))
	assert.Empty(t, made.header.Get("Content-Encoding"))
	path := "/v1/sessions/" + made.text("session_id")
	assert.Equal(t, made.body, c.send("", append([]string{"GET " + path + " HTTP/1.1"}, common...)...).is(200).body)
	page := c.send("", append([]string{"GET /v1/sessions?page=0&page_size=1&order=forward HTTP/1.1"}, common...)...).is(200)
	for _, key := range []string{"content", "page", "page_size", "more"} {
		assert.NotNil(t, page.get(key), key)
	}
	assert.JSONEq(t, `{"ok":true}`, c.send("", append([]string{"DELETE " + path + " HTTP/1.1"}, common...)...).is(200).body)
}

func TestChunkedAndContinuedRequests(t *testing.T) {
	t.Parallel()
	s := newVendorServer(t)
	c := dialSocket(t, s)
	token := c.send("grant_type=client_credentials", "POST /v1/auth/token HTTP/1.1", "Host: x", "Authorization: "+basic("key", hardSecret), "Content-Length: 29").text("access_token")
	body := `{` + timesJSON(time.Hour, 2*time.Hour) + `}`
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	c.send(chunks, "POST /v1/sessions HTTP/1.1", "Host: x", "Authorization: bearer "+token, "Transfer-Encoding: chunked").is(200)
	broken := dialSocket(t, s)
	broken.send("zz\r\n", "POST /v1/sessions HTTP/1.1", "Host: x", "Authorization: Bearer "+token, "Transfer-Encoding: chunked").is(400)
	assert.Len(t, s.Sessions(), 1)
}

// What net/http itself refuses never reaches the server's own code: it gets a
// plain 400 and the server goes on.
func TestRequestsThatAreNoHTTP(t *testing.T) {
	t.Parallel()
	s := newVendorServer(t)
	for _, text := range []string{"\x00\x01\x02\r\n\r\n", "GET /v1/sessions HTTP/9.9\r\n\r\n", "GET /v1/sess%zzions HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/sessions HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n", "GET /v1/sessions HTTP/1.1\r\n\r\n"} {
		c := dialSocket(t, s)
		_, err := io.Copy(c.conn, bytes.NewReader([]byte(text)))
		require.NoError(t, err)
		reply, err := http.ReadResponse(c.in, nil)
		require.NoError(t, err, "%q", text)
		assert.GreaterOrEqual(t, reply.StatusCode, 400)
		assert.NotEqual(t, 500, reply.StatusCode)
		reply.Body.Close()
	}
}
