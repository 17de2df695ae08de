package doccheck

import (
	"fmt"
	"go/ast"
	"go/printer"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Go code in a document is either a whole program or consecutive lines of an
// Example function. Programs are compiled in a module of their own, as a user
// would compile them. Examples are compiled and run with their package.

type snippet struct {
	page string
	line int
	code string
}

func (s snippet) isProgram() bool { return strings.HasPrefix(s.code, "package ") }

var goFence = regexp.MustCompile("(?ms)^[ \t]*```go\n(.*?)^[ \t]*```$")

func snippets(t *testing.T) []snippet {
	t.Helper()
	var found []snippet
	for _, page := range pages(t) {
		text := readFile(t, page)
		for _, at := range goFence.FindAllStringSubmatchIndex(text, -1) {
			found = append(found, snippet{page, strings.Count(text[:at[2]], "\n") + 1, text[at[2]:at[3]]})
		}
	}
	return found
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestProgramsInDocumentsCompile(t *testing.T) {
	dir := outsideModule(t)
	inReadme := 0
	for _, s := range snippets(t) {
		if !s.isProgram() {
			continue
		}
		if s.page == "README.md" {
			inReadme++
		}
		name := fmt.Sprintf("%s-line-%d", strings.ReplaceAll(s.page, "/", "-"), s.line)
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "snippet.go"), []byte(s.code), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if inReadme == 0 {
		t.Error("README.md shows no whole program")
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "-mod=mod", "./...")
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, output)
	}
}

const modulePath = "github.com/coviu/coviu-go-sdk"

// outsideModule makes a module that requires this repository's packages and
// what they require.
func outsideModule(t *testing.T) string {
	t.Helper()
	mod, sum := "module example.com/snippet\n\ngo 1.26.0\n", ""
	for _, dir := range []string{".", "coviusql"} {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err != nil {
			continue
		}
		source, err := filepath.Abs(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		name := path.Join(modulePath, dir)
		mod += fmt.Sprintf("require %s v0.0.0\nreplace %s => %s\n", name, name, source)
		if _, err := os.Stat(filepath.Join(source, "go.sum")); err == nil {
			sum += readFile(t, path.Join(dir, "go.sum"))
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": mod, "go.sum": sum} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFragmentsInDocumentsAreLinesOfExamples(t *testing.T) {
	bodies := exampleBodies(t)
	for _, s := range snippets(t) {
		if s.isProgram() {
			continue
		}
		wanted := normalise(s.code)
		if !slices.ContainsFunc(bodies, func(body string) bool { return strings.Contains(body, wanted) }) {
			t.Errorf("%s:%d: no Example function contains these lines:\n%s", s.page, s.line, s.code)
		}
	}
}

func exampleBodies(t *testing.T) []string {
	t.Helper()
	var bodies []string
	for _, dir := range []string{".", "coviutest", "coviusql"} {
		if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
			continue
		}
		pkg := read(t, dir, path.Join(modulePath, dir))
		for _, example := range allExamples(pkg) {
			var text strings.Builder
			if err := printer.Fprint(&text, pkg.fset, &printer.CommentedNode{Node: example.Code, Comments: example.Comments}); err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, normalise(text.String()))
		}
	}
	return bodies
}

type example struct {
	Code     ast.Node
	Comments []*ast.CommentGroup
}

func allExamples(pkg documented) []example {
	var found []example
	for _, e := range pkg.Examples {
		found = append(found, example{e.Code, e.Comments})
	}
	for _, f := range pkg.Funcs {
		for _, e := range f.Examples {
			found = append(found, example{e.Code, e.Comments})
		}
	}
	for _, typ := range pkg.Types {
		for _, e := range typ.Examples {
			found = append(found, example{e.Code, e.Comments})
		}
		for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
			for _, e := range f.Examples {
				found = append(found, example{e.Code, e.Comments})
			}
		}
	}
	return found
}

// normalise replaces runs of spaces by one space and puts line breaks around
// each line, so that only whole lines match.
func normalise(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, strings.Join(fields, " "))
		}
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
