// Package endpointtest holds the tests of the ten endpoints, of the token endpoint,
// of the client's options and of its log, through the library's public API.
package endpointtest
