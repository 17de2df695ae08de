// Package redacttest checks that no secret appears in what a program prints or logs:
// not in the exported types and not in any error.
package redacttest
