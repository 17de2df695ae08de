// Package listtest tests the iteration over lists of sessions, through the public API alone.
package listtest
