// Package settings holds what options change. It is a package of its own so
// that tests in other modules can shorten a lease and set the clock; programs
// can't reach it.
package settings

import (
	"crypto/cipher"
	"time"
)

// Settings is the configuration of a store.
type Settings struct {
	// Lease is how long a hold outlives its process. A holder renews it at intervals
	// of Renew.
	Lease, Renew time.Duration
	// Grace is how late the service may carry out or list a booking.
	Grace time.Duration
	// Now is an SQL expression: the milliseconds since 1970 on the database's
	// clock, the same in all of a statement. "" is the dialect's.
	Now string
	// Keys are for tokens. The first one encrypts, and any of them decrypts.
	Keys []cipher.AEAD
	// Unencrypted says that unencrypted tokens are read beside encrypted ones.
	Unencrypted bool
}
