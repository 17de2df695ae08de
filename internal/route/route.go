// Package route fills the arguments of a route template in.
package route

import (
	"net/http"
	"strings"
)

// Problem says why a route or its arguments can't be used.
type Problem struct{ Field, Reason string }

// Fill returns the path of a route such as "GET /things/{thing_id}/parts", with the
// arguments in the place of each {name}. isSegment reports whether a text can be a
// segment of the path without escaping. Names must follow the same rule, because
// errors and logs show the route.
func Fill(route string, args []string, isSegment func(string) bool) (path string, problem *Problem) {
	method, path, _ := strings.Cut(route, " ")
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		return "", &Problem{"Route", "does not start with GET, POST, PUT or DELETE and a blank"}
	}
	if !strings.HasPrefix(path, "/") {
		return "", &Problem{"Route", "has no path that starts with a slash"}
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		name, isArg := segment, strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
		if isArg {
			name = segment[1 : len(segment)-1]
		}
		switch {
		case !isSegment(name):
			return "", &Problem{"Route", "has a segment that is empty, a dot segment, or holds a character that must not be there"}
		case !isArg:
			continue
		case len(args) == 0:
			return "", &Problem{"Args", "are fewer than the route needs"}
		case !isSegment(args[0]):
			return "", &Problem{"Args", "hold one that is no id"}
		}
		segments[i], args = args[0], args[1:]
	}
	if len(args) > 0 {
		return "", &Problem{"Args", "are more than the route needs"}
	}
	return "/" + strings.Join(segments, "/"), nil
}
