// Licences fails when a module that is linked into a program or test of the
// modules in the given directories carries a licence that the project has not
// agreed to ship with.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// Permissive licences ask for no more than to be named.
var permissive = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// Examples are programs, and nobody's dependency. They may use, unmodified, what
// asks for changes to its own files to be published.
var inExamples = append([]string{"MPL-2.0"}, permissive...)

// A file quoted in part may hold conditions that the match did not cover.
const minCoverage = 75

func main() {
	if err := check(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func check(dirs []string) error {
	if len(dirs) == 0 {
		return errors.New("call it with the directories of the modules to check")
	}
	refused := 0
	for _, dir := range dirs {
		allowed := permissive
		if strings.Contains(filepath.ToSlash(dir), "/examples/") {
			allowed = inExamples
		}
		modules, err := dependencies(dir)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d modules linked\n", dir, len(modules))
		for _, m := range modules {
			ids, err := licencesIn(m.dir)
			if err != nil {
				return fmt.Errorf("%s: %w", m.path, err)
			}
			verdict := "ok"
			refusal := func(id string) bool { return !slices.Contains(allowed, id) }
			if len(ids) == 0 || slices.ContainsFunc(ids, refusal) {
				verdict = "REFUSED"
				refused++
			}
			fmt.Printf("  %-8s %-42s %s\n", verdict, m.path, strings.Join(ids, ", "))
		}
	}
	if refused > 0 {
		return fmt.Errorf("%d modules without a licence from %s", refused, strings.Join(permissive, ", "))
	}
	return nil
}

type module struct{ path, dir string }

func dependencies(dir string) ([]module, error) {
	const format = `{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{"\t"}}{{.Dir}}{{end}}{{end}}`
	cmd := exec.Command("go", "-C", dir, "list", "-deps", "-test", "-f", format, "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	var modules []module
	for _, line := range slices.Compact(lines) {
		path, dir, found := strings.Cut(line, "\t")
		if !found {
			continue
		}
		// The project's own modules reach each other by replacement, without a version.
		const own = "github.com/coviu/coviu-go-sdk"
		if strings.HasPrefix(path, own+"@") || strings.HasPrefix(path, own+"/examples/") {
			continue
		}
		modules = append(modules, module{path, dir})
	}
	return modules, nil
}

func licencesIn(dir string) ([]string, error) {
	entries, err := fs.ReadDir(os.DirFS(dir), ".")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() || !namesLicence(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		cover := licensecheck.Scan(text)
		if cover.Percent < minCoverage {
			ids = append(ids, "unknown text in "+entry.Name())
			continue
		}
		for _, match := range cover.Match {
			ids = append(ids, match.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func namesLicence(name string) bool {
	stem, ext, _ := strings.Cut(strings.ToUpper(name), ".")
	return (stem == "LICENSE" || stem == "LICENCE" || stem == "COPYING") && ext != "GO"
}
