package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// accounts are the connected users: one client each, all over the connections of
// the application's own.
type accounts struct {
	client *coviu.Client
	dir    string

	mu      sync.Mutex
	clients map[string]*coviu.Client
}

var errNotConnected = errors.New("no account is connected")

// connect exchanges the code of a consent and keeps the grant for this visitor.
func (a *accounts) connect(ctx context.Context, visitor, code string) error {
	grant, err := a.client.Exchange(ctx, code)
	if err != nil {
		return err
	}
	if err := a.store(visitor, grant); err != nil {
		return err
	}
	_, err = a.open(visitor)
	return err
}

// clientFor returns the client that acts for this visitor.
func (a *accounts) clientFor(visitor string) (*coviu.Client, error) {
	a.mu.Lock()
	client := a.clients[visitor]
	a.mu.Unlock()
	if client != nil {
		return client, nil
	}
	if _, err := a.load(visitor); err != nil {
		return nil, err
	}
	return a.open(visitor)
}

func (a *accounts) open(visitor string) (*coviu.Client, error) {
	client, err := a.client.AsStored(&tokenFile{accounts: a, visitor: visitor})
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.clients[visitor] = client
	a.mu.Unlock()
	return client, nil
}

// tokenFile is the token store of one visitor, for this one process.
type tokenFile struct {
	accounts *accounts
	visitor  string
	updating sync.Mutex
}

// Update runs f alone and stores the token that it returns.
func (t *tokenFile) Update(ctx context.Context, f func(context.Context, *oauth2.Token) (*oauth2.Token, error)) (*oauth2.Token, error) {
	t.updating.Lock()
	defer t.updating.Unlock()
	stored, err := t.accounts.load(t.visitor)
	if err != nil && !errors.Is(err, errNotConnected) {
		return nil, err
	}
	next, err := f(ctx, stored)
	if err != nil || next == stored {
		return next, err
	}
	return next, t.accounts.store(t.visitor, next)
}

func (a *accounts) forget(visitor string) error {
	a.mu.Lock()
	delete(a.clients, visitor)
	a.mu.Unlock()
	if err := os.Remove(a.file(visitor)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// file does not show the visitor's cookie, with which anybody could act for them.
func (a *accounts) file(visitor string) string {
	name := sha256.Sum256([]byte(visitor))
	return filepath.Join(a.dir, hex.EncodeToString(name[:])+".grant.json")
}

func (a *accounts) load(visitor string) (*oauth2.Token, error) {
	text, err := os.ReadFile(a.file(visitor))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNotConnected
	}
	if err != nil {
		return nil, err
	}
	var grant oauth2.Token
	return &grant, json.Unmarshal(text, &grant)
}

// store replaces the file at once: a crash leaves the old grant or the new one.
func (a *accounts) store(visitor string, grant *oauth2.Token) error {
	text, err := json.Marshal(grant) //nolint:gosec // storing the grant is the point
	if err != nil {
		return err
	}
	// CreateTemp makes files of mode 0600.
	next, err := os.CreateTemp(a.dir, "*.next")
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), a.file(visitor))
	}
	if err != nil {
		_ = os.Remove(next.Name())
	}
	return err
}
