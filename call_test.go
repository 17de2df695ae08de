package coviu

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestASuccessfulRetryGivesItsBudgetBack(t *testing.T) {
	for status, left := range map[int]int64{http.StatusServiceUnavailable: 14, http.StatusTooManyRequests: 5, 0: 1} {
		synctest.Test(t, func(t *testing.T) {
			var c *Client
			sent := 0
			c, err := NewClient("", "", WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "a"})),
				WithHTTPClient(&http.Client{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
					if sent++; sent == 1 && status != 0 {
						return &http.Response{StatusCode: status, Request: r}, nil
					}
					// Empty the budget, so that only what this call gives back is left.
					c.config.budget.Refund(1 << 40)
					for range 100 {
						_, ok := c.config.budget.Spend(true)
						require.True(t, ok)
					}
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"session_id":"s"}`)), Request: r}, nil
				})}))
			require.NoError(t, err)
			_, err = c.Sessions.Get(t.Context(), "s", nil)
			require.NoError(t, err)
			// Measure how much came back: one throttled retry costs five units.
			returned := int64(0)
			for {
				if _, ok := c.config.budget.Spend(true); !ok {
					break
				}
				returned += 5
			}
			require.Equal(t, left/5*5, returned)
		})
	}
}
