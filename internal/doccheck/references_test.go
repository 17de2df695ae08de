package doccheck

import (
	"go/ast"
	"go/doc"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var pages = []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}

// A promise names the test that proves it, in full or, where the name has a
// number, up to that. The test has to exist.
func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w+)\(`)
	exists := map[string]bool{}
	for _, name := range goTestFiles(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declared.FindAllSubmatch(text, -1) {
			name, _, _ := strings.Cut(string(match[1]), "_")
			exists[name], exists[string(match[1])] = true, true
		}
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz|Example)[A-Z]\w*`)
	texts := map[string]string{"package documentation": library(t).Doc}
	for _, page := range pages {
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

func TestEveryLocalLinkLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence := regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```$")
	for _, page := range pages {
		text := fence.ReplaceAllString(readFile(t, page), "")
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue
			}
			if target == "" {
				target = page
			}
			target = strings.TrimPrefix(target, "./")
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

// anchors are the names that a page's headings get where it is shown.
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

func TestEveryMakeTargetThatADocumentNamesExists(t *testing.T) {
	makefile := readFile(t, "Makefile")
	command := regexp.MustCompile("(?m)(?:`|^ *\\$? *)make ([a-z-]+)")
	for _, page := range pages {
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
