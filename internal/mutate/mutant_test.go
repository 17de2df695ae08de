package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	mutants, err := parse(strings.NewReader(`
# a comment
mutant: one
file: internal/retry/retry.go
func: Decide
run: Fault
- return true
+ return false
+ // never

mutant: two
file: client.go
tests: ./coviutest .
why: nobody can tell
- 	x++
`))
	if err != nil {
		t.Fatal(err)
	}
	one, two := mutants[0], mutants[1]
	if got := strings.Join(one.packages, " "); got != "./internal/retry ." {
		t.Errorf("packages of one: %q", got)
	}
	if one.function != "Decide" || one.run != "Fault" || len(one.old) != 1 || len(one.new) != 2 {
		t.Errorf("one: %+v", one)
	}
	if got := strings.Join(two.packages, " "); got != "./coviutest ." {
		t.Errorf("packages of two: %q", got)
	}
	if two.why != "nobody can tell" || two.old[0] != "x++" || two.new != nil {
		t.Errorf("two: %+v", two)
	}
}

func TestParseOfARootFileRunsTheRootOnce(t *testing.T) {
	mutants, err := parse(strings.NewReader("mutant: a\nfile: client.go\n- x\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := mutants[0].packages; len(got) != 1 || got[0] != "." {
		t.Errorf("packages: %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a line before the first": "file: x.go\n",
		"a key that is none":      "mutant: a\nfiel: x.go\n",
		"no file":                 "mutant: a\n- x\n",
		"no lines":                "mutant: a\nfile: x.go\n+ y\n",
		"no change":               "mutant: a\nfile: x.go\n- x\n+ x\n",
		"no name":                 "mutant:\nfile: x.go\n- x\n",
		"a name twice":            "mutant: a\nfile: x.go\n- x\nmutant: a\nfile: x.go\n- y\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(strings.NewReader(text)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

const source = `package x

func (c *T) A() bool {
	if c.on {
		return true
	}
	return false
}

func B() bool {
	return true
}
`

func TestApply(t *testing.T) {
	m := mutant{file: "x.go", function: "A", old: []string{"return true"}, new: []string{"return false"}}
	got, err := m.apply(source)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(source, "\t\treturn true", "return false", 1)
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestApplyRefuses(t *testing.T) {
	for name, m := range map[string]mutant{
		"lines at two places": {old: []string{"return true"}},
		"lines at none":       {old: []string{"return 1"}},
		"lines of a neighbor": {function: "B", old: []string{"return false"}},
		"a func that is gone": {function: "C", old: []string{"return true"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := m.apply(source); err == nil {
				t.Error("applied")
			}
		})
	}
}

func TestJudge(t *testing.T) {
	failed := errors.New("exit status 1")
	for name, c := range map[string]struct {
		err     error
		output  string
		stopped error
		want    outcome
		by      string
	}{
		"passes":        {nil, "ok  \tx\t0.1s", nil, survived, ""},
		"runs nothing":  {nil, "ok  \tx\t0.1s [no tests to run]", nil, unbuilt, "no test runs"},
		"fails":         {failed, "--- FAIL: TestA (0.00s)\n--- FAIL: TestB\nFAIL", nil, killed, "TestA"},
		"hangs":         {failed, "panic: test timed out after 1s", nil, killed, "time limit"},
		"dies":          {failed, "fatal error: all goroutines are asleep", nil, killed, "the test binary died"},
		"won't compile": {failed, "FAIL\tx [build failed]", nil, unbuilt, "does not compile"},
		"is stopped":    {failed, "", context.Canceled, interrupted, ""},
		"never returns": {failed, "", context.DeadlineExceeded, killed, "time limit"},
	} {
		t.Run(name, func(t *testing.T) {
			got, by := judge(c.err, c.output, c.stopped)
			if got != c.want || by != c.by {
				t.Errorf("got %s by %q", got, by)
			}
		})
	}
}

// A whole run over a small module: one fault is noticed, one is not, and the
// ratio decides.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/x\n\ngo 1.26.0\n")
	write(t, dir, "x.go", "package x\n\nfunc A() int {\n\treturn 1\n}\n\nfunc B() int {\n\treturn 1\n}\n")
	write(t, dir, "x_test.go", "package x\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n\tif A() != 1 {\n\t\tt.Fatal()\n\t}\n}\n")
	write(t, dir, "mutants.txt", `
mutant: noticed
file: x.go
func: A
- return 1
+ return 2

mutant: unnoticed
file: x.go
func: B
- return 1
+ return 2
`)
	s := settings{
		module: dir, list: filepath.Join(dir, "mutants.txt"), only: regexp.MustCompile(""),
		jobs: 2, limit: 30 * time.Second, wanted: 50,
	}
	if err := run(t.Context(), s); err != nil {
		t.Errorf("half of them is enough: %v", err)
	}
	s.wanted = 51
	if err := run(t.Context(), s); err == nil {
		t.Error("half of them is not enough")
	}
	s.wanted, s.only = 100, regexp.MustCompile("^noticed$")
	if err := run(t.Context(), s); err != nil {
		t.Errorf("the noticed one alone: %v", err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The list must not fall behind the code between two runs.
func TestEveryListedMutantApplies(t *testing.T) {
	mutants, err := load("mutants.txt", regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepare("../..", t.TempDir(), mutants); err != nil {
		t.Error(err)
	}
}
