package coviutest

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// AnyOperation addresses every operation in [Server.Fail] and [Server.Count].
const AnyOperation = "*"

// Fault is what goes wrong with a request. The functions of this package that
// return a Fault say how; its methods say how often and when. A Fault that was
// not told otherwise strikes once.
type Fault struct {
	refusesConnection bool
	carriedOut        bool
	grant             string
	skip, times       int
	effect            func(*exchange)
}

// Fail arms faults for an operation, which is named by its route template:
//
//	s.Fail("POST /sessions", coviutest.LoseReply())
//	s.Fail("GET /sessions/{session_id}", coviutest.RateLimit(time.Second), coviutest.Unavailable().Times(2))
//
// The operations are the ten of the API, "POST /auth/token" and [AnyOperation].
// A request meets the first armed fault that applies to it, so that several
// strike one after the other; then the service works again. An operation that
// does not exist panics: a test that waits for its fault would prove nothing.
func (s *Server) Fail(operation string, faults ...Fault) {
	mustBeOperation(operation)
	s.faults.arm(operation, faults)
}

// ClearFaults disarms all faults. Those at work go on.
func (s *Server) ClearFaults() { s.faults.clear() }

// Times makes the fault strike n requests instead of one.
func (f Fault) Times(n int) Fault {
	f.times = n
	return f
}

// Always makes the fault strike until [Server.ClearFaults].
func (f Fault) Always() Fault { return f.Times(math.MaxInt) }

// After lets n requests that the fault applies to pass first.
func (f Fault) After(n int) Fault {
	f.skip = n
	return f
}

// ForGrant makes the fault strike only token requests with this grant_type,
// such as "refresh_token".
func (f Fault) ForGrant(grantType string) Fault {
	f.grant = grantType
	return f
}

// CarriedOut makes the server carry the request out before the fault hides it
// from the client: Unavailable().CarriedOut() books the session and says 503.
func (f Fault) CarriedOut() Fault {
	f.carriedOut = true
	return f
}

// Refuse refuses the connection: the request provably never arrives, is not
// logged and not counted. That takes a client which uses [Server.Transport];
// another one has a connection by the time that its operation is known, and
// sees it closed without a reply.
func Refuse() Fault {
	f := fault((*exchange).hangUp)
	f.refusesConnection = true
	return f
}

// Delay answers after d. A request that is given up meanwhile is not carried
// out.
func Delay(d time.Duration) Fault {
	return fault(func(x *exchange) {
		x.wait(d)
		x.answer(x.reply())
	})
}

// Hang never answers, and does not carry the request out. It ends when the
// client gives up or the server closes.
func Hang() Fault { return fault((*exchange).hang) }

// LoseReply carries the request out and closes the connection without a reply.
func LoseReply() Fault { return fault((*exchange).hangUp).CarriedOut() }

// CarryOutLate closes the connection without a reply, and carries the request
// out only after d, as a queue between client and service might.
func CarryOutLate(d time.Duration) Fault {
	return fault(func(x *exchange) {
		x.server.work.Go(func() {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				x.reply()
			case <-x.server.done:
			}
		})
		x.hangUp()
	})
}

// CutBody carries the request out, sends the reply up to byte n of its body and
// closes the connection. A body of n bytes or fewer arrives whole.
func CutBody(n int) Fault {
	return fault(func(x *exchange) {
		x.answerPart(n)
		x.hangUp()
	})
}

// StallBody carries the request out, sends the reply up to byte n of its body
// and then nothing more. It ends as [Hang] does.
func StallBody(n int) Fault {
	return fault(func(x *exchange) {
		x.answerPart(n)
		x.hang()
	})
}

// Reset resets the connection without a reply; the request is not carried out.
func Reset() Fault { return fault((*exchange).reset) }

// Status answers with this status, header and body instead of carrying the
// request out. A nil header is a plain JSON reply. The status is 200 or above;
// [Raw] sends anything else.
func Status(status int, header http.Header, body string) Fault {
	return fault(func(x *exchange) {
		x.answer(reply{status: status, header: header, body: []byte(body)})
	})
}

// Unavailable answers 503 in the service's error form.
func Unavailable() Fault { return refusing(http.StatusServiceUnavailable, nil) }

// RateLimit answers 429 in the service's error form, with a Retry-After header
// of d in whole seconds, rounded up.
func RateLimit(d time.Duration) Fault {
	seconds := int64(math.Ceil(d.Seconds()))
	return refusing(http.StatusTooManyRequests, http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}})
}

// HTMLPage answers with this status and a page of HTML, as captive portals and
// proxies do.
func HTMLPage(status int) Fault {
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	return Status(status, header, "<!doctype html><title>Sign in</title><h1>Sign in to the network</h1>")
}

// RefuseRefresh answers a refresh with invalid_grant and lets the other grants
// pass. It belongs to the operation "POST /auth/token".
func RefuseRefresh() Fault {
	rep := invalidGrant("refused on demand")
	return Status(rep.status, rep.header, string(rep.body)).ForGrant(grantRefreshToken)
}

// Raw sends these bytes instead of an HTTP reply and closes the connection.
func Raw(bytes string) Fault {
	return fault(func(x *exchange) { x.raw([]byte(bytes)) })
}

// Reply is what the server is about to answer; see [Rewrite].
type Reply struct {
	// StatusCode is the HTTP status.
	StatusCode int
	// Header is the header, without what net/http adds.
	Header http.Header
	// Body is the body as it will be sent.
	Body []byte
}

// Rewrite carries the request out and lets edit change the reply on its way:
// to drop a field, to add one, to answer in a form of another server.
func Rewrite(edit func(*Reply)) Fault {
	return fault(func(x *exchange) {
		rep := x.reply()
		public := Reply{rep.status, http.Header{}, slices.Clone(rep.body)}
		for name, values := range rep.header {
			public.Header[name] = slices.Clone(values)
		}
		edit(&public)
		x.answer(reply{public.StatusCode, public.Header, public.Body})
	})
}

func refusing(status int, header http.Header) Fault {
	return Status(status, header, string(refusal(status, "refused on demand").body))
}

func fault(effect func(*exchange)) Fault { return Fault{times: 1, effect: effect} }

// faultQueue holds the armed faults in the order of their arming.
type faultQueue struct {
	mu    sync.Mutex
	armed []*armedFault
}

type armedFault struct {
	operation string
	Fault
}

func (q *faultQueue) arm(operation string, faults []Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range faults {
		q.armed = append(q.armed, &armedFault{operation, f})
	}
}

func (q *faultQueue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.armed = nil
}

// take finds the fault that a request meets and uses it up. With dialling the
// request has not left yet: only a refused connection counts, and where none is
// due nothing is used up.
func (q *faultQueue) take(operation, grant string, dialling bool) (Fault, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var passed []*armedFault
	for _, a := range q.armed {
		if a.times <= 0 || a.operation != operation && a.operation != AnyOperation || a.grant != "" && a.grant != grant {
			continue
		}
		if a.skip > 0 {
			passed = append(passed, a)
			continue
		}
		if dialling && !a.refusesConnection {
			return Fault{}, false
		}
		use(passed)
		a.times--
		q.armed = slices.DeleteFunc(q.armed, func(a *armedFault) bool { return a.times <= 0 })
		return a.Fault, true
	}
	if !dialling {
		use(passed)
	}
	return Fault{}, false
}

func use(passed []*armedFault) {
	for _, a := range passed {
		a.skip--
	}
}
