package main

import (
	"context"
	"net/http"
	"time"
)

// proof is what a call hands back to show that it read the reply to its end.
type proof struct {
	sessions int
	entryURL string // of the last participant
}

type call func(context.Context) (proof, error)

// client is one of the competitors. Its calls are keyed by operation; one that
// has no such call is left out of that workload.
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

// newClients returns the competitors, the floor first. Each has a connection
// pool of its own.
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

// maxGoroutines is the widest workload, and so what a pool has to keep for no
// client to be slowed down by net/http's default of two idle connections.
const maxGoroutines = 64

func peerClient() *http.Client {
	transport := defaultTransport()
	transport.MaxIdleConnsPerHost = maxGoroutines
	return &http.Client{Transport: transport}
}

// defaultTransport is what net/http.DefaultTransport is, with a pool of its own.
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
