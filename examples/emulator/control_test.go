package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// ask sends a request; header lists names and values in turn.
func (e *emulator) ask(method, url, body string, header ...string) (int, map[string]any) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, url, strings.NewReader(body))
	require.NoError(e.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := http.DefaultClient.Do(r)
	require.NoError(e.t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	require.NoError(e.t, err)
	var answered map[string]any
	if len(text) > 0 {
		require.NoError(e.t, json.Unmarshal(text, &answered), "%s", text)
	}
	return reply.StatusCode, answered
}

func (e *emulator) token(form string) (int, map[string]any) {
	e.t.Helper()
	return e.ask("POST", e.base+"/auth/token", form,
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic ZGVtby1rZXk6ZGVtby1zZWNyZXQ=")
}

// control sends a request to a route below /_control.
func (e *emulator) control(method, route, body string) (int, map[string]any) {
	e.t.Helper()
	return e.ask(method, e.home()+"_control"+route, body, "Content-Type", "application/json")
}

func (e *emulator) impatient() *coviu.Client {
	e.t.Helper()
	c, err := coviu.NewClient("demo-key", "demo-secret", coviu.WithBaseURL(e.base), coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: 1}))
	require.NoError(e.t, err)
	e.t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestControlIsOffByDefault(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, route := range []string{"GET ", "POST /faults", "DELETE /faults", "POST /clock", "POST /revoke"} {
		method, path, _ := strings.Cut(route, " ")
		status, _ := e.control(method, path, `{}`)
		assert.Equal(t, 404, status, route)
	}
}

func TestControlTellsWhatHappened(t *testing.T) {
	t.Parallel()
	e := start(t, "-control")
	book(t, e.client("demo-key", "demo-secret"))
	_, _ = e.token("grant_type=refresh_token&refresh_token=none")
	status, state := e.control("GET", "", "")
	require.Equal(t, 200, status)
	assert.InDelta(t, 1, state["sessions"], 0)
	now, err := time.Parse(time.RFC3339, state["now"].(string))
	require.NoError(t, err)
	assert.InDelta(t, 0, time.Since(now).Seconds(), 60)
	operations, grants := state["operations"].(map[string]any), state["grants"].(map[string]any)
	assert.Len(t, operations, len(coviutest.Operations()))
	assert.Equal(t, map[string]any{"requests": 1.0, "carried_out": 1.0, "refused": 0.0}, operations["POST /sessions"])
	assert.Equal(t, map[string]any{"requests": 2.0, "carried_out": 1.0, "refused": 1.0}, operations["POST /auth/token"])
	assert.Equal(t, map[string]any{"requests": 1.0, "carried_out": 0.0, "refused": 1.0}, grants["refresh_token"])
}

func TestFaultsAreAddedAndCleared(t *testing.T) {
	t.Parallel()
	e := start(t, "-control")
	c := e.impatient()
	status, _ := e.control("POST", "/faults", `{"operation":"GET /sessions","fault":"unavailable","always":true,"after":1}`)
	require.Equal(t, 204, status)
	_, err := c.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	for range 2 {
		_, err = c.Sessions.List(t.Context(), nil)
		require.ErrorIs(t, err, coviu.ErrServer)
	}
	status, _ = e.control("DELETE", "/faults", "")
	require.Equal(t, 204, status)
	_, err = c.Sessions.List(t.Context(), nil)
	require.NoError(t, err)

	status, _ = e.control("POST", "/faults", `{"operation":"GET /sessions","fault":"unavailable","times":2}`)
	require.Equal(t, 204, status)
	for range 2 {
		_, err = c.Sessions.List(t.Context(), nil)
		require.ErrorIs(t, err, coviu.ErrServer)
	}
	_, err = c.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
}

func TestEveryFaultDoesWhatItsNameSays(t *testing.T) {
	t.Parallel()
	start1h := time.Now().Add(time.Hour)
	request := &coviu.SessionCreationRequest{SessionName: "x", StartTime: start1h, EndTime: start1h.Add(time.Hour)}
	for fault, row := range map[string]struct {
		members string
		err     error // of the booking
		booked  float64
	}{
		"delay":                     {`"duration":"1ms"`, nil, 1},
		"reset":                     {``, coviu.ErrOutcomeUnknown, 0},
		"lose_reply":                {``, coviu.ErrOutcomeUnknown, 1},
		"carry_out_late":            {`"duration":"1h"`, coviu.ErrOutcomeUnknown, 0},
		"list_late":                 {`"duration":"1h"`, nil, 1},
		"cut_body":                  {`"bytes":10`, coviu.ErrOutcomeUnknown, 1},
		"unavailable":               {``, coviu.ErrServer, 0},
		"unavailable, carried out":  {`"carried_out":true`, coviu.ErrServer, 1},
		"rate_limit":                {`"duration":"1h"`, coviu.ErrRateLimited, 0},
		"status":                    {`"status":409,"body":"{}"`, coviu.ErrConflict, 0},
		"refuse_refresh":            {``, nil, 1}, // not a refresh
		"lose_reply, another grant": {`"grant":"password"`, nil, 1},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			e := start(t, "-control")
			name, _, _ := strings.Cut(fault, ",")
			body := `{"operation":"POST /sessions","fault":"` + name + `"`
			if row.members != "" {
				body += "," + row.members
			}
			status, answered := e.control("POST", "/faults", body+"}")
			require.Equal(t, 204, status, answered)
			_, err := e.impatient().Sessions.Create(t.Context(), request)
			if row.err == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, row.err)
			}
			_, state := e.control("GET", "", "")
			assert.InDelta(t, row.booked, state["sessions"], 0)
		})
	}
}

