package redacttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

// canaries are two words that must not appear. A value filled with one must print
// the same text as a value filled with the other, which finds a leak in any form.
var canaries = [2]string{"CANARYyellow", "CANARYscarlet"}

// plainWords are exported types whose value is a word of the protocol and no secret.
var plainWords = map[string]bool{"Role": true, "Order": true}

// exported holds all exported types of the package except plainWords.
var exported = map[string]reflect.Type{
	"APIError":                   reflect.TypeFor[coviu.APIError](),
	"Client":                     reflect.TypeFor[coviu.Client](),
	"DecodeError":                reflect.TypeFor[coviu.DecodeError](),
	"KeyError":                   reflect.TypeFor[coviu.KeyError](),
	"ListError":                  reflect.TypeFor[coviu.ListError](),
	"Booking":                    reflect.TypeFor[coviu.Booking](),
	"Call":                       reflect.TypeFor[coviu.Call](),
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

// printedFields may be printed: route templates, Go names, the service's message and
// the code of a refused token request.
var printedFields = map[string]bool{
	"Call.Route":         true,
	"APIError.Operation": true, "APIError.Message": true,
	"DecodeError.Operation": true, "DecodeError.Field": true,
	"OutcomeUnknownError.Operation": true, "ResponseInfo.Operation": true,
	"TokenError.Grant": true, "TokenError.Code": true,
	"ValidationError.Field": true, "ValidationError.Reason": true,
}

// filled returns a value of this type with canary in every field that can hold it.
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
		return reflect.ValueOf(apitest.Clock(9, 0))
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
	case reflect.Interface:
		v.Set(reflect.ValueOf(canary))
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

// secretive returns a client with canary in every setting.
func secretive(t *testing.T, canary string) *coviu.Client {
	t.Helper()
	c, err := coviu.NewClient(canary, canary,
		coviu.WithBaseURL("https://"+canary+".example.com/"+canary),
		coviu.WithUserAgent(canary),
		coviu.WithToken(&oauth2.Token{AccessToken: canary, RefreshToken: canary}))
	require.NoError(t, err)
	return c
}

// holders returns v in all the ways in which it may reach fmt: alone, and inside
// types that fmt walks through.
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

func TestFault55_CanariesInEveryExportedType(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, exportedTypes(t), namesOf(exported, plainWords))
	for name, of := range exported {
		t.Run(name, func(t *testing.T) {
			one, other := filled(t, of, canaries[0]), filled(t, of, canaries[1])
			if of.Kind() == reflect.Func {
				apitest.RequireNoCanary(t, fmt.Sprintf("%v %+v %#v %s", one, one, one, one))
				return
			}
			if reflect.DeepEqual(one.Interface(), other.Interface()) && of.NumField() > 0 {
				return // It has nothing in it that could be a secret.
			}
			others := holders(other)
			for how, v := range holders(one) {
				for _, format := range apitest.Formats() {
					text := fmt.Sprintf(format, v)
					apitest.RequireNoCanary(t, text)
					if fmt.Sprintf(format, others[how]) != text {
						require.Fail(t, "a text depends on a secret", "%s with %s: %s", how, format, text)
					}
				}
				apitest.RequireNoCanary(t, fmt.Sprint(v), fmt.Sprintln(v))
			}
			for _, how := range []string{"value", "pointer"} {
				apitest.RequireNoCanary(t, apitest.Logged(holders(one)[how])...)
				require.Equal(t, apitest.Logged(others[how]), apitest.Logged(holders(one)[how]))
			}
			// For a type that holds a model, a JSON handler marshals it and a text handler prints
			// it.
			for _, v := range holders(one) {
				apitest.RequireNoCanary(t, apitest.Logged(v)[0])
			}
		})
	}
}

func TestPrintedTypesShowWhatIsNotSecret(t *testing.T) {
	session := apitest.FullSession()
	for want, v := range map[string]any{
		"coviu.Session{2026-03-02T09:00:00Z to 2026-03-02T09:25:00Z, 2 participants, canceled}": session,
		"coviu.Session{2026-03-02T09:00:00Z to 2026-03-02T09:25:00Z, 0 participants}":           apitest.MinimalSession(),
		"coviu.Participant{HOST}":                           session.Participants[0],
		"coviu.Participant{GUEST, removed}":                 &session.Participants[1],
		"coviu.Participant{participant}":                    coviu.Participant{Role: "Zoë"},
		"coviu.SessionPage{2 sessions, more: true}":         apitest.SessionPage(),
		"coviu.ParticipantPage{1 participant, more: false}": coviu.ParticipantPage{Content: apitest.TwoParticipants()[:1]},
		"coviu.SessionCreationRequest{2026-03-02T09:00:00Z to 2026-03-02T09:25:00Z, 0 participants}": apitest.Booking(),
		"coviu.ParticipantCreationRequest{GUEST}":                                                    coviu.ParticipantCreationRequest{Role: coviu.RoleGuest},
		"coviu.SessionUpdateRequest{…}":                                                              coviu.SessionUpdateRequest{},
		"coviu.ParticipantUpdateRequest{…}":                                                          coviu.ParticipantUpdateRequest{},
		"coviu.Client{…}":                                                                            secretive(t, "x"),
		"coviu.SessionService{…}":                                                                    secretive(t, "x").Sessions,
		"coviu.ParticipantService{…}":                                                                secretive(t, "x").Participants,
		"coviu.ResponseInfo{GET /sessions, status 200, 1 attempt, 1s}":                               coviu.ResponseInfo{Operation: "GET /sessions", StatusCode: 200, Attempts: 1, Duration: time.Second},
		"coviu.ResponseInfo{GET /sessions, status 0, 3 attempts, 2s, failed}":                        &coviu.ResponseInfo{Operation: "GET /sessions", Attempts: 3, Duration: 2 * time.Second, Err: errors.New("x")},
		"coviu.SessionListOptions{page 1, size 20, 2026-03-02T09:00:00Z to 0001-01-01T00:00:00Z}":    coviu.SessionListOptions{Page: 1, PageSize: 20, StartTime: apitest.Clock(9, 0)},
	} {
		require.Equal(t, want, fmt.Sprint(v))
		require.Equal(t, want, fmt.Sprintf("%#v", v))
		require.Equal(t, fmt.Sprintf("%q", want), fmt.Sprintf("%q", v))
		require.Contains(t, apitest.Logged(v)[1], fmt.Sprintf(`"v":%q`, want))
	}
}

func exportedTypes(t *testing.T) (names []string) {
	t.Helper()
	sources, err := filepath.Glob("../../*.go")
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
				of, ok := spec.(*ast.TypeSpec)
				if !ok || !of.Name.IsExported() {
					continue
				}
				if _, isInterface := of.Type.(*ast.InterfaceType); !isInterface {
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

// Marshaling is an explicit request for the values, so it hides nothing.
func TestMarshalingKeepsSecrets(t *testing.T) {
	session := apitest.FullSession()
	text, err := json.Marshal(session)
	require.NoError(t, err)
	require.Contains(t, string(text), session.Participants[0].EntryURL)
}
