package doccheck

import (
	"go/ast"
	"go/token"
	"testing"
)

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, pkg := range []documented{library(t), read(t, "coviutest", "github.com/coviu/coviu-go-sdk/coviutest")} {
		t.Run(pkg.Name, func(t *testing.T) {
			if pkg.Doc == "" {
				t.Errorf("package %s has no documentation", pkg.Name)
			}
			for _, file := range pkg.files {
				for _, decl := range file.Decls {
					for _, name := range undocumented(decl) {
						t.Errorf("%s: %s has no doc comment", pkg.fset.Position(name.Pos()), name.Name)
					}
				}
			}
		})
	}
}

func undocumented(decl ast.Decl) []*ast.Ident {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Name.IsExported() && hasExportedReceiver(decl) && decl.Doc == nil {
			return []*ast.Ident{decl.Name}
		}
	case *ast.GenDecl:
		if decl.Tok != token.IMPORT {
			return undocumentedSpecs(decl)
		}
	}
	return nil
}

func hasExportedReceiver(decl *ast.FuncDecl) bool {
	if decl.Recv == nil {
		return true
	}
	receiver := decl.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}

// A group's comment documents its constants and variables, but not its types.
func undocumentedSpecs(decl *ast.GenDecl) []*ast.Ident {
	var missing []*ast.Ident
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			if decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				missing = append(missing, exported(spec.Names)...)
			}
		case *ast.TypeSpec:
			if !spec.Name.IsExported() {
				continue
			}
			if spec.Doc == nil && (decl.Doc == nil || decl.Lparen.IsValid()) {
				missing = append(missing, spec.Name)
			}
			if fields, ok := spec.Type.(*ast.StructType); ok {
				missing = append(missing, undocumentedFields(fields)...)
			}
		}
	}
	return missing
}

func undocumentedFields(fields *ast.StructType) []*ast.Ident {
	var missing []*ast.Ident
	for _, field := range fields.Fields.List {
		if field.Doc == nil && field.Comment == nil {
			missing = append(missing, exported(field.Names)...)
		}
	}
	return missing
}

func exported(names []*ast.Ident) []*ast.Ident {
	var found []*ast.Ident
	for _, name := range names {
		if name.IsExported() {
			found = append(found, name)
		}
	}
	return found
}