func TestFaultsThatWait(t *testing.T) {
	t.Parallel()
	for fault, carriedOut := range map[string]float64{"hang": 0, "stall_body": 1} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			e := start(t, "-control")
			_, granted := e.token("grant_type=client_credentials")
			status, _ := e.control("POST", "/faults", `{"operation":"GET /sessions","fault":"`+fault+`"}`)
			require.Equal(t, 204, status)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.base+"/sessions", nil)
				if err == nil {
					r.Header.Set("Authorization", "Bearer "+granted["access_token"].(string))
					err = readAll(http.DefaultClient.Do(r))
				}
				ended <- err
			}()
			require.Eventually(t, func() bool {
				_, state := e.control("GET", "", "")
				seen := state["operations"].(map[string]any)["GET /sessions"].(map[string]any)
				return seen["requests"] == 1.0 && seen["carried_out"] == carriedOut
			}, time.Minute, time.Millisecond)
			select {
			case err := <-ended:
				t.Errorf("ended by itself: %v", err)
			default:
			}
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
		})
	}
}

func readAll(reply *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	_, err = io.Copy(io.Discard, reply.Body)
	return err
}

func TestASessionCanBeListedLate(t *testing.T) {
	t.Parallel()
	e := start(t, "-control")
	c := e.impatient()
	for _, body := range []string{
		`{"operation":"POST /sessions","fault":"list_late","duration":"30m"}`,
		`{"operation":"POST /sessions","fault":"lose_reply","listed_after":"30m"}`,
	} {
		status, _ := e.control("POST", "/faults", body)
		require.Equal(t, 204, status)
	}
	at := time.Now().Add(2 * time.Hour)
	for range 2 {
		_, _ = c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{SessionName: "x", StartTime: at, EndTime: at.Add(time.Hour)})
	}
	page, err := c.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, page.Content)
	_, _ = e.control("POST", "/clock", `{"advance":"31m"}`)
	page, err = c.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, page.Content, 2)
}

func TestTheClockMoves(t *testing.T) {
	t.Parallel()
	e := start(t, "-control")
	link := book(t, e.client("demo-key", "demo-secret")).Participants[0].EntryURL
	code, _ := e.get(link)
	assert.Equal(t, 403, code)
	status, moved := e.control("POST", "/clock", `{"advance":"61m"}`)
	require.Equal(t, 200, status)
	now, err := time.Parse(time.RFC3339, moved["now"].(string))
	require.NoError(t, err)
	assert.InDelta(t, 61, time.Until(now).Minutes(), 1)
	code, _ = e.get(link)
	assert.Equal(t, 200, code)
}

func TestTokensAreRevoked(t *testing.T) {
	t.Parallel()
	for tokens, row := range map[string]struct{ call, refresh int }{
		"access": {401, 200}, "refresh": {200, 400}, "all": {401, 400},
	} {
		t.Run(tokens, func(t *testing.T) {
			t.Parallel()
			e := start(t, "-control")
			_, granted := e.token("grant_type=client_credentials")
			status, _ := e.control("POST", "/revoke", `{"tokens":"`+tokens+`"}`)
			require.Equal(t, 204, status)
			status, _ = e.ask("GET", e.base+"/sessions", "", "Authorization", "Bearer "+granted["access_token"].(string))
			assert.Equal(t, row.call, status)
			status, _ = e.token("grant_type=refresh_token&refresh_token=" + granted["refresh_token"].(string))
			assert.Equal(t, row.refresh, status)
		})
	}
}

func TestControlRefusesMistakes(t *testing.T) {
	t.Parallel()
	e := start(t, "-control")
	for _, row := range []struct{ route, body, want string }{
		{"/faults", `{"operation":"POST /session","fault":"hang"}`, `operation: "POST /session" is none`},
		{"/faults", `{"operation":"*","fault":"fire"}`, `fault: "fire" is none`},
		{"/faults", `{"operation":"*","fault":"hang","time":2}`, `unknown field "time"`},
		{"/faults", `{"operation":"*","fault":"hang","times":-1}`, "negative"},
		{"/faults", `{"operation":"*","fault":"delay","duration":"-1s"}`, "negative"},
		{"/faults", `{"operation":"*","fault":"list_late"}`, "duration: list_late needs one"},
		{"/faults", `{"operation":"*","fault":"delay","duration":5}`, "a duration is no string"},
		{"/faults", `{"operation":"*","fault":"delay","duration":"soon"}`, `"soon" is no duration`},
		{"/faults", `{"operation":"*","fault":"status","status":99}`, "status: "},
		{"/faults", `{} {}`, "something follows"},
		{"/faults", ``, "EOF"},
		{"/clock", `{"advance":"1d"}`, `"1d" is no duration`},
		{"/revoke", `{"tokens":"some"}`, "tokens: "},
	} {
		status, answered := e.control("POST", row.route, row.body)
		assert.Equal(t, 400, status, row.body)
		refusal, _ := answered["error"].(map[string]any)
		require.NotNil(t, refusal, row.body)
		assert.Contains(t, refusal["message"], row.want)
	}
	status, _ := e.ask("POST", e.home()+"_control/clock", `{"advance":"1h"}`, "Content-Type", "text/plain")
	assert.Equal(t, 400, status, "a form of another site can send text/plain")
	_, err := e.impatient().Sessions.List(t.Context(), nil)
	require.NoError(t, err, "no fault was added")
}

func TestAnotherSiteCantControl(t *testing.T) {
	t.Parallel()
	e := start(t, "-control")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, e.home()+"_control/faults", nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "https://elsewhere.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	reply, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	reply.Body.Close()
	assert.Equal(t, http.StatusForbidden, reply.StatusCode)
}
