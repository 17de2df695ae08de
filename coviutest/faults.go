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

// Fault makes a request fail. The functions that return a Fault say how, the
// methods of Fault how often and when. By default it applies to one request.
type Fault struct {
	refusesConnection bool
	carriedOut        bool
	grant             string
	skip, times       int
	listedAfter       time.Duration
	effect            func(*exchange)
}

// Fail adds faults for an operation, which is named by its route template:
//
//	s.Fail("POST /sessions", coviutest.LoseReply())
//	s.Fail("GET /sessions/{session_id}", coviutest.RateLimit(time.Second), coviutest.Unavailable().Times(2))
//
// [Operations] lists the operations; [AnyOperation] stands for all of them.
// Each request gets the first fault that applies to it. When all are used up, the
// service works again. An operation that does not exist panics, because its fault
// would never happen.
func (s *Server) Fail(operation string, faults ...Fault) {
	mustBeOperation(operation)
	s.faults.arm(operation, faults)
}

// ClearFaults removes all faults. Requests to which one applies already are not
// changed.
func (s *Server) ClearFaults() { s.faults.clear() }

// Times makes the fault apply to n requests instead of one.
func (f Fault) Times(n int) Fault {
	f.times = n
	return f
}

// Always makes the fault apply until [Server.ClearFaults].
func (f Fault) Always() Fault { return f.Times(math.MaxInt) }

// After lets n requests pass before the fault applies.
func (f Fault) After(n int) Fault {
	f.skip = n
	return f
}

// ForGrant makes the fault apply only to token requests with this grant_type,
// such as "refresh_token".
func (f Fault) ForGrant(grantType string) Fault {
	f.grant = grantType
	return f
}

// CarriedOut makes the server carry the request out before the fault answers:
// Unavailable().CarriedOut() books the session and answers 503.
func (f Fault) CarriedOut() Fault {
	f.carriedOut = true
	return f
}

// ListedAfter makes lists show the session that the request books only d later.
// It combines with the faults that carry the request out:
// LoseReply().ListedAfter(time.Minute). It belongs to "POST /sessions".
func (f Fault) ListedAfter(d time.Duration) Fault {
	f.listedAfter = d
	return f
}

// ListLate books the session and answers as usual, but GET /sessions shows the
// session only d later by the server's clock. GET /sessions/{session_id} shows
// it at once.
func ListLate(d time.Duration) Fault { return Delay(0).ListedAfter(d) }

// Refuse refuses the connection. The request never arrives and is not counted.
// This needs a client that uses [Server.Transport]. For other clients the server
// closes the connection without a reply, because it has to accept the connection
// to learn the operation.
func Refuse() Fault {
	f := fault((*exchange).hangUp)
	f.refusesConnection = true
	return f
}

// Delay carries the request out after d and answers. If the client gives up
// before that, the request is not carried out.
func Delay(d time.Duration) Fault {
	return fault(func(x *exchange) {
		x.wait(d)
		x.answer(x.reply())
	})
}

// Hang does not carry the request out and never answers. It ends when the client
// gives up or the server closes.
func Hang() Fault { return fault((*exchange).hang) }

// LoseReply carries the request out and closes the connection without replying.
func LoseReply() Fault { return fault((*exchange).hangUp).CarriedOut() }

// CarryOutLate closes the connection without replying and carries the request out
// after d, as a queue in front of the service might.
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

// CutBody carries the request out, sends the first n bytes of the reply's body and
// closes the connection. A body of n bytes or fewer is sent whole.
func CutBody(n int) Fault {
	return fault(func(x *exchange) {
		x.answerPart(n)
		x.hangUp()
	})
}

// StallBody carries the request out and sends the first n bytes of the reply's
// body, then nothing more. It ends as [Hang] does.
func StallBody(n int) Fault {
	return fault(func(x *exchange) {
		x.answerPart(n)
		x.hang()
	})
}

// Reset does not carry the request out and resets the connection.
func Reset() Fault { return fault((*exchange).reset) }

// Status does not carry the request out and answers with this status, header and
// body. A nil header means JSON. The status has to be 200 or above; [Raw] can send
// others.
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

// RefuseRefresh answers a refresh with invalid_grant. It does not apply to other
// grants. It belongs to "POST /auth/token".
func RefuseRefresh() Fault {
	rep := invalidGrant("refused on demand")
	return Status(rep.status, rep.header, string(rep.body)).ForGrant(grantRefreshToken)
}

// Raw sends these bytes instead of an HTTP reply and closes the connection.
func Raw(bytes string) Fault {
	return fault(func(x *exchange) { x.raw([]byte(bytes)) })
}

// Reply is a reply that [Rewrite] can change.
type Reply struct {
	// StatusCode is the HTTP status.
	StatusCode int
	// Header is the header, without the fields that net/http adds.
	Header http.Header
	// Body is the body.
	Body []byte
}

// Rewrite carries the request out and lets edit change the reply, for example to
// remove or add a field.
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

// faultQueue holds the faults in the order in which they were added.
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

// take returns the fault for a request and counts its use. While the client dials,
// only a refused connection can apply: otherwise take changes nothing, because the
// request will ask again when it arrives.
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
