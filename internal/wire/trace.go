package wire

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Trace watches whether a request may have reached the other side.
type Trace struct {
	waiting atomic.Bool
	hooks   httptrace.ClientTrace
}

// Watch returns the context for the request that t is to watch. Each attempt
// takes a Trace of its own: a transport may report on one that was given up.
func (t *Trace) Watch(ctx context.Context) context.Context {
	t.hooks.GetConn = func(string) { t.waiting.Store(true) }
	t.hooks.GotConn = func(httptrace.GotConnInfo) { t.waiting.Store(false) }
	return httptrace.WithClientTrace(ctx, &t.hooks)
}

// Unsent reports whether the request provably went nowhere: the transport
// looked for a connection and was given none. A transport that reports nothing
// proves nothing, and neither does a nil Trace.
func (t *Trace) Unsent() bool { return t != nil && t.waiting.Load() }
