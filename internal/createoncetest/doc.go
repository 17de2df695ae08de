// Package createoncetest holds the tests of CreateOnce, through the library's public
// API.
package createoncetest
