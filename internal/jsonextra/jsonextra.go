// Package jsonextra writes a struct as JSON together with fields that it does not
// have.
package jsonextra

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// Marshal writes the fields of model, and then those of extra that model
// does not have, in the order of their names.
func Marshal[T any](model T, extra map[string]json.RawMessage) ([]byte, error) {
	text, err := json.Marshal(model)
	if err != nil || len(extra) == 0 {
		return text, err
	}
	unknown := maps.Clone(extra)
	for field := range reflect.TypeFor[T]().Fields() {
		// The tag "-" marks the field that is not written. An unknown field may
		// have that name.
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "-" {
			delete(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return text, nil
	}
	rest, err := json.Marshal(unknown)
	if err != nil {
		return nil, err
	}
	return append(append(text[:len(text)-1], ','), rest[1:]...), nil
}
