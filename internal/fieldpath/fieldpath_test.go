package fieldpath_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/fieldpath"
)

type person struct {
	Role  string `json:"role,omitempty"`
	Plain int
}

type visit struct {
	Owner   person             `json:"owner"`
	People  []*person          `json:"participants"`
	Grid    [2][]person        `json:"grid"`
	ByID    map[string]person  `json:"by_id"`
	ByPlace map[int]person     `json:"by_place"`
	Maps    []map[string][]int `json:"maps"`
}

// The same text on every version of Go, and no key of a map.
func TestWhatEncodingJSONReportsIsCutToFields(t *testing.T) {
	for text, want := range map[string]string{
		`{"owner":{"role":1}}`:                    "owner.role",
		`{"owner":{"Plain":"x"}}`:                 "owner.Plain",
		`{"participants":[{},{"role":1}]}`:        "participants.role",
		`{"grid":[[],[{},{"Plain":"x"}]]}`:        "grid.Plain",
		`{"by_place":{"canary":{"role":"x"}}}`:    "by_place",
		`{"maps":[{"7":[1]},{"canary":[1,"x"]}]}`: "maps",
	} {
		require.Equal(t, want, reported(t, text), text)
	}
	for _, text := range []string{`{"by_id":{"canary":{"role":1}}}`, `{"by_id":{"role":{"Plain":"x"}}}`} {
		require.Contains(t, []string{"by_id", "by_id.role", "by_id.Plain"}, reported(t, text), text)
	}
}

func reported(t *testing.T, text string) string {
	t.Helper()
	err := json.Unmarshal([]byte(text), new(visit))
	e, ok := errors.AsType[*json.UnmarshalTypeError](err)
	require.True(t, ok, text)
	return fieldpath.Known(reflect.TypeFor[*visit](), e.Field)
}

func TestOnlyFieldsAreKnown(t *testing.T) {
	for _, into := range []reflect.Type{reflect.TypeFor[map[string]int](), reflect.TypeFor[int](), reflect.TypeFor[any](), reflect.TypeFor[[]string]()} {
		require.Empty(t, fieldpath.Known(into, "canary.role"))
	}
	require.Equal(t, "participants", fieldpath.Known(reflect.TypeFor[visit](), "participants.1.canary"))
	require.Empty(t, fieldpath.Known(reflect.TypeFor[visit](), ""))
}
