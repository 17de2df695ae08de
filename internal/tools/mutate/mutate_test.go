//go:build mutate

// Package mutate measures how many small faults the tests notice. It changes one operator or number
// at a time in the files that it is given and runs the tests for each change.
package mutate

import (
	"flag"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gtramontina/ooze"
)

const root = "../../.."

// TestMutations takes files and directories of the library as arguments, relative to its root.
func TestMutations(t *testing.T) {
	if flag.NArg() == 0 {
		t.Fatal("no file or directory to change: see `make mutate`")
	}
	script, err := filepath.Abs("test.sh")
	if err != nil {
		t.Fatal(err)
	}
	library, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	ooze.Release(t,
		ooze.WithRepositoryRoot(root),
		ooze.WithTestCommand(strings.Join([]string{"bash", script, library}, " ")),
		ooze.IgnoreSourceFiles(allBut(t, flag.Args())),
		ooze.WithMinimumThreshold(0.8),
		ooze.Parallel(),
	)
}

// allBut returns a pattern of all source files that are not among the targets.
func allBut(t *testing.T, targets []string) string {
	t.Helper()
	var ignored []string
	chosen := 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file, err := filepath.Rel(root, path)
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		if slices.Contains(targets, file) || slices.Contains(targets, filepath.Dir(file)) {
			chosen++
			return nil
		}
		ignored = append(ignored, regexp.QuoteMeta(file))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if chosen < len(targets) {
		t.Fatalf("%d of these files and directories hold no source file: %v", len(targets)-chosen, targets)
	}
	return "^(" + strings.Join(ignored, "|") + ")$"
}
