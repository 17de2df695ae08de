// Package listtest holds the tests of the iteration over lists of sessions, through
// the library's public API.
package listtest
