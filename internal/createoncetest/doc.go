// Package createoncetest tests CreateOnce through the public API alone.
package createoncetest
