package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A mutant is one seeded fault: some lines of one file, and what stands there instead.
type mutant struct {
	name     string
	file     string   // relative to the module, with slashes
	function string   // where the lines are looked for; the whole file if empty
	packages []string // whose tests have to notice, the nearest first
	run      string   // the -run pattern for all of them
	why      string   // why nothing can notice it, if nothing can
	old, new []string
}

// parse reads mutants in the form that mutants.txt explains at its head.
func parse(r io.Reader) ([]mutant, error) {
	var mutants []mutant
	var current *mutant
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "mutant:"); ok {
			mutants = append(mutants, mutant{name: strings.TrimSpace(name)})
			current = &mutants[len(mutants)-1]
			continue
		}
		if current == nil {
			return nil, fmt.Errorf("line %d: comes before the first mutant", number)
		}
		if err := current.set(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range mutants {
		if err := mutants[i].complete(); err != nil {
			return nil, fmt.Errorf("mutant %q: %w", mutants[i].name, err)
		}
		if seen[mutants[i].name] {
			return nil, fmt.Errorf("mutant %q: there are two of that name", mutants[i].name)
		}
		seen[mutants[i].name] = true
	}
	return mutants, nil
}

func (m *mutant) set(line string) error {
	switch line[0] {
	case '-':
		m.old = append(m.old, strings.TrimSpace(line[1:]))
		return nil
	case '+':
		m.new = append(m.new, strings.TrimSpace(line[1:]))
		return nil
	}
	key, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "file":
		m.file = value
	case "func":
		m.function = value
	case "tests":
		m.packages = strings.Fields(value)
	case "run":
		m.run = value
	case "why":
		m.why = value
	default:
		return fmt.Errorf("%q is no key", key)
	}
	return nil
}

func (m *mutant) complete() error {
	switch {
	case m.name == "":
		return errors.New("has no name")
	case m.file == "":
		return errors.New("names no file")
	case len(m.old) == 0:
		return errors.New("replaces no line")
	case slices.Equal(m.old, m.new):
		return errors.New("changes nothing")
	}
	if len(m.packages) == 0 {
		own := "./" + filepath.ToSlash(filepath.Dir(m.file))
		m.packages = slices.Compact([]string{strings.TrimSuffix(own, "/."), "."})
	}
	return nil
}

// apply returns the file with the fault in it. Lines are compared without their
// indentation, and must stand at exactly one place: a fault that has moved away
// from its code would otherwise count as one that the tests noticed.
func (m *mutant) apply(source string) (string, error) {
	lines := strings.Split(source, "\n")
	from, to, err := m.scope(lines)
	if err != nil {
		return "", err
	}
	at := -1
	for i := from; i+len(m.old) <= to; i++ {
		if !slices.EqualFunc(lines[i:i+len(m.old)], m.old, sameLine) {
			continue
		}
		if at >= 0 {
			return "", fmt.Errorf("%s: the lines stand at %d and at %d: name the func, or take in more lines", m.file, at+1, i+1)
		}
		at = i
	}
	if at < 0 {
		return "", fmt.Errorf("%s: no such lines: %q", m.file, m.old[0])
	}
	return strings.Join(slices.Replace(lines, at, at+len(m.old), m.new...), "\n"), nil
}

func sameLine(line, wanted string) bool { return strings.TrimSpace(line) == wanted }

// scope is the range of lines of the function, by gofmt's rule that it ends at
// the next closing brace in the first column.
func (m *mutant) scope(lines []string) (from, to int, err error) {
	if m.function == "" {
		return 0, len(lines), nil
	}
	head := regexp.MustCompile(`^func (\([^)]*\) )?` + regexp.QuoteMeta(m.function) + `[\[(]`)
	from = slices.IndexFunc(lines, head.MatchString)
	if from < 0 {
		return 0, 0, fmt.Errorf("%s: no func %s", m.file, m.function)
	}
	end := slices.Index(lines[from:], "}")
	if end < 0 {
		return from, from + 1, nil
	}
	return from, from + end + 1, nil
}
