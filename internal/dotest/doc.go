// Package dotest holds the tests of Client.Do and of WithMiddleware. They use the
// library's public API only, and count at the server what was sent.
package dotest
