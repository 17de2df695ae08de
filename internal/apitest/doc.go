// Package apitest holds what the test suites of the public API share: a server that
// records requests, the ten endpoints, fixtures, a token store and checks of errors.
package apitest
