package doccheck

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// documented is a package as a package site shows it, its examples included.
type documented struct {
	*doc.Package
	files []*ast.File
	fset  *token.FileSet
}

func read(t *testing.T, dir, importPath string) documented {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files, sources []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		if !strings.HasSuffix(name, "_test.go") {
			sources = append(sources, file)
		}
	}
	if len(sources) == 0 {
		t.Fatalf("no package in %q", dir)
	}
	pkg, err := doc.NewFromFiles(fset, files, importPath, doc.PreserveAST)
	if err != nil {
		t.Fatal(err)
	}
	return documented{pkg, sources, fset}
}

func library(t *testing.T) documented {
	t.Helper()
	return read(t, ".", "github.com/coviu/coviu-go-sdk")
}

// goTestFiles are the test files of all modules of the repository.
func goTestFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, "_test.go") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
