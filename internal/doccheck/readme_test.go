package doccheck

import (
	"go/ast"
	"go/printer"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A fence of Go code in the README is either a whole program, which is built as
// a reader would build it, or consecutive lines of an Example function's body,
// which the tests compile and run.

type snippet struct {
	line int
	code string
}

func (s snippet) isProgram() bool { return strings.HasPrefix(s.code, "package ") }

var goFence = regexp.MustCompile("(?ms)^[ \t]*```go\n(.*?)^[ \t]*```$")

func snippets(t *testing.T, name string) []snippet {
	t.Helper()
	text := readFile(t, name)
	var found []snippet
	for _, at := range goFence.FindAllStringSubmatchIndex(text, -1) {
		found = append(found, snippet{strings.Count(text[:at[2]], "\n") + 1, text[at[2]:at[3]]})
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

func TestReadmeHasAProgram(t *testing.T) {
	if !slices.ContainsFunc(snippets(t, "README.md"), snippet.isProgram) {
		t.Error("no fence of README.md is a whole program")
	}
}

func TestReadmeProgramsBuildOutsideTheModule(t *testing.T) {
	for _, s := range snippets(t, "README.md") {
		if !s.isProgram() {
			continue
		}
		dir := outsideModule(t)
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(s.code), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"build", "vet"} {
			cmd := exec.CommandContext(t.Context(), "go", command, "-mod=mod", ".")
			cmd.Dir = dir
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("README.md:%d: go %s: %v\n%s", s.line, command, err, output)
			}
		}
	}
}

// outsideModule is a fresh module that requires the library and what it requires.
func outsideModule(t *testing.T) string {
	t.Helper()
	library, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	const path = "github.com/coviu/coviu-go-sdk"
	mod := strings.Replace(readFile(t, "go.mod"), "module "+path, "module example.com/snippet", 1)
	mod += "\nrequire " + path + " v0.0.0\nreplace " + path + " => " + library + "\n"
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": mod, "go.sum": readFile(t, "go.sum")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadmeFragmentsAreLinesOfExamples(t *testing.T) {
	bodies := exampleBodies(t)
	for _, s := range snippets(t, "README.md") {
		if s.isProgram() {
			continue
		}
		wanted := normalise(s.code)
		if !slices.ContainsFunc(bodies, func(body string) bool { return strings.Contains(body, wanted) }) {
			t.Errorf("README.md:%d: no Example function holds these lines:\n%s", s.line, s.code)
		}
	}
}

func exampleBodies(t *testing.T) []string {
	t.Helper()
	var bodies []string
	for _, pkg := range []documented{library(t), read(t, "coviutest", "github.com/coviu/coviu-go-sdk/coviutest")} {
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

// normalise makes each run of spaces one, and each line begin and end with a
// line break, so that only whole lines match.
func normalise(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, strings.Join(fields, " "))
		}
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
