package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

const controlPath = "/_control"

// control serves the routes below /_control.
type control struct {
	server *coviutest.Server
}

func (c control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+controlPath, c.state)
	mux.HandleFunc("POST "+controlPath+"/faults", c.addFault)
	mux.HandleFunc("DELETE "+controlPath+"/faults", c.clearFaults)
	mux.HandleFunc("POST "+controlPath+"/clock", c.advance)
	mux.HandleFunc("POST "+controlPath+"/revoke", c.revoke)
	// A page of another site must not control an emulator on this machine.
	http.NewCrossOriginProtection().Handler(mux).ServeHTTP(w, r)
}

type counts struct {
	Requests   int `json:"requests"`
	CarriedOut int `json:"carried_out"`
	Refused    int `json:"refused"`
}

// state answers GET /_control.
func (c control) state(w http.ResponseWriter, _ *http.Request) {
	state := struct {
		Now        time.Time         `json:"now"`
		Sessions   int               `json:"sessions"`
		Operations map[string]counts `json:"operations"`
		Grants     map[string]counts `json:"grants"`
	}{
		Now:        c.server.Now().UTC(),
		Sessions:   len(c.server.Sessions()),
		Operations: map[string]counts{},
		Grants:     map[string]counts{},
	}
	for _, name := range coviutest.Operations() {
		done := c.server.Results(name)
		state.Operations[name] = counts{c.server.Count(name), done.CarriedOut, done.Refused}
	}
	for _, grant := range []string{"client_credentials", "refresh_token", "authorization_code", "password"} {
		done := c.server.GrantResults(grant)
		state.Grants[grant] = counts{c.server.CountGrants(grant), done.CarriedOut, done.Refused}
	}
	answer(w, http.StatusOK, state)
}

// addFault answers POST /_control/faults.
func (c control) addFault(w http.ResponseWriter, r *http.Request) {
	var asked faultRequest
	if !read(w, r, &asked) {
		return
	}
	fault, err := asked.fault()
	if err != nil {
		refuse(w, err)
		return
	}
	c.server.Fail(asked.Operation, fault)
	w.WriteHeader(http.StatusNoContent)
}

// clearFaults answers DELETE /_control/faults.
func (c control) clearFaults(w http.ResponseWriter, _ *http.Request) {
	c.server.ClearFaults()
	w.WriteHeader(http.StatusNoContent)
}

// advance answers POST /_control/clock.
func (c control) advance(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Advance duration `json:"advance"`
	}
	if !read(w, r, &asked) {
		return
	}
	c.server.Advance(time.Duration(asked.Advance))
	answer(w, http.StatusOK, map[string]time.Time{"now": c.server.Now().UTC()})
}

// revoke answers POST /_control/revoke.
func (c control) revoke(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Tokens string `json:"tokens"`
	}
	if !read(w, r, &asked) {
		return
	}
	if !slices.Contains([]string{"access", "refresh", "all"}, asked.Tokens) {
		refuse(w, errors.New("tokens: neither access nor refresh nor all"))
		return
	}
	if asked.Tokens != "refresh" {
		c.server.RevokeTokens()
	}
	if asked.Tokens != "access" {
		c.server.RevokeRefreshTokens()
	}
	w.WriteHeader(http.StatusNoContent)
}

// duration is written as in Go: "1h30m", "250ms".
type duration time.Duration

func (d *duration) UnmarshalJSON(text []byte) error {
	var value string
	if err := json.Unmarshal(text, &value); err != nil {
		return errors.New("a duration is no string")
	}
	parsed, err := time.ParseDuration(value)
	if err != nil {
		return fmt.Errorf("%q is no duration", value)
	}
	*d = duration(parsed)
	return nil
}

// read decodes the body of a request. A misspelled name is an error: a test that
// waits for its fault would pass for nothing.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, errors.New("the Content-Type is not application/json"))
		return false
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, trailing := decoder.Token(); !errors.Is(trailing, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		refuse(w, err)
	}
	return err == nil
}

func refuse(w http.ResponseWriter, err error) {
	answer(w, http.StatusBadRequest, map[string]any{
		"error": map[string]any{"code": http.StatusBadRequest, "message": err.Error()},
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}
