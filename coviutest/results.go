package coviutest

import "net/http"

// Results counts what the server did with requests. A request that a fault
// answers instead of the server, such as [Unavailable], is in neither count. One
// whose reply a fault hides, such as [LoseReply], is counted by what the server
// did.
type Results struct {
	// CarriedOut counts the requests that succeeded.
	CarriedOut int
	// Refused counts the requests that the server refused.
	Refused int
}

// Results returns the counts for an operation since the server started or
// [Server.ClearRequests]; [AnyOperation] adds them all up. Results("POST /sessions")
// tells how many sessions were booked, Results("POST /auth/token") how many
// tokens were granted and refused. An operation that does not exist panics.
func (s *Server) Results(operation string) Results {
	mustBeOperation(operation)
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return s.requests.results[operation]
}

// GrantResults returns the counts for token requests with this grant_type, such
// as "refresh_token".
func (s *Server) GrantResults(grantType string) Results {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return s.requests.granted[grantType]
}

func (r Results) plus(rep reply) Results {
	if rep.status < http.StatusBadRequest {
		r.CarriedOut++
	} else {
		r.Refused++
	}
	return r
}

func (l *requestLog) addResult(c *call, rep reply) {
	if c.op == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.results == nil {
		l.results, l.granted = map[string]Results{}, map[string]Results{}
	}
	for _, name := range []string{c.op.name, AnyOperation} {
		l.results[name] = l.results[name].plus(rep)
	}
	if c.op.name == opToken {
		l.granted[c.grantArg] = l.granted[c.grantArg].plus(rep)
	}
}
