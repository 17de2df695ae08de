// Package keymutex provides one mutex for each key of an open set.
package keymutex

import (
	"context"
	"sync"
)

// Mutexes holds the mutexes that are in use. The zero value is ready to use.
type Mutexes struct {
	mu    sync.Mutex
	inUse map[string]*mutex
}

type mutex struct {
	locked chan struct{}
	users  int
}

// Lock waits for the mutex of key, as long as ctx lasts, and returns the
// function that unlocks it.
func (m *Mutexes) Lock(ctx context.Context, key string) (unlock func(), err error) {
	k := m.enter(key)
	select {
	case k.locked <- struct{}{}:
		return func() {
			<-k.locked
			m.leave(key, k)
		}, nil
	case <-ctx.Done():
		m.leave(key, k)
		return nil, ctx.Err()
	}
}

func (m *Mutexes) enter(key string) *mutex {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.inUse[key]
	if k == nil {
		if m.inUse == nil {
			m.inUse = map[string]*mutex{}
		}
		k = &mutex{locked: make(chan struct{}, 1)}
		m.inUse[key] = k
	}
	k.users++
	return k
}

func (m *Mutexes) leave(key string, k *mutex) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(m.inUse, key)
	}
}
