package coviutest

import (
	"net"
	"net/http"
	"time"
)

// exchange is a request to which a fault applies.
type exchange struct {
	server  *Server
	call    *call
	w       http.ResponseWriter
	r       *http.Request
	outcome *reply
}

func (f Fault) apply(s *Server, c *call, w http.ResponseWriter, r *http.Request) {
	c.listedAfter = f.listedAfter
	x := &exchange{server: s, call: c, w: w, r: r}
	if f.carriedOut {
		x.reply()
	}
	f.effect(x)
}

// reply carries the request out the first time, and returns the same reply
// afterwards.
func (x *exchange) reply() reply {
	if x.outcome == nil {
		x.outcome = new(x.server.carryOut(x.call))
	}
	return *x.outcome
}

func (x *exchange) answer(rep reply) { x.server.write(x.w, rep) }

func (x *exchange) answerPart(n int) {
	rep := x.reply()
	x.server.writeHeader(x.w, rep)
	_, _ = x.w.Write(rep.body[:min(max(n, 0), len(rep.body))])
	_ = http.NewResponseController(x.w).Flush()
}

func (x *exchange) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.r.Context().Done():
		x.hangUp()
	case <-x.server.done:
		x.hangUp()
	}
}

func (x *exchange) hang() {
	select {
	case <-x.r.Context().Done():
	case <-x.server.done:
	}
	x.hangUp()
}

// hangUp makes net/http close the connection after sending what was flushed.
func (x *exchange) hangUp() { panic(http.ErrAbortHandler) }

func (x *exchange) reset() {
	switch conn := x.takeOver().(type) {
	case *memoryConn:
		conn.reset()
	case *net.TCPConn:
		_ = conn.SetLinger(0)
		_ = conn.Close()
	}
}

func (x *exchange) raw(bytes []byte) {
	conn := x.takeOver()
	_, _ = conn.Write(bytes)
	_ = conn.Close()
}

// takeOver returns the connection, which the caller has to close.
func (x *exchange) takeOver() net.Conn {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.hangUp()
	}
	return conn
}
