package http2test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
)

// TestFault14_EveryIdleConnectionIsClosedUnderARequest is about net/http trying one
// idle connection after the other by itself, over HTTP/1.
func TestFault14_EveryIdleConnectionIsClosedUnderARequest(t *testing.T) {
	t.Parallel()
	const idle = 10
	for name, encrypted := range map[string]bool{"plain": false, "TLS": true} {
		for _, own := range []bool{true, false} {
			for _, attempts := range []int{1, 3} {
				t.Run(name+" own="+strconv.FormatBool(own)+" attempts="+strconv.Itoa(attempts), func(t *testing.T) {
					t.Parallel()
					var failing atomic.Bool
					var received atomic.Int64
					var together sync.WaitGroup
					together.Add(idle)
					far := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						if failing.Load() {
							received.Add(1)
							panic(http.ErrAbortHandler)
						}
						together.Done()
						together.Wait()
						_, _ = w.Write([]byte(session))
					}))
					if encrypted {
						far.StartTLS()
					} else {
						far.Start()
					}
					defer far.Close()
					opts := []coviu.Option{
						coviu.WithBaseURL(far.URL),
						coviu.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "fixed"})),
						coviu.WithRetry(coviu.RetryPolicy{MaxAttempts: attempts, BaseDelay: 1, MaxDelay: 1}),
					}
					if !own || encrypted {
						caller := far.Client().Transport.(*http.Transport)
						caller.MaxIdleConnsPerHost = idle
						opts = append(opts, coviu.WithHTTPClient(&http.Client{Transport: caller}))
					}
					client, err := coviu.NewClient("", "", opts...)
					require.NoError(t, err)
					var calling sync.WaitGroup
					for range idle {
						calling.Go(func() {
							if _, err := client.Sessions.Get(t.Context(), "s", nil); err != nil {
								t.Error(err)
							}
						})
					}
					calling.Wait()

					failing.Store(true)
					_, err = client.Sessions.Get(t.Context(), "s", nil)
					require.Error(t, err)
					require.LessOrEqual(t, received.Load(), int64(attempts))
				})
			}
		}
	}
}
