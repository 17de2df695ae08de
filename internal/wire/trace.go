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

// Watch returns the context for the next request that t is to watch.
func (t *Trace) Watch(ctx context.Context) context.Context {
	t.waiting.Store(false)
	t.hooks.GetConn = func(string) { t.waiting.Store(true) }
	t.hooks.GotConn = func(httptrace.GotConnInfo) { t.waiting.Store(false) }
	return httptrace.WithClientTrace(ctx, &t.hooks)
}

// Unsent reports whether the request provably went nowhere: the transport
// looked for a connection and was given none. A transport that reports nothing
// proves nothing.
func (t *Trace) Unsent() bool { return t.waiting.Load() }
