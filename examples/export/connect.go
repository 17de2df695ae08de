package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// connect returns a client, and what stops all that it needed.
func connect(stderr io.Writer, getenv func(string) string, j *job) (*coviu.Client, func(), error) {
	key, secret, endpoint := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET"), getenv("COVIU_API_ENDPOINT")
	switch {
	case key == "" && secret == "" && endpoint == "":
		return connectToOwnServer(stderr, j)
	case key == "":
		return nil, nil, errors.New("COVIU_API_KEY is not set, but other COVIU_ variables are")
	case secret == "":
		return nil, nil, errors.New("COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	}
	opts := []coviu.Option{coviu.WithUserAgent("export/1.0")}
	if endpoint != "" {
		opts = append(opts, coviu.WithBaseURL(endpoint))
	}
	client, err := coviu.NewClient(key, secret, opts...)
	if err != nil {
		return nil, nil, err
	}
	return client, client.CloseIdleConnections, nil
}

// ownSessions is how many sessions a server of our own has in the period.
const ownSessions = 1000

func connectToOwnServer(stderr io.Writer, j *job) (*coviu.Client, func(), error) {
	server := coviutest.NewServer()
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err == nil {
		_, err = server.Seed(calendar(j.From, j.To.Sub(j.From))...)
	}
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	fmt.Fprintf(stderr, "export: COVIU_API_KEY is not set: exporting from a server of its own with %d sessions\n", ownSessions)
	return client, func() { client.CloseIdleConnections(); server.Close() }, nil
}

// calendar spreads sessions evenly over a period.
func calendar(from time.Time, period time.Duration) []coviu.Session {
	sessions := make([]coviu.Session, ownSessions)
	for i := range sessions {
		start := from.Add(period / ownSessions * time.Duration(i))
		sessions[i] = coviu.Session{
			SessionName: fmt.Sprintf("Consultation %d", i+1),
			StartTime:   start,
			EndTime:     start.Add(30 * time.Minute),
			Participants: []coviu.Participant{
				{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
				{DisplayName: fmt.Sprintf("Patient %d", i+1), Role: coviu.RoleGuest},
			},
		}
	}
	return sessions
}
