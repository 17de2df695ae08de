package dotest_test

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

func TestFault78_OrderOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, r *http.Request, _ int) {
			if r.URL.Path == "/v1/auth/token" {
				sendJSON(conn, token)
				return
			}
			sendJSON(conn, model(r))
		})
		var order []string
		wrapped := map[string]int{}
		named := func(name string) coviu.Option {
			return coviu.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				wrapped[name]++
				return transportFunc(func(req *http.Request) (*http.Response, error) {
					require.NotEmpty(t, req.Header.Get("Authorization"))
					order = append(order, name)
					return next.RoundTrip(req)
				})
			})
		}
		c := clientOver(t, transport.New(p.dial), named("outer"), named("inner"))
		call := coviu.Call{Route: "GET /x"}
		require.NoError(t, c.Do(t.Context(), call))
		require.Equal(t, []string{"outer", "inner", "outer", "inner"}, order, "the token request passes through them too")

		user := &oauth2.Token{AccessToken: "user"}
		left, err := c.As(user, named("left"))
		require.NoError(t, err)
		right, err := c.As(user, named("right"))
		require.NoError(t, err)
		deeper, err := left.As(user, named("deeper"))
		require.NoError(t, err)
		for _, row := range []struct {
			client *coviu.Client
			want   []string
		}{
			{left, []string{"outer", "inner", "left"}},
			{right, []string{"outer", "inner", "right"}},
			{deeper, []string{"outer", "inner", "left", "deeper"}},
			{c, []string{"outer", "inner"}},
		} {
			order = nil
			require.NoError(t, row.client.Do(t.Context(), call))
			require.Equal(t, row.want, order)
		}
		require.Equal(t, map[string]int{"outer": 4, "inner": 4, "left": 2, "right": 1, "deeper": 1}, wrapped, "once for each client")
		made, _ := p.connections()
		require.Equal(t, 1, made, "they share the connections")
	})
}

func TestFault78_MiddlewareSeesEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) { sendStatus(conn, http.StatusServiceUnavailable, "") })
		var seen []int
		c := p.client(t, around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			seen = append(seen, resp.StatusCode)
			return resp, err
		}))
		require.ErrorIs(t, summary(t.Context(), c, nil), coviu.ErrServer)
		require.Equal(t, slices.Repeat([]int{http.StatusServiceUnavailable}, 3), seen)
	})
}

func TestFault78_MiddlewareThatIsNone(t *testing.T) {
	none := []coviu.Option{
		coviu.WithMiddleware(nil),
		coviu.WithMiddleware(func(http.RoundTripper) http.RoundTripper { return nil }),
	}
	c, err := coviu.NewClient("key", "secret")
	require.NoError(t, err)
	for _, option := range none {
		_, err := coviu.NewClient("key", "secret", option)
		requireInvalid(t, err, "middleware")
		_, err = c.As(&oauth2.Token{AccessToken: "user"}, option)
		requireInvalid(t, err, "middleware")
	}
}

func TestFault78_RedirectsAreNotFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(func(conn net.Conn, _ *http.Request, _ int) {
			sendStatus(conn, http.StatusTemporaryRedirect, "", "Location: http://example.com/")
		})
		seen := 0
		pass := around(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			seen++
			return next.RoundTrip(req)
		})
		err := summary(t.Context(), p.client(t, pass), nil)
		e, ok := errors.AsType[*coviu.APIError](err)
		require.True(t, ok)
		require.Equal(t, http.StatusTemporaryRedirect, e.StatusCode)
		require.Equal(t, 1, p.count())

		// At the token endpoint neither.
		err = clientOver(t, transport.New(p.dial), pass).Do(t.Context(), coviu.Call{Route: "POST /x"})
		refused, ok := errors.AsType[*coviu.TokenError](err)
		require.True(t, ok)
		require.Equal(t, http.StatusTemporaryRedirect, refused.StatusCode)
		require.Equal(t, 2, p.count())
		require.Equal(t, 2, seen)
	})
}
