package doccheck

import (
	"go/ast"
	"go/doc"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the documentation of each method has to say: the routes that it calls,
// and a word of the service's rule that it rests on.
var methods = map[string]struct {
	routes []string
	rule   string
}{
	"SessionService.Create":     {[]string{"POST /sessions"}, `future`},
	"SessionService.Get":        {[]string{"GET /sessions/{session_id}"}, `cancell?ed`},
	"SessionService.List":       {[]string{"GET /sessions"}, `oldest|order`},
	"SessionService.Update":     {[]string{"PUT /sessions/{session_id}"}, `finished`},
	"SessionService.Delete":     {[]string{"DELETE /sessions/{session_id}"}, `started`},
	"SessionService.Pages":      {[]string{"GET /sessions"}, `cancell?ed`},
	"SessionService.All":        {[]string{"GET /sessions"}, `guarantee`},
	"SessionService.CreateOnce": {[]string{"GET /sessions", "POST /sessions"}, `at most once`},

	"ParticipantService.Add":    {[]string{"POST /sessions/{session_id}/participants"}, `finished`},
	"ParticipantService.List":   {[]string{"GET /sessions/{session_id}/participants"}, `removed`},
	"ParticipantService.Get":    {[]string{"GET /participants/{participant_id}"}, `removed`},
	"ParticipantService.Update": {[]string{"PUT /participants/{participant_id}"}, `finished`},
	"ParticipantService.Delete": {[]string{"DELETE /participants/{participant_id}"}, `finished`},

	"Client.Exchange": {[]string{"POST /auth/token"}, `code`},
	"Client.Token":    {[]string{"POST /auth/token"}, `grant`},
	"Client.As":       {nil, `grant`},
}

var errorName = regexp.MustCompile(`\b(Err[A-Z]\w+|[A-Z]\w+Error)\b`)

func TestEveryMethodNamesItsRouteItsErrorsAndItsRule(t *testing.T) {
	pkg := library(t)
	known := errorNames(pkg)
	for _, m := range methodsOf(pkg, "SessionService", "ParticipantService", "Client") {
		name := m.receiver + "." + m.Name
		want, ok := methods[name]
		if !ok {
			if m.receiver != "Client" {
				t.Errorf("%s: nobody said which route it calls", name)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			text := strings.Join(strings.Fields(m.Doc), " ")
			for _, route := range want.routes {
				if !regexp.MustCompile(regexp.QuoteMeta(route) + `([^/\w]|$)`).MatchString(text) {
					t.Errorf("does not name %s", route)
				}
			}
			if !regexp.MustCompile(`(?i)` + want.rule).MatchString(text) {
				t.Errorf("does not say the rule that it rests on: nothing like %q", want.rule)
			}
			named := errorName.FindAllString(text, -1)
			if len(named) == 0 {
				t.Error("names no error")
			}
			for _, name := range named {
				if !slices.Contains(known, name) {
					t.Errorf("names %s, which does not exist", name)
				}
			}
		})
	}
}

func TestEveryMethodHasAnExampleThatRuns(t *testing.T) {
	pkg := library(t)
	for _, m := range methodsOf(pkg, "SessionService", "ParticipantService", "Client") {
		name := m.receiver + "." + m.Name
		if _, ok := methods[name]; !ok {
			continue
		}
		runs := func(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput }
		switch {
		case len(m.Examples) == 0:
			t.Errorf("%s: no Example%s_%s", name, m.receiver, m.Name)
		case !slices.ContainsFunc(m.Examples, runs):
			t.Errorf("%s: its examples have no output, so nothing runs them", name)
		}
	}
}

// The table above must not outlive a method.
func TestEveryMethodOfTheTableExists(t *testing.T) {
	var found []string
	for _, m := range methodsOf(library(t), "SessionService", "ParticipantService", "Client") {
		found = append(found, m.receiver+"."+m.Name)
	}
	for name := range methods {
		if !slices.Contains(found, name) {
			t.Errorf("%s does not exist", name)
		}
	}
}

type method struct {
	*doc.Func
	receiver string
}

func methodsOf(pkg documented, receivers ...string) []method {
	var found []method
	for _, typ := range pkg.Types {
		if !slices.Contains(receivers, typ.Name) {
			continue
		}
		for _, m := range typ.Methods {
			if !printing(m) {
				found = append(found, method{m, typ.Name})
			}
		}
	}
	return found
}

// printing tells the methods by which fmt and log/slog print a value.
func printing(m *doc.Func) bool {
	return slices.Contains([]string{"Format", "LogValue", "String", "GoString"}, m.Name)
}

func errorNames(pkg documented) []string {
	var names []string
	for _, group := range pkg.Vars {
		names = append(names, group.Names...)
	}
	for _, typ := range pkg.Types {
		names = append(names, typ.Name)
		for _, group := range typ.Vars {
			names = append(names, group.Names...)
		}
	}
	names = append(names, "RetrieveError") // of x/oauth2, where a text says that it is kept out
	return slices.DeleteFunc(names, func(name string) bool { return !ast.IsExported(name) })
}
