package wire

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Trace watches whether a request may have reached the other side.
type Trace struct {
	asked, given atomic.Bool
	hooks        httptrace.ClientTrace
}

// Watch returns the context for the request that t is to watch. Each attempt
// takes a Trace of its own: a transport may report on one that was given up.
func (t *Trace) Watch(ctx context.Context) context.Context {
	t.hooks.GetConn = func(string) { t.asked.Store(true) }
	t.hooks.GotConn = func(httptrace.GotConnInfo) { t.given.Store(true) }
	return httptrace.WithClientTrace(ctx, &t.hooks)
}

// Unsent reports whether the request provably went nowhere: the transport
// looked for a connection and was never given one. A transport that reports
// nothing proves nothing, and neither does a nil Trace.
func (t *Trace) Unsent() bool { return t != nil && t.asked.Load() && !t.given.Load() }
