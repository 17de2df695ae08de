package coviu_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// canaries are two words of which neither may be seen. Printing a value that
// was filled with one and with the other has to give the same text, whatever
// form a leak would take.
var canaries = [2]string{"CANARYyellow", "CANARYscarlet"}

// plainWords are exported types whose whole value is a word of the protocol,
// which is there to be printed.
var plainWords = map[string]bool{"Role": true, "Order": true}

// exported are all exported types of the package but plainWords.
var exported = map[string]reflect.Type{
	"APIError":                   reflect.TypeFor[coviu.APIError](),
	"Client":                     reflect.TypeFor[coviu.Client](),
	"DecodeError":                reflect.TypeFor[coviu.DecodeError](),
	"KeyError":                   reflect.TypeFor[coviu.KeyError](),
	"ListError":                  reflect.TypeFor[coviu.ListError](),
	"Option":                     reflect.TypeFor[coviu.Option](),
	"OutcomeUnknownError":        reflect.TypeFor[coviu.OutcomeUnknownError](),
	"Participant":                reflect.TypeFor[coviu.Participant](),
	"ParticipantCreationRequest": reflect.TypeFor[coviu.ParticipantCreationRequest](),
	"ParticipantListOptions":     reflect.TypeFor[coviu.ParticipantListOptions](),
	"ParticipantPage":            reflect.TypeFor[coviu.ParticipantPage](),
	"ParticipantService":         reflect.TypeFor[coviu.ParticipantService](),
	"ParticipantUpdateRequest":   reflect.TypeFor[coviu.ParticipantUpdateRequest](),
	"ResponseInfo":               reflect.TypeFor[coviu.ResponseInfo](),
	"RetryPolicy":                reflect.TypeFor[coviu.RetryPolicy](),
	"Session":                    reflect.TypeFor[coviu.Session](),
	"SessionCreationRequest":     reflect.TypeFor[coviu.SessionCreationRequest](),
	"SessionGetOptions":          reflect.TypeFor[coviu.SessionGetOptions](),
	"SessionListOptions":         reflect.TypeFor[coviu.SessionListOptions](),
	"SessionPage":                reflect.TypeFor[coviu.SessionPage](),
	"SessionService":             reflect.TypeFor[coviu.SessionService](),
	"SessionUpdateRequest":       reflect.TypeFor[coviu.SessionUpdateRequest](),
	"TokenError":                 reflect.TypeFor[coviu.TokenError](),
	"UnitResponse":               reflect.TypeFor[coviu.UnitResponse](),
	"ValidationError":            reflect.TypeFor[coviu.ValidationError](),
}

// printedFields are for printing: route templates, Go names, what the service
// calls its message, and the code of a refused grant.
var printedFields = map[string]bool{
	"APIError.Operation": true, "APIError.Message": true,
	"DecodeError.Operation": true, "DecodeError.Field": true,
	"OutcomeUnknownError.Operation": true, "ResponseInfo.Operation": true,
	"TokenError.Grant": true, "TokenError.Code": true,
	"ValidationError.Field": true, "ValidationError.Reason": true,
}

// filled is a value of type t with canary in every field that can hold it.
func filled(t *testing.T, of reflect.Type, canary string) reflect.Value {
	t.Helper()
	switch of {
	case reflect.TypeFor[coviu.Client]():
		return reflect.ValueOf(secretive(t, canary)).Elem()
	case reflect.TypeFor[coviu.SessionService]():
		return reflect.ValueOf(secretive(t, canary).Sessions).Elem()
	case reflect.TypeFor[coviu.ParticipantService]():
		return reflect.ValueOf(secretive(t, canary).Participants).Elem()
	case reflect.TypeFor[time.Time]():
		return reflect.ValueOf(day(9, 0))
	case reflect.TypeFor[error]():
		inner := filled(t, reflect.TypeFor[coviu.APIError](), canary).Interface().(coviu.APIError)
		return reflect.ValueOf(&inner)
	}
	v := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.String:
		v.SetString(canary)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(uint64(canary[len(canary)-1]))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
		v.Elem().Set(filled(t, of.Elem(), canary))
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(`"` + canary + `"`))
			break
		}
		v.Set(reflect.Append(v, filled(t, of.Elem(), canary)))
	case reflect.Map:
		v.Set(reflect.MakeMap(of))
		v.SetMapIndex(filled(t, of.Key(), canary), filled(t, of.Elem(), canary))
	case reflect.Func:
		v.Set(reflect.MakeFunc(of, func([]reflect.Value) []reflect.Value { return []reflect.Value{reflect.Zero(of.Out(0))} }))
	case reflect.Struct:
		for i := range of.NumField() {
			switch f := of.Field(i); {
			case !f.IsExported():
			case printedFields[of.Name()+"."+f.Name]:
				v.Field(i).SetString("for-printing")
			default:
				v.Field(i).Set(filled(t, f.Type, canary))
			}
		}
	default:
		t.Fatalf("no canary is known for a %s", of)
	}
	return v
}

