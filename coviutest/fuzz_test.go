package coviutest_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// FuzzRequests feeds raw requests to the server: whatever comes, no answer is a
// 5xx, no handler panics, refusals have the service's error form, and the server
// goes on. TOKEN and BASIC in a request stand for valid credentials.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		"GET /v1/sessions?page=1&page_size=2&state=s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n",
		"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nContent-Length: 2\r\n\r\n{}",
		"PUT /v1/sessions/s HTTP/1.0\r\nAuthorization: Bearer TOKEN\r\nContent-Length: 19\r\n\r\n{\"start_time\":null}",
		"DELETE /v1/participants/p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n",
		"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nAuthorization: BASIC\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials",
	} {
		f.Add([]byte(seed))
	}
	var api http.Handler
	s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithCredentials("key", "secret"),
		coviutest.WithClock(func() time.Time { return day }),
		coviutest.WithMiddleware(func(inner http.Handler) http.Handler {
			api = inner
			return inner
		}))
	f.Cleanup(s.Close)
	if _, err := s.Seed(coviu.Session{SessionID: "s", Participants: []coviu.Participant{{ParticipantID: "p", State: "s"}}}); err != nil {
		f.Fatal(err)
	}
	snap := s.Snapshot()
	token := ask(api, "POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nAuthorization: "+basic("key", "secret")+"\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials")
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(token.Body.Bytes(), &grant); err != nil {
		f.Fatal(err)
	}
	known := strings.NewReplacer("TOKEN", grant.AccessToken, "BASIC", basic("key", "secret"))

	f.Fuzz(func(t *testing.T, raw []byte) {
		got := ask(api, known.Replace(string(raw)))
		if got == nil {
			t.Skip("net/http refuses it before any handler runs")
		}
		if got.Code >= 500 {
			t.Fatalf("answered %d: %s", got.Code, got.Body)
		}
		if strings.HasPrefix(got.Header().Get("Content-Type"), "application/json") {
			checkJSON(t, got)
		}
		after := ask(api, known.Replace("GET /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n"))
		if after.Code != http.StatusOK {
			t.Fatalf("afterwards the list answers %d", after.Code)
		}
		checkJSON(t, after)
		s.Restore(snap)
	})
}

func ask(api http.Handler, raw string) *httptest.ResponseRecorder {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return nil
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

func checkJSON(t *testing.T, got *httptest.ResponseRecorder) {
	t.Helper()
	var body struct {
		Error any `json:"error"`
	}
	if strings.HasPrefix(got.Body.String(), "[") {
		if !json.Valid(got.Body.Bytes()) {
			t.Fatalf("no JSON: %s", got.Body)
		}
		return
	}
	if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
		t.Fatalf("%d with no JSON: %v: %s", got.Code, err, got.Body)
	}
	switch refusal := body.Error.(type) {
	case nil:
		if got.Code >= 400 {
			t.Fatalf("%d without an error: %s", got.Code, got.Body)
		}
	case map[string]any:
		if refusal["code"] != float64(got.Code) || refusal["message"] == "" {
			t.Fatalf("%d with error %v", got.Code, refusal)
		}
	}
}
