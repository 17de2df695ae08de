// Package faulttest holds the tests of the faults 1 to 29, 36 to 54 and 63 to 70 of
// docs/faults.md, through the library's public API. Its peers break connections,
// replies and tokens; the tests check what the call returns and how often the
// request arrived.
package faulttest
