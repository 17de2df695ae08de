package clinic

import (
	"net/http"
	"testing"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// The server for tests.
var (
	_ func(...coviutest.Option) *coviutest.Server                        = coviutest.NewServer
	_ func(*coviutest.Server, testing.TB, ...coviu.Option) *coviu.Client = (*coviutest.Server).Client
	_ func(*coviutest.Server)                                            = (*coviutest.Server).Close
	_ func(*coviutest.Server, time.Duration)                             = (*coviutest.Server).Advance
	_ func(*coviutest.Server) http.RoundTripper                          = (*coviutest.Server).Transport
	_ func(func() time.Time) coviutest.Option                            = coviutest.WithClock
	_ func() coviutest.Option                                            = coviutest.WithInMemory

	_ = func(s *coviutest.Server) (url, apiKey, keySecret string) { return s.URL, s.APIKey, s.KeySecret }
)
