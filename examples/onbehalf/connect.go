package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/emulator/pages"
)

// service is the service that the program works with.
type service struct {
	client             *coviu.Client
	apiKey, consentURL string
	// database is the one to use if no other is given.
	database string
	// own says that the service and its accounts end with the program.
	own  bool
	stop func()
}

func connect(s *settings, stderr io.Writer, getenv func(string) string) (*service, error) {
	key, secret, endpoint := getenv("COVIU_API_KEY"), getenv("COVIU_API_KEY_SECRET"), getenv("COVIU_API_ENDPOINT")
	switch {
	case key == "" && secret == "" && endpoint == "":
		return connectToOwnServer(s, stderr)
	case key == "":
		return nil, errors.New("COVIU_API_KEY is not set, but other COVIU_ variables are")
	case secret == "":
		return nil, errors.New("COVIU_API_KEY_SECRET is not set, but other COVIU_ variables are")
	case s.consentURL == "":
		return nil, errors.New("-consent-url is missing: the vendor tells it to those who register an application")
	}
	opts := []coviu.Option{coviu.WithUserAgent("onbehalf/1.0")}
	if endpoint != "" {
		opts = append(opts, coviu.WithBaseURL(endpoint))
	}
	client, err := coviu.NewClient(key, secret, opts...)
	if err != nil {
		return nil, err
	}
	return &service{
		client: client, apiKey: key, consentURL: s.consentURL, database: "onbehalf.db",
		stop: client.CloseIdleConnections,
	}, nil
}

// connectToOwnServer starts a server with two users. It forgets them at the end, so
// that their tokens must not outlive it either.
func connectToOwnServer(s *settings, stderr io.Writer) (*service, error) {
	dir, err := os.MkdirTemp("", "onbehalf-")
	if err != nil {
		return nil, err
	}
	server := startEmulator(s.publicURL + "/callback")
	stop := func() {
		server.Close()
		_ = os.RemoveAll(dir)
	}
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		stop()
		return nil, err
	}
	fmt.Fprint(stderr, "onbehalf: COVIU_API_KEY is not set: using a server that ends with this program\n")
	consentURL := s.consentURL
	if consentURL == "" {
		consentURL = server.URL + "/auth/authorize"
	}
	return &service{
		client: client, apiKey: server.APIKey, consentURL: consentURL, database: filepath.Join(dir, "onbehalf.db"), own: true,
		stop: func() { client.CloseIdleConnections(); stop() },
	}, nil
}

// startEmulator starts a server whose entry links lead to the pages of the program
// emulator.
func startEmulator(redirectURL string) *coviutest.Server {
	var server *coviutest.Server
	ready := make(chan struct{})
	server = coviutest.NewServer(
		coviutest.WithRedirectURL(redirectURL),
		coviutest.WithMiddleware(func(api http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-ready // a request can arrive before NewServer returns
				if p := (pages.Pages{Server: server}); p.Answers(r) {
					p.ServeHTTP(w, r)
					return
				}
				api.ServeHTTP(w, r)
			})
		}),
	)
	close(ready)
	server.SetTeam(coviutest.Team{Name: "Demo Practice"})
	server.SetTeam(coviutest.Team{TeamID: "practice-nwosu", Name: "Nwosu Practice"})
	server.SetTeam(coviutest.Team{TeamID: "practice-okafor", Name: "Okafor Practice"})
	server.AddUser(coviutest.User{Username: "Dr. Ada Nwosu", TeamID: "practice-nwosu"})
	server.AddUser(coviutest.User{Username: "Dr. Ben Okafor", TeamID: "practice-okafor"})
	return server
}
