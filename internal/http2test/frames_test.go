package http2test

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
)

const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4

	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	noError       = 0x0
	protocolError = 0x1
	refusedStream = 0x7
	unknownCode   = 0xbad
	maxStream     = 1<<31 - 1
)

// codes are all of HTTP/2's error codes, and one that nobody has defined.
func codes() []uint32 {
	all := []uint32{unknownCode}
	for code := range uint32(0xe) {
		all = append(all, code)
	}
	return all
}

func codeName(code uint32) string {
	if code == unknownCode {
		return "unknown code"
	}
	return [...]string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
		"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
	}[code]
}

// http2Conn is one HTTP/2 connection. It reads frames and not what they say:
// a request's headers stay compressed, and its body tells requests apart.
type http2Conn struct {
	net.Conn
	raw     net.Conn
	server  *server
	streams map[uint32]*exchange
	// seen is the highest stream so far, carried the highest carried out, and
	// last the highest that is still taken.
	seen, carried, last uint32
}

func (s *server) serveHTTP2(conn, raw net.Conn) {
	c := &http2Conn{Conn: conn, raw: raw, server: s, streams: map[uint32]*exchange{}, last: maxStream}
	opening := make([]byte, len(preface))
	if _, err := io.ReadFull(c, opening); err != nil || string(opening) != preface {
		return
	}
	c.frame(frameSettings, 0, 0, nil)
	if f := s.connected(); f != nil && c.strike(f, 1) {
		return
	}
	for {
		kind, flags, stream, payload, err := c.next()
		if err != nil {
			return
		}
		switch kind {
		case frameSettings, framePing:
			if flags&flagAck == 0 && kind == framePing {
				c.frame(framePing, flagAck, 0, payload)
			} else if flags&flagAck == 0 {
				c.frame(frameSettings, flagAck, 0, nil)
			}
		case frameReset:
			delete(c.streams, stream)
		case frameHeaders, frameData:
			if c.receive(kind, flags&flagEndStream != 0, stream, payload) {
				return
			}
		}
	}
}

// receive takes a part of a request. It reports whether the connection has ended.
func (c *http2Conn) receive(kind byte, last bool, stream uint32, payload []byte) bool {
	x := c.streams[stream]
	switch {
	case kind == frameData && len(payload) > 0:
		c.frame(frameWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(len(payload))))
		if x != nil {
			x.body = append(x.body, payload...)
		}
	case kind == frameHeaders && stream > c.last:
		c.server.add(func(t *tally) { t.received++; t.refused++ })
	case kind == frameHeaders:
		c.seen = stream
		x = c.server.begin(stream)
		c.streams[stream] = x
		if x.fails(afterHeaders) {
			delete(c.streams, stream)
			return c.strike(x.fault, stream)
		}
	}
	if x == nil || !last {
		return false
	}
	delete(c.streams, stream)
	if c.server.carryOut(x) {
		c.carried = max(c.carried, stream)
	}
	return c.answer(x)
}

func (c *http2Conn) answer(x *exchange) bool {
	reply := c.server.reply
	half := len(reply) / 2
	steps := [...]func(){
		afterBody:         func() {},
		afterReplyHeaders: func() { c.frame(frameHeaders, flagEndHeaders, x.stream, statusField(x.status)) },
		inReplyBody:       func() { c.frame(frameData, 0, x.stream, []byte(reply[:half])) },
		afterReply: func() {
			c.frame(frameData, flagEndStream, x.stream, []byte(reply[half:]))
			c.server.add(func(t *tally) { t.answered++ })
		},
	}
	for m := afterBody; m <= afterReply; m++ {
		steps[m]()
		if x.fails(m) {
			return c.strike(x.fault, x.stream)
		}
	}
	return false
}

// strike does what f says to the stream. It reports whether the connection has
// ended.
func (c *http2Conn) strike(f *fault, stream uint32) bool {
	below := max(stream, 2) - 2
	switch {
	case f.kind == goAwayBelow && c.carried > below && f.notCarriedOut():
		// A later stream was carried out: only this one can be refused.
		c.frame(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, refusedStream))
		return false
	case f.kind == goAwayBelow:
		c.last = below
		c.server.add(func(*tally) { c.server.gone = append(c.server.gone, c.raw) })
		c.goAway(below, f.code)
		for id := range c.streams {
			if id > below {
				delete(c.streams, id)
			}
		}
		return false
	case f.kind == reset:
		c.frame(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, f.code))
		return false
	case f.kind == silent:
		signal(c.server.silenced)
		return false
	case f.kind == goAwayAt:
		c.goAway(max(stream, c.seen), f.code)
	case f.kind == goAwayAbove:
		c.goAway(maxStream, f.code)
	}
	end(c.Conn, c.raw, f.kind)
	return true
}

func (c *http2Conn) goAway(last, code uint32) {
	c.frame(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

func (c *http2Conn) next() (kind, flags byte, stream uint32, payload []byte, err error) {
	var header [9]byte
	if _, err = io.ReadFull(c, header[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	payload = make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
	_, err = io.ReadFull(c, payload)
	return header[3], header[4], binary.BigEndian.Uint32(header[5:]) &^ (1 << 31), payload, err
}

func (c *http2Conn) frame(kind, flags byte, stream uint32, payload []byte) {
	n := len(payload)
	header := binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream)
	_, _ = c.Write(append(header, payload...))
}

// statusField is the header block of a reply with this status.
func statusField(status int) []byte {
	if status == http.StatusOK {
		return []byte{0x88}
	}
	return append([]byte{0x08, 3}, strconv.Itoa(status)...)
}
