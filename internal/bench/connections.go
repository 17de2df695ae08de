package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const callsPerGoroutine = 50

// connectionTables counts the connections that many goroutines open.
func connectionTables(ctx context.Context, _ settings) ([]*table, error) {
	t := &table{
		title:  fmt.Sprintf("Connections opened by %d goroutines in %d calls", maxGoroutines, maxGoroutines*callsPerGoroutine),
		header: []string{"protocol", "reply", "coviu-go-sdk", "time a call", "floor on net/http's defaults", "time a call"},
		notes:  []string{"A client that reuses connections opens one for each goroutine, and perhaps one more for its token."},
	}
	protocols := []struct {
		name   string
		config serverConfig
	}{
		{"HTTP/1", serverConfig{}},
		{"HTTP/1 over TLS", serverConfig{tls: true}},
		{"HTTP/2", serverConfig{tls: true, http2: true}},
	}
	styles := []struct {
		name  string
		style replyStyle
	}{{"with a length", withLength}, {"chunked", inChunks}, {"404", withRefusal}}
	for _, protocol := range protocols {
		for _, style := range styles {
			config := protocol.config
			config.style = style.style
			cells, err := countConnections(ctx, config)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", protocol.name, style.name, err)
			}
			t.add(append([]string{protocol.name, style.name}, cells...)...)
		}
	}
	return []*table{t}, nil
}

func countConnections(ctx context.Context, config serverConfig) ([]string, error) {
	var cells []string
	for _, newClient := range []func(string) (client, error){newOurs, newFloorOnDefaults} {
		server := newFixtureServer(config)
		if config.tls {
			trust(server)
		}
		c, err := newClient(server.baseURL())
		if err != nil {
			return nil, err
		}
		perCall, err := callFromManyGoroutines(ctx, c.calls[opGet], config.style == withRefusal)
		server.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		cells = append(cells, fmt.Sprint(server.opened.Load()), formatTime(float64(perCall.Nanoseconds())))
	}
	return cells, nil
}

// newFloorOnDefaults uses net/http's default settings, which keep two idle
// connections for each host.
func newFloorOnDefaults(baseURL string) (client, error) {
	return newFloor("net/http defaults", baseURL, &http.Client{Transport: defaultTransport()}), nil
}

var errNotRefused = errors.New("a 404 was taken for a success")

func callFromManyGoroutines(ctx context.Context, do call, refused bool) (time.Duration, error) {
	var group sync.WaitGroup
	failures := make(chan error, maxGoroutines)
	start := time.Now()
	for range maxGoroutines {
		group.Go(func() {
			for range callsPerGoroutine {
				_, err := do(ctx)
				if refused && err == nil {
					err = errNotRefused
				} else if refused {
					err = nil
				}
				if err != nil {
					failures <- err
					return
				}
			}
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	close(failures)
	return elapsed / (maxGoroutines * callsPerGoroutine), <-failures
}

var trustOnce sync.Once

// trust adds the certificate that all test servers share to the roots of this
// process.
func trust(server *fixtureServer) {
	trustOnce.Do(func() {
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		x509.SetFallbackRoots(roots)
	})
}
