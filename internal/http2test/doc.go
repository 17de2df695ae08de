// Package http2test holds the tests that count requests at the server, over
// HTTP/2 and HTTP/1, through the library's public API. A server of its own
// breaks connections and streams at every moment of an exchange, and knows what
// it carried out. The tests compare that with what the call returned.
package http2test
