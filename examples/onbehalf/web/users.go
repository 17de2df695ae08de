package web

import (
	"context"
	"errors"
	"sync"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
)

// maxClients bounds the memory.
const maxClients = 10_000

// users has a client for each connected visitor. All share the connections of the
// application's own client.
type users struct {
	application *coviu.Client
	database    *database.Database

	mu      sync.Mutex
	clients map[string]*coviu.Client
}

var errNotConnected = errors.New("no account is connected")

// client returns the client that acts for this visitor. What is dropped is made
// again from the store.
func (u *users) client(id string) (*coviu.Client, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if client, ok := u.clients[id]; ok {
		return client, nil
	}
	// The keys of bookings come from random forms, so that they are unique among
	// all users, as a ledger needs it.
	client, err := u.application.AsStored(u.database.Store.Token(id), coviu.WithBookingLedger(u.database.Store.Ledger()))
	if err != nil {
		return nil, err
	}
	if len(u.clients) >= maxClients {
		for other := range u.clients { // whichever comes first
			delete(u.clients, other)
			break
		}
	}
	u.clients[id] = client
	return client, nil
}

// disconnect forgets a visitor's account, and tells whether there was one.
func (u *users) disconnect(ctx context.Context, id string) (bool, error) {
	defer u.drop(id)
	return u.database.RemoveVisitor(ctx, id)
}

func (u *users) drop(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.clients, id)
}
