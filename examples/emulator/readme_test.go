package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every fault of the README exists, and its example is accepted.
func TestTheReadmeShowsRequestsThatWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	e := start(t, "-control")
	_, table, found := strings.Cut(string(text), "| `fault` |")
	require.True(t, found)
	faults := regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllStringSubmatch(table, -1)
	assert.Len(t, faults, 12)
	for _, fault := range faults {
		status, answered := e.control("POST", "/faults", `{"operation":"GET /user/team","fault":"`+fault[1]+`","status":500,"bytes":1,"duration":"1s"}`)
		assert.Equal(t, 204, status, answered)
	}
	bodies := regexp.MustCompile(`'(\{"operation.*\})'`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, bodies, 1)
	status, answered := e.control("POST", "/faults", bodies[0][1])
	assert.Equal(t, 204, status, answered)
	for route, body := range map[string]string{"/clock": `{"advance": "90m"}`, "/revoke": `{"tokens": "access"}`} {
		assert.Contains(t, string(text), "`POST /_control"+route+"` with `"+body+"`")
		status, _ = e.control("POST", route, body)
		assert.Less(t, status, 300)
	}
	status, _ = e.control("DELETE", "/faults", "")
	assert.Equal(t, 204, status)
}