// secretive is a client that was told canary in every way there is.
func secretive(t *testing.T, canary string) *coviu.Client {
	t.Helper()
	c, err := coviu.NewClient(canary, canary,
		coviu.WithBaseURL("https://"+canary+".example.com/"+canary),
		coviu.WithUserAgent(canary),
		coviu.WithToken(&oauth2.Token{AccessToken: canary, RefreshToken: canary}))
	require.NoError(t, err)
	return c
}

// formats are all verbs for which fmt calls methods, with all flags where they
// mean most and some where they don't.
var formats = sync.OnceValue(func() (all []string) {
	var flags []string
	for set := range 32 {
		flag := ""
		for i, f := range "+-# 0" {
			if set>>i&1 == 1 {
				flag += string(f)
			}
		}
		flags = append(flags, flag)
	}
	few := []string{"", "+#", "-20.3"}
	for _, verb := range "abcdefghijklmnoqrstuvxyzABCDEFGHIJKLMNOPQRSUVWXYZ" {
		for _, flag := range few {
			all = append(all, "%"+flag+string(verb))
		}
		if strings.ContainsRune("vsqxXd", verb) {
			for _, flag := range flags {
				all = append(all, "%"+flag+string(verb))
			}
		}
	}
	return all
})

// holders are the ways in which a value is handed to fmt: alone, and in what
// fmt walks through.
func holders(v reflect.Value) map[string]any {
	of := v.Type()
	pointer := reflect.New(of)
	pointer.Elem().Set(v)
	all := map[string]any{}
	for name, v := range map[string]reflect.Value{"value": v, "pointer": pointer} {
		slice := reflect.Append(reflect.Zero(reflect.SliceOf(v.Type())), v)
		array := reflect.New(reflect.ArrayOf(1, v.Type())).Elem()
		array.Index(0).Set(v)
		table := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), v.Type()))
		table.SetMapIndex(reflect.ValueOf("key"), v)
		record := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Field", Type: v.Type()}}))
		record.Elem().Field(0).Set(v)
		all[name] = v.Interface()
		all["slice of "+name] = slice.Interface()
		all["array of "+name] = array.Interface()
		all["map of "+name] = table.Interface()
		all["field of "+name] = record.Elem().Interface()
		all["pointer to field of "+name] = record.Interface()
		all["interface field of "+name] = struct{ Field any }{v.Interface()}
		all["interfaces of "+name] = []any{v.Interface()}
		all["slices of "+name] = [][]any{{v.Interface()}}
	}
	return all
}

// logged is what both handlers of log/slog make of v.
func logged(v any) []string {
	options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	var text, asJSON bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, options), slog.NewJSONHandler(&asJSON, options)} {
		l := slog.New(handler)
		l.Info("m", slog.Any("v", v), slog.Group("g", slog.Any("v", v)))
		l.With(slog.Any("v", v)).WithGroup("g").Info("m")
	}
	return []string{text.String(), asJSON.String()}
}

// printed is everything that a program may make of an error and of what it
// wraps.
func printed(err error) []string { return printedAs(err, formats()) }

func printedAs(err error, formats []string) []string {
	texts := []string{err.Error(), fmt.Errorf("wrapped: %w", err).Error(), fmt.Sprint(err), fmt.Sprintln([]error{err})}
	// Errors of other packages have no say in how their fields print.
	if _, ok := err.(fmt.Formatter); ok {
		for _, format := range formats {
			texts = append(texts, fmt.Sprintf(format, err), fmt.Sprintf(format, struct{ Err error }{err}))
		}
	}
	texts = append(texts, logged(err)...)
	for _, inner := range wrapped(err) {
		texts = append(texts, printedAs(inner, formats)...)
	}
	return texts
}

