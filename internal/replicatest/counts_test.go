package replicatest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// counts are numbers by dimension and value.
type counts map[string]map[string]int

func (c counts) count(dimension, value string) {
	if c[dimension] == nil {
		c[dimension] = map[string]int{}
	}
	c[dimension][value]++
}

func (c counts) merge(other counts) {
	for dimension, values := range other {
		for value, n := range values {
			if c[dimension] == nil {
				c[dimension] = map[string]int{}
			}
			c[dimension][value] += n
		}
	}
}

func (c counts) String() string {
	var b strings.Builder
	for _, dimension := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "%s:\n", dimension)
		for _, value := range slices.Sorted(maps.Keys(c[dimension])) {
			fmt.Fprintf(&b, "%10d  %s\n", c[dimension][value], value)
		}
	}
	return b.String()
}
