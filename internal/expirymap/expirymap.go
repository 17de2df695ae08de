// Package expirymap remembers keys for a limited time.
package expirymap

import (
	"maps"
	"sync"
	"time"
)

// firstSweep is the size at which expired keys are removed for the first time.
const firstSweep = 64

// Map holds keys until they expire. The zero Map is empty and ready to use. It is
// safe for concurrent use.
type Map struct {
	mu     sync.Mutex
	expiry map[string]time.Time
	// sweepAt is the size at which expired keys are removed. It grows with the keys
	// that stay, so a sweep costs little for each key that is set.
	sweepAt int
}

// Set keeps key until the given time.
func (m *Map) Set(key string, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.expiry == nil {
		m.expiry, m.sweepAt = map[string]time.Time{}, firstSweep
	}
	m.expiry[key] = until
	if len(m.expiry) >= m.sweepAt {
		now := time.Now()
		maps.DeleteFunc(m.expiry, func(_ string, until time.Time) bool { return !now.Before(until) })
		m.sweepAt = max(firstSweep, 2*len(m.expiry))
	}
}

// Left returns how long key is kept from now on, zero if it is not.
func (m *Map) Left(key string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.expiry[key]
	if !ok {
		return 0
	}
	return max(0, time.Until(until))
}