func wrapped(err any) []error {
	switch wrapping := err.(type) {
	case interface{ Unwrap() error }:
		if inner := wrapping.Unwrap(); inner != nil {
			return []error{inner}
		}
	case interface{ Unwrap() []error }:
		return wrapping.Unwrap()
	}
	return nil
}

// canaryForms are "canary" as text and as %x, % x and %d write it.
var canaryForms = []string{"canary", "43414e415259", "43 41 4e 41 52 59", "67 65 78 65 82 89"}

func requireNoCanary(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		lower := strings.ToLower(text)
		for _, form := range canaryForms {
			if strings.Contains(lower, form) {
				require.Fail(t, "a canary was seen", text)
			}
		}
	}
}

func TestFault55_CanariesInEveryExportedType(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, exportedTypes(t), namesOf(exported, plainWords))
	for name, of := range exported {
		t.Run(name, func(t *testing.T) {
			one, other := filled(t, of, canaries[0]), filled(t, of, canaries[1])
			if of.Kind() == reflect.Func {
				requireNoCanary(t, fmt.Sprintf("%v %+v %#v %s", one, one, one, one))
				return
			}
			if reflect.DeepEqual(one.Interface(), other.Interface()) && of.NumField() > 0 {
				return // It has nothing in it that could be a secret.
			}
			others := holders(other)
			for how, v := range holders(one) {
				for _, format := range formats() {
					text := fmt.Sprintf(format, v)
					requireNoCanary(t, text)
					if fmt.Sprintf(format, others[how]) != text {
						require.Fail(t, "a text depends on a secret", "%s with %s: %s", how, format, text)
					}
				}
				requireNoCanary(t, fmt.Sprint(v), fmt.Sprintln(v))
			}
			for _, how := range []string{"value", "pointer"} {
				requireNoCanary(t, logged(holders(one)[how])...)
				require.Equal(t, logged(others[how]), logged(holders(one)[how]))
			}
			// A JSON handler marshals what is no model itself; a text handler prints it.
			for _, v := range holders(one) {
				requireNoCanary(t, logged(v)[0])
			}
		})
	}
}

func TestPrintingShowsWhatHelps(t *testing.T) {
	session := wholeSession()
	for want, v := range map[string]any{
		"coviu.Session{2026-03-02T09:00:00Z to 2026-03-02T09:25:00Z, 2 participants, canceled}": session,
		"coviu.Session{2026-03-02T09:00:00Z to 2026-03-02T09:25:00Z, 0 participants}":           plainSession(),
		"coviu.Participant{HOST}":                           session.Participants[0],
		"coviu.Participant{GUEST, removed}":                 &session.Participants[1],
		"coviu.Participant{participant}":                    coviu.Participant{Role: "Zoë"},
		"coviu.SessionPage{2 sessions, more: true}":         twoSessions(),
		"coviu.ParticipantPage{1 participant, more: false}": coviu.ParticipantPage{Content: twoPeople()[:1]},
		"coviu.SessionCreationRequest{2026-03-02T09:00:00Z to 2026-03-02T09:25:00Z, 0 participants}": bookingRequest(),
		"coviu.ParticipantCreationRequest{GUEST}":                                                    coviu.ParticipantCreationRequest{Role: coviu.RoleGuest},
		"coviu.SessionUpdateRequest{…}":                                                              coviu.SessionUpdateRequest{},
		"coviu.ParticipantUpdateRequest{…}":                                                          coviu.ParticipantUpdateRequest{},
		"coviu.Client{…}":                                                                            secretive(t, "x"),
		"coviu.SessionService{…}":                                                                    secretive(t, "x").Sessions,
		"coviu.ParticipantService{…}":                                                                secretive(t, "x").Participants,
		"coviu.ResponseInfo{GET /sessions, status 200, 1 attempt, 1s}":                               coviu.ResponseInfo{Operation: "GET /sessions", StatusCode: 200, Attempts: 1, Duration: time.Second},
		"coviu.ResponseInfo{GET /sessions, status 0, 3 attempts, 2s, failed}":                        &coviu.ResponseInfo{Operation: "GET /sessions", Attempts: 3, Duration: 2 * time.Second, Err: errors.New("x")},
		"coviu.SessionListOptions{page 1, size 20, 2026-03-02T09:00:00Z to 0001-01-01T00:00:00Z}":    coviu.SessionListOptions{Page: 1, PageSize: 20, StartTime: day(9, 0)},
	} {
		require.Equal(t, want, fmt.Sprint(v))
		require.Equal(t, want, fmt.Sprintf("%#v", v))
		require.Equal(t, fmt.Sprintf("%q", want), fmt.Sprintf("%q", v))
		require.Contains(t, logged(v)[1], fmt.Sprintf(`"v":%q`, want))
	}
}

