package coviutest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/coviu/coviu-go-sdk"
)

// object is a JSON object of a request. Names are case-sensitive, null means that
// the member was left out, and unknown members are ignored.
type object map[string]json.RawMessage

var errNoObject = errors.New("the body is no JSON object")

func parseObject(text []byte) (object, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		return nil, errNoObject
	}
	return o, nil
}

// read decodes a member. It returns false and no error if the member was left
// out.
func (o object) read(name string, into any, wanted string) (bool, error) {
	text, there := o[name]
	if !there || string(text) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("%s: not %s", name, wanted)
	}
	return true, nil
}

// text is nil for a member that was left out.
func (o object) text(name string) (*string, error) {
	var text string
	there, err := o.read(name, &text, "a string")
	if !there {
		return nil, err
	}
	return &text, nil
}

type date struct {
	ms   int64
	form DateForm
}

func (o object) date(name string) (*date, error) {
	text, err := o.text(name)
	if text == nil {
		return nil, err
	}
	t, form, err := parseDate(*text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &date{t.UnixMilli(), form}, nil
}

func (o object) role(name string) (*coviu.Role, error) {
	text, err := o.text(name)
	if text == nil {
		return nil, err
	}
	switch role := coviu.Role(strings.ToUpper(*text)); role {
	case coviu.RoleHost, coviu.RoleGuest, coviu.RoleParticipant:
		return &role, nil
	}
	return nil, fmt.Errorf("%s: neither HOST nor GUEST nor PARTICIPANT", name)
}

func (o object) texts(name string) ([]string, error) {
	var items []*string
	if _, err := o.read(name, &items, "an array of strings"); err != nil {
		return nil, err
	}
	var texts []string
	for _, item := range items {
		if item == nil {
			return nil, fmt.Errorf("%s: not an array of strings", name)
		}
		texts = append(texts, *item)
	}
	return texts, nil
}

func (o object) objects(name string) ([]object, error) {
	var items []object
	if _, err := o.read(name, &items, "an array of objects"); err != nil {
		return nil, err
	}
	for _, item := range items {
		if item == nil {
			return nil, fmt.Errorf("%s: not an array of objects", name)
		}
	}
	return items, nil
}
