// Package fieldpath makes the paths that encoding/json reports safe to print.
package fieldpath

import (
	"cmp"
	"reflect"
	"strings"
)

// Known returns the names of path that are fields of t, up to the first one that
// is not. From Go 1.27 on, encoding/json also reports indexes and the keys of maps.
// A key is data and may be secret. Indexes are left out, as Go 1.26 does.
func Known(t reflect.Type, path string) string {
	var known []string
	for name := range strings.SplitSeq(path, ".") {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if isList(t) && isIndex(name) {
			t = t.Elem()
			continue
		}
		for t.Kind() == reflect.Pointer || isList(t) {
			t = t.Elem()
		}
		field, ok := fieldOf(t, name)
		if !ok {
			break
		}
		known, t = append(known, name), field
	}
	return strings.Join(known, ".")
}

// fieldOf returns the type of the field that encoding/json calls name.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	for _, field := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if cmp.Or(tag, field.Name) == name {
			return field.Type, true
		}
	}
	return nil, false
}

func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice || t.Kind() == reflect.Array }

func isIndex(name string) bool { return name != "" && strings.Trim(name, "0123456789") == "" }