func exportedTypes(t *testing.T) (names []string) {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		require.Equal(t, "coviu", file.Name.Name)
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if of, ok := spec.(*ast.TypeSpec); ok && of.Name.IsExported() {
					names = append(names, of.Name.Name)
				}
			}
		}
	}
	return names
}

func namesOf(types map[string]reflect.Type, words map[string]bool) (names []string) {
	for name := range types {
		names = append(names, name)
	}
	for name := range words {
		names = append(names, name)
	}
	return names
}

// failure makes calls fail around a canary, and gives what they return.
type failure func(t *testing.T, canary string, log coviu.Option) []error

// allOf collects the errors of every way to ask, with canary for every id, key,
// state, name and code.
func allOf(t *testing.T, c *coviu.Client, canary string) (errs []error) {
	t.Helper()
	ctx := t.Context()
	for _, e := range tenEndpoints() {
		_, err := e.call(ctx, c, canary)
		errs = append(errs, err)
	}
	booking := bookingRequest()
	booking.SessionName = canary
	booking.Participants = []coviu.ParticipantCreationRequest{{DisplayName: canary, State: canary}}
	_, err := c.Sessions.Create(ctx, booking)
	errs = append(errs, err)
	_, err = c.Sessions.CreateOnce(ctx, canary, booking)
	errs = append(errs, err)
	_, err = c.Sessions.List(ctx, &coviu.SessionListOptions{State: canary})
	errs = append(errs, err)
	_, err = c.Exchange(ctx, canary)
	errs = append(errs, err)
	_, err = c.Token(ctx)
	errs = append(errs, err)
	for _, err := range c.Sessions.All(ctx, &coviu.SessionListOptions{State: canary, Prefetch: 2}) {
		errs = append(errs, err)
	}
	return errs
}

// answers is the failure of a far side that answers so and closes the
// connection, the token endpoint included.
func answers(reply func(canary string) string) failure {
	return func(t *testing.T, canary string, log coviu.Option) []error {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		for _, e := range tenEndpoints() {
			server.Fail(e.operation, coviutest.Raw(reply(canary)).Always())
		}
		c := server.Client(t, log)
		errs := allOf(t, c, canary)
		server.Fail("POST /auth/token", coviutest.Raw(reply(canary)).Always())
		return append(errs, allOf(t, server.Client(t, log), canary)...)
	}
}

// breaks is the failure of a transport that fails so.
func breaks(fault func(canary string) error) failure {
	return func(t *testing.T, canary string, log coviu.Option) []error {
		broken := coviu.WithHTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, fault(canary)
		})})
		c, err := coviu.NewClient(canary, canary, broken, log)
		require.NoError(t, err)
		withToken, err := coviu.NewClient(canary, canary, broken, log, coviu.WithToken(&oauth2.Token{AccessToken: canary}))
		require.NoError(t, err)
		return append(allOf(t, c, canary), allOf(t, withToken, canary)...)
	}
}

// configured is the failure of a client with this option, whatever the service says.
func configured(option func(canary string) coviu.Option) failure {
	return func(t *testing.T, canary string, log coviu.Option) []error {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		return allOf(t, server.Client(t, log, option(canary)), canary)
	}
}

type brokenSource func() (*oauth2.Token, error)

func (s brokenSource) Token() (*oauth2.Token, error) { return s() }

