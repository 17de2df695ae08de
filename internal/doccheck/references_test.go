package doccheck

import (
	"go/ast"
	"go/doc"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pages returns the names of all documents, relative to the root.
func pages(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(name), root+"/"))
		}
	}
	return names
}

// testNames returns the names of all test, fuzz and example functions.
func testNames(t *testing.T) []string {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w+)\(`)
	var names []string
	for _, name := range goTestFiles(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declared.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}

// A document may leave out the part of a test's name after the underscore.
func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	exists := map[string]bool{}
	for _, name := range testNames(t) {
		short, _, _ := strings.Cut(name, "_")
		exists[short], exists[name] = true, true
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz|Example)[A-Z]\w*`)
	texts := map[string]string{"package documentation": library(t).Doc}
	for _, page := range pages(t) {
		texts[page] = readFile(t, page)
	}
	for where, text := range texts {
		for _, name := range named.FindAllString(text, -1) {
			if !exists[name] {
				t.Errorf("%s: %s does not exist", where, name)
			}
		}
	}
}

// The numbers in the first column of docs/faults.md are those of the tests.
func TestTheFaultTableHasARowForEveryFaultTest(t *testing.T) {
	tested, listed := map[string]bool{}, map[string]bool{}
	fault := regexp.MustCompile(`^TestFault(\d+)_`)
	for _, name := range testNames(t) {
		if match := fault.FindStringSubmatch(name); match != nil {
			tested[strings.TrimLeft(match[1], "0")] = true
		}
	}
	row := regexp.MustCompile(`(?m)^\| *(\d+(?:, \d+)*) *\|`)
	for _, match := range row.FindAllStringSubmatch(readFile(t, "docs/faults.md"), -1) {
		for number := range strings.SplitSeq(match[1], ", ") {
			listed[number] = true
		}
	}
	for number := range listed {
		if !tested[number] {
			t.Errorf("docs/faults.md: no test TestFault%s_… exists", number)
		}
	}
	for number := range tested {
		if !listed[number] {
			t.Errorf("docs/faults.md has no row %s", number)
		}
	}
	if len(listed) == 0 {
		t.Error("docs/faults.md has no numbered row")
	}
}

func TestEveryLocalLinkLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence := regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```$")
	for _, page := range pages(t) {
		text := fence.ReplaceAllString(readFile(t, page), "")
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue
			}
			if target == "" {
				target = path.Base(page)
			}
			target = path.Join(path.Dir(page), target)
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s does not exist", page, match[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(readFile(t, target)), anchor) {
				t.Errorf("%s: %s has no heading #%s", page, target, anchor)
			}
		}
	}
}

// anchors returns the link targets that GitHub makes of a page's headings.
func anchors(page string) []string {
	heading := regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	var names []string
	for _, match := range heading.FindAllStringSubmatch(page, -1) {
		name := dropped.ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// CONTRIBUTING.md explains the source files: all of them, and none that is gone.
func TestContributingListsTheSourceFiles(t *testing.T) {
	text := readFile(t, "CONTRIBUTING.md")
	named := regexp.MustCompile("`(\\w+\\.go|(?:internal|testdata)/[\\w/]+)`")
	var listed []string
	for _, match := range named.FindAllStringSubmatch(text, -1) {
		listed = append(listed, match[1])
		if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
			t.Errorf("CONTRIBUTING.md: %s does not exist", match[1])
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := filepath.Base(file); !strings.HasSuffix(name, "_test.go") && !slices.Contains(listed, name) {
			t.Errorf("CONTRIBUTING.md does not say what %s is for", name)
		}
	}
}

func TestEveryMakeTargetThatADocumentNamesExists(t *testing.T) {
	makefile := readFile(t, "Makefile")
	command := regexp.MustCompile("(?m)(?:`|^ *\\$? *)make ([a-z-]+)")
	for _, page := range pages(t) {
		for _, match := range command.FindAllStringSubmatch(readFile(t, page), -1) {
			if !strings.Contains(makefile, "\n"+match[1]+":") {
				t.Errorf("%s: make %s does not exist", page, match[1])
			}
		}
	}
}

func TestTheVersionIsTheOneOfTheChangelog(t *testing.T) {
	released := regexp.MustCompile(`(?m)^## \[(\d[^\]]*)\]`).FindStringSubmatch(readFile(t, "CHANGELOG.md"))
	if released == nil {
		t.Fatal("CHANGELOG.md has no released version")
	}
	if version := constant(t, "Version"); version != released[1] {
		t.Errorf("Version is %q, the newest section of CHANGELOG.md %q", version, released[1])
	}
}

func constant(t *testing.T, name string) string {
	t.Helper()
	pkg := library(t)
	groups := pkg.Consts
	for _, typ := range pkg.Types {
		groups = append(groups, typ.Consts...)
	}
	at := slices.IndexFunc(groups, func(group *doc.Value) bool { return slices.Contains(group.Names, name) })
	if at < 0 {
		t.Fatalf("there is no constant %s", name)
	}
	for _, spec := range groups[at].Decl.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, ident := range value.Names {
			if literal, ok := value.Values[i].(*ast.BasicLit); ok && ident.Name == name && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
		}
	}
	t.Fatalf("the constant %s is no plain string", name)
	return ""
}
