package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// connect returns a client, and what stops all that it needed.
func connect(stderr io.Writer, getenv func(string) string, opts ...coviu.Option) (*coviu.Client, func(), error) {
	key, secret, endpoint := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET"), getenv("COVIU_API_ENDPOINT")
	switch {
	case key == "" && secret == "" && endpoint == "":
		return connectToOwnServer(stderr, opts)
	case key == "":
		return nil, nil, errors.New("COVIU_API_KEY is not set, but other COVIU_ variables are")
	case secret == "":
		return nil, nil, errors.New("COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	}
	opts = append(opts, coviu.WithUserAgent("book/1.0"))
	if endpoint != "" {
		opts = append(opts, coviu.WithBaseURL(endpoint))
	}
	client, err := coviu.NewClient(key, secret, opts...)
	if err != nil {
		return nil, nil, err
	}
	return client, client.CloseIdleConnections, nil
}

func connectToOwnServer(stderr io.Writer, opts []coviu.Option) (*coviu.Client, func(), error) {
	server := coviutest.NewServer()
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, append(opts, coviu.WithBaseURL(server.URL))...)
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	fmt.Fprint(stderr, "book: COVIU_API_KEY is not set: booking on a server that ends with this program; -h shows how to keep one\n")
	return client, func() { client.CloseIdleConnections(); server.Close() }, nil
}