func retrieveError(canary string) error {
	request := &http.Request{URL: &url.URL{Path: canary}, Header: http.Header{"Authorization": {canary}}}
	return &oauth2.RetrieveError{
		Response: &http.Response{Status: canary, StatusCode: http.StatusBadRequest, Header: http.Header{"X": {canary}}, Request: request},
		Body:     []byte(canary), ErrorCode: "invalid_grant", ErrorDescription: canary, ErrorURI: canary,
	}
}

var failures = map[string]failure{
	"status line":    answers(func(c string) string { return "HTTP/1.1 " + c + " OK\r\n\r\n" }),
	"protocol":       answers(func(c string) string { return c + "/1.1 200 OK\r\n\r\n" }),
	"no HTTP":        answers(func(c string) string { return c }),
	"header line":    answers(func(c string) string { return "HTTP/1.1 200 OK\r\n" + c + "\r\n\r\n" }),
	"header name":    answers(func(c string) string { return "HTTP/1.1 200 OK\r\nX " + c + ": 1\r\n\r\n" }),
	"header value":   answers(func(c string) string { return "HTTP/1.1 200 OK\r\nX: " + c + "\x00\r\n\r\n" }),
	"content length": answers(func(c string) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + c + "\r\n\r\n" }),
	"two lengths": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: " + c + "\r\n\r\n"
	}),
	"encoding": answers(func(c string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + c + "\r\n\r\n" }),
	"chunk":    answers(func(c string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + c + "\r\n\r\n" }),
	"trailer": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + c + "\r\n\r\n"
	}),
	"gzip": answers(func(c string) string { return "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + c }),
	"status text": answers(func(c string) string {
		return "HTTP/1.1 404 " + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"headers": answers(func(c string) string {
		return "HTTP/1.1 400 Bad\r\nX-Request-Id: " + c + "\r\nSet-Cookie: " + c + "\r\n\r\n"
	}),
	"retry after": answers(func(c string) string {
		return "HTTP/1.1 429 Slow\r\nRetry-After: " + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"redirect": answers(func(c string) string {
		return "HTTP/1.1 307 There\r\nLocation: https://" + c + ".example.com/" + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"bad redirect": answers(func(c string) string {
		return "HTTP/1.1 302 There\r\nLocation: http://[" + c + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}),
	"text": answers(func(c string) string { return "HTTP/1.1 400 Bad\r\n\r\n" + c }),
	"page": answers(func(c string) string { return "HTTP/1.1 200 OK\r\n\r\n<html>" + c }),
	"code": answers(func(c string) string {
		return "HTTP/1.1 400 Bad\r\n\r\n" + `{"x":"` + c + `","error":{"detail":"` + c + `"}}`
	}),
	"description": answers(func(c string) string { return "HTTP/1.1 503 No\r\n\r\n" + `{"errors":["` + c + `"]}` }),
	"field name": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":"s","participant_id":"p","` + c + `":tru}`
	}),
	"deep field name": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"content":[{"session_id":"s","x":{"` + c + `":[{"` + c + `":1e}]}}]}`
	}),
	"twice nested": answers(func(c string) string { return "HTTP/1.1 200 OK\r\n\r\n" + `{"` + c + `":` + strings.Repeat("[", 99) }),
	"date": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":"s","start_time":"` + c + `","deleted_at":"` + c + `"}`
	}),
	"number": answers(func(c string) string { return "HTTP/1.1 200 OK\r\n\r\n" + `{"content":[],"page":"` + c + `"}` }),
	"wrong type": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":["` + c + `"],"participant_id":{"` + c + `":1}}`
	}),
	"trailing garbage": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"session_id":"s","participant_id":"p","content":[],"ok":true} ` + c
	}),
	"cut": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + `{"access_token":"` + c
	}),
	"token": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"access_token":"` + c + ` ` + c + `","refresh_token":"` + c + `"}`
	}),
	"token of a type": answers(func(c string) string {
		return "HTTP/1.1 200 OK\r\n\r\n" + `{"access_token":["` + c + `"],"` + c + `":1}`
	}),
	"refused grant": answers(func(c string) string {
		return "HTTP/1.1 400 Bad\r\n\r\n" + `{"error":"invalid_grant","error_uri":"` + c + `"}`
	}),
	"description of the grant": func(t *testing.T, canary string, log coviu.Option) []error {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		server.Fail("POST /auth/token", coviutest.Status(400, nil, `{"error":"invalid_grant","error_description":"`+canary+`"}`).Always())
		c := server.Client(t, log)
		asUser := server.Client(t, log, coviu.WithToken(&oauth2.Token{RefreshToken: canary}))
		return append(allOf(t, c, canary), allOf(t, asUser, canary)...)
	},

	"transport error": breaks(func(c string) error { return errors.New(c) }),
	"url error":       breaks(func(c string) error { return &url.Error{Op: c, URL: c, Err: errors.New(c)} }),
	"nested url error": breaks(func(c string) error {
		return fmt.Errorf("%s: %w", c, &url.Error{Op: c, URL: c, Err: &url.Error{URL: c, Err: errors.New(c)}})
	}),
	"net error": breaks(func(c string) error {
		return &net.OpError{Op: c, Net: c, Addr: &net.UnixAddr{Name: c}, Err: errors.New(c)}
	}),
	"DNS error":        breaks(func(c string) error { return &net.DNSError{Err: c, Name: c, Server: c} }),
	"DNS not found":    breaks(func(c string) error { return &net.DNSError{Err: c, Name: c, Server: c, IsNotFound: true} }),
	"DNS timeout":      breaks(func(c string) error { return &net.DNSError{Err: c, Name: c, Server: c, IsTimeout: true} }),
	"canceled":         breaks(func(c string) error { return fmt.Errorf("%s: %w", c, context.Canceled) }),
	"deadline":         breaks(func(c string) error { return fmt.Errorf("%s: %w", c, context.DeadlineExceeded) }),
	"handshake":        breaks(func(c string) error { return errors.New("tls: " + c) }),
	"oauth2 transport": breaks(retrieveError),

	"token source": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(brokenSource(func() (*oauth2.Token, error) { return nil, errors.New(c) }))
	}),
	"token source that asks": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(brokenSource(func() (*oauth2.Token, error) { return nil, retrieveError(c) }))
	}),
	"token source that wraps": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(brokenSource(func() (*oauth2.Token, error) {
			return nil, &url.Error{Op: c, URL: c, Err: fmt.Errorf("%s: %w", c, retrieveError(c))}
		}))
	}),
	"token source that panics": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(brokenSource(func() (*oauth2.Token, error) { panic(c) }))
	}),
	"token of the source": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(brokenSource(func() (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: c + "\n", RefreshToken: c}, nil
		}))
	}),
	"expired token of the source": configured(func(c string) coviu.Option {
		return coviu.WithTokenSource(brokenSource(func() (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: c, Expiry: time.Now().Add(-time.Hour)}, nil
		}))
	}),
	"observer": configured(func(c string) coviu.Option {
		return coviu.WithTokenObserver(func(context.Context, *oauth2.Token) error { return errors.New(c) })
	}),
	"observer that panics": configured(func(c string) coviu.Option {
		return coviu.WithTokenObserver(func(context.Context, *oauth2.Token) error { panic(c) })
	}),
	"hook that panics": configured(func(c string) coviu.Option {
		return coviu.WithResponseHook(func(context.Context, coviu.ResponseInfo) { panic(errors.New(c)) })
	}),
	"user whose grant is dead": configured(func(c string) coviu.Option {
		return coviu.WithToken(&oauth2.Token{AccessToken: c, RefreshToken: c})
	}),

	"cause of the context": func(t *testing.T, canary string, log coviu.Option) (errs []error) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		server.Fail(coviutest.AnyOperation, coviutest.Hang().Always())
		c := server.Client(t, log, coviu.WithToken(&oauth2.Token{AccessToken: canary}))
		for _, e := range tenEndpoints() {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errors.New(canary)) })
			_, err := e.call(ctx, c, canary)
			errs = append(errs, err)
			ctx, stop := context.WithTimeoutCause(t.Context(), time.Second, errors.New(canary))
			_, err = e.call(ctx, c, canary)
			stop()
			errs = append(errs, err)
		}
		return errs
	},
	"bookings that have the key": func(t *testing.T, canary string, log coviu.Option) (errs []error) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		c := server.Client(t, log)
		at := time.Now().Add(time.Hour)
		booking := &coviu.SessionCreationRequest{
			SessionName: canary, StartTime: at, EndTime: at.Add(time.Hour),
			Participants: []coviu.ParticipantCreationRequest{{DisplayName: canary}},
		}
		once := func() {
			_, err := c.Sessions.CreateOnce(t.Context(), canary, booking)
			errs = append(errs, err)
		}
		once()
		booking.EndTime = at.Add(2 * time.Hour)
		once() // Other times.
		booking.Participants[0].State = canary
		_, err := c.Sessions.Create(t.Context(), booking)
		errs = append(errs, err)
		once() // Several.
		for _, s := range server.Sessions() {
			_, err := c.Sessions.Delete(t.Context(), s.SessionID)
			errs = append(errs, err)
		}
		once() // Only canceled ones.
		require.ErrorIs(t, errs[len(errs)-1], coviu.ErrPreviouslyCanceled)
		return errs
	},
	"bad input": func(t *testing.T, canary string, _ coviu.Option) (errs []error) {
		c := secretive(t, canary)
		bad := canary + "\xff"
		for _, e := range tenEndpoints() {
			if e.field != "" {
				_, err := e.call(t.Context(), c, canary+"/")
				errs = append(errs, err)
			}
		}
		_, err := c.Sessions.Create(t.Context(), &coviu.SessionCreationRequest{SessionName: bad, StartTime: day(9, 0), EndTime: day(10, 0)})
		errs = append(errs, err)
		_, err = c.Participants.Add(t.Context(), canary, &coviu.ParticipantCreationRequest{DisplayName: bad})
		errs = append(errs, err)
		_, err = c.Sessions.List(t.Context(), &coviu.SessionListOptions{State: bad})
		errs = append(errs, err)
		_, err = c.Sessions.CreateOnce(t.Context(), bad, bookingRequest())
		errs = append(errs, err)
		_, err = c.Exchange(t.Context(), canary+"\n")
		errs = append(errs, err)
		for _, opt := range []coviu.Option{
			coviu.WithBaseURL("https://" + canary + ":" + canary + "@example.com"), coviu.WithBaseURL("https://example.com:" + canary),
			coviu.WithUserAgent(canary + "\n"), coviu.WithToken(&oauth2.Token{AccessToken: canary + "\n"}),
		} {
			_, err := coviu.NewClient("key", "secret", opt)
			errs = append(errs, err)
		}
		_, err = coviu.NewClient(canary+":", canary)
		return append(errs, err)
	},
}

// attempts varies with the order in which pages that are fetched side by side
// spend the budget of retries.
var attempts = regexp.MustCompile(` \(\d+ attempts\)`)

func TestFault55_CanariesInEveryFailure(t *testing.T) {
	t.Parallel()
	changesNothing := map[string]bool{"hook that panics": true}
	var linesLogged atomic.Int64
	t.Cleanup(func() { require.NotZero(t, linesLogged.Load()) })
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts [2][]string
			for i, canary := range canaries {
				synctest.Test(t, func(t *testing.T) {
					var lines bytes.Buffer
					log := coviu.WithLogger(slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
					failed := map[string]bool{}
					for _, err := range fail(t, canary, log) {
						if err == nil {
							continue
						}
						// Ten endpoints fail in much the same ways: one error of each type is printed in all forms.
						types := fmt.Sprintf("%T %T", err, errors.Unwrap(err))
						if failed[types] {
							texts[i] = append(texts[i], printedAs(err, []string{"%v", "%+v", "%#v", "%q", "%d"})...)
							continue
						}
						failed[types] = true
						texts[i] = append(texts[i], printed(err)...)
					}
					require.True(t, len(failed) > 0 || changesNothing[name])
					synctest.Wait()
					requireNoCanary(t, lines.String())
					linesLogged.Add(int64(lines.Len()))
				})
			}
			requireNoCanary(t, texts[0]...)
			require.Len(t, texts[1], len(texts[0]))
			for i, text := range texts[0] {
				if other := texts[1][i]; other != text {
					require.Equal(t, attempts.ReplaceAllString(other, ""), attempts.ReplaceAllString(text, ""), "a text depends on a secret")
				}
			}
		})
	}
}

// What comes out whole is what was asked for by name.
func TestMarshallingKeepsEverything(t *testing.T) {
	session := wholeSession()
	text, err := json.Marshal(session)
	require.NoError(t, err)
	require.Contains(t, string(text), session.Participants[0].EntryURL)
}
