package coviutest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	basePath = "/v1"
	// entryPath comes before the participant's id in an entry link, as in the
	// links of the service.
	entryPath = "/session/"

	opToken     = "POST /auth/token"
	opConsent   = "GET /auth/authorize"
	opAuthorize = "POST /auth/authorize"
)

// operation is an endpoint of the API, named by its route template.
type operation struct {
	name   string
	handle func(*Server, *call) reply
	open   bool // needs no bearer token
	reads  bool // changes nothing, so that several can run at once
}

type routeTemplate struct {
	segments   []string
	operations []operation
}

const idSegment = "{id}"

var routeTable = []routeTemplate{
	{[]string{"sessions", idSegment}, []operation{
		{name: "GET /sessions/{session_id}", handle: (*Server).getSession, reads: true},
		{name: "PUT /sessions/{session_id}", handle: (*Server).updateSession},
		{name: "DELETE /sessions/{session_id}", handle: (*Server).deleteSession},
	}},
	{[]string{"sessions"}, []operation{
		{name: "GET /sessions", handle: (*Server).listSessions, reads: true},
		{name: "POST /sessions", handle: (*Server).createSession},
	}},
	{[]string{"sessions", idSegment, "participants"}, []operation{
		{name: "GET /sessions/{session_id}/participants", handle: (*Server).listParticipants, reads: true},
		{name: "POST /sessions/{session_id}/participants", handle: (*Server).addParticipant},
	}},
	{[]string{"sessions", idSegment, "summary"}, []operation{
		{name: "GET /sessions/{session_id}/summary", handle: (*Server).getSummary, reads: true},
	}},
	{[]string{"user", "team"}, []operation{
		{name: "GET /user/team", handle: (*Server).getTeam, reads: true},
	}},
	{[]string{"participants", idSegment}, []operation{
		{name: "GET /participants/{participant_id}", handle: (*Server).getParticipant, reads: true},
		{name: "PUT /participants/{participant_id}", handle: (*Server).updateParticipant},
		{name: "DELETE /participants/{participant_id}", handle: (*Server).deleteParticipant},
	}},
	{[]string{"auth", "token"}, []operation{
		{name: opToken, handle: (*Server).issueToken, open: true},
	}},
	{[]string{"auth", "authorize"}, []operation{
		{name: opConsent, handle: (*Server).showConsent, open: true, reads: true},
		{name: opAuthorize, handle: (*Server).answerConsent, open: true},
	}},
}

func (op *operation) method() string {
	method, _, _ := strings.Cut(op.name, " ")
	return method
}

// route finds the operation of an escaped path below the base URL, and the id
// in it. It does not clean the path, which could turn an empty id or ".." into
// another operation.
func route(method, path string) (op *operation, id string) {
	op, id, _ = match(method, path)
	return op, id
}

func match(method, path string) (op *operation, id string, allowed []string) {
	template, id := findTemplate(path)
	if template == nil {
		return nil, "", nil
	}
	for i := range template.operations {
		candidate := &template.operations[i]
		if candidate.method() == method {
			return candidate, id, nil
		}
		allowed = append(allowed, candidate.method())
	}
	return nil, id, allowed
}

func findTemplate(path string) (*routeTemplate, string) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, ""
	}
	var buffer [4]string
	segments := buffer[:0]
	for segment := range strings.SplitSeq(rest, "/") {
		if len(segments) == cap(segments) {
			return nil, ""
		}
		segments = append(segments, segment)
	}
	for i := range routeTable {
		if id, ok := routeTable[i].match(segments); ok {
			return &routeTable[i], id
		}
	}
	return nil, ""
}

func (t *routeTemplate) match(segments []string) (id string, ok bool) {
	if len(segments) != len(t.segments) {
		return "", false
	}
	for i, want := range t.segments {
		switch got := segments[i]; {
		case want != idSegment && got != want, got == "":
			return "", false
		case want == idSegment:
			var err error
			if id, err = url.PathUnescape(got); err != nil {
				return "", false
			}
		}
	}
	return id, true
}

// Operations returns the names of all operations that [Server.Fail] and
// [Server.Count] know, [AnyOperation] excepted.
func Operations() []string {
	var names []string
	for _, template := range routeTable {
		for _, op := range template.operations {
			names = append(names, op.name)
		}
	}
	slices.Sort(names)
	return names
}

func operationNamed(name string) *operation {
	for i := range routeTable {
		ops := routeTable[i].operations
		if j := slices.IndexFunc(ops, func(op operation) bool { return op.name == name }); j >= 0 {
			return &ops[j]
		}
	}
	return nil
}

func mustBeOperation(name string) {
	if name != AnyOperation && operationNamed(name) == nil {
		panic("coviutest: no operation is named " + strconv.Quote(name))
	}
}
