package main

import (
	"context"
	"net/http"
	"time"
)

// proof is what a call returns to show that it read the whole reply.
type proof struct {
	sessions int
	entryURL string // of the last participant
}

type call func(context.Context) (proof, error)

// client is one way to call the API. Its calls are keyed by operation.
type client struct {
	name  string
	calls map[string]call
}

// The operations.
const (
	opGet               = "GET session"
	opCreate            = "POST session"
	opPage              = "GET page of 200"
	opUpdate            = "PUT session"
	opDelete            = "DELETE session"
	opAddParticipant    = "POST participant"
	opListParticipants  = "GET participants"
	opGetParticipant    = "GET participant"
	opUpdateParticipant = "PUT participant"
	opDeleteParticipant = "DELETE participant"
)

// floorName is the client that all ratios are taken to.
const floorName = "floor"

// newClients returns all clients, the floor first. Each has its own connection
// pool.
func newClients(baseURL string) ([]client, error) {
	ours, err := newOurs(baseURL)
	if err != nil {
		return nil, err
	}
	oapi, err := newOapiCodegen(baseURL, peerClient())
	if err != nil {
		return nil, err
	}
	ogen, err := newOgen(baseURL, peerClient())
	if err != nil {
		return nil, err
	}
	github, err := newGitHubStyle(baseURL, peerClient())
	if err != nil {
		return nil, err
	}
	return []client{
		newFloor(floorName, baseURL, peerClient()),
		newFloor("x/oauth2", baseURL, oauth2Client(peerClient())),
		oapi,
		github,
		newResty2(baseURL, peerClient()),
		newResty3(baseURL, peerClient()),
		ogen,
		ours,
		newLimit(baseURL, peerClient()),
	}, nil
}

// maxGoroutines is the largest number of goroutines that share a client. Each
// pool keeps that many idle connections, because net/http's default of two
// would slow every client down.
const maxGoroutines = 64

func peerClient() *http.Client {
	transport := defaultTransport()
	transport.MaxIdleConnsPerHost = maxGoroutines
	return &http.Client{Transport: transport}
}

// defaultTransport has the settings of net/http.DefaultTransport and its own
// pool.
func defaultTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}
