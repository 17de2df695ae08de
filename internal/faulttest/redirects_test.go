package faulttest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func redirecting(status int, location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if location != "" {
			w.Header()["Location"] = []string{location}
		}
		apitest.Reply(status, `{"code":"moved","message":"look there"}`)(w, r)
	}
}

func TestFault20_RedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, location := range map[string]string{
			"to itself":     apitest.BasePath + "/sessions",
			"around":        "?again",
			"elsewhere":     "http://elsewhere.example.com/v1/sessions",
			"nowhere":       "",
			"to no address": "http://[::1",
			"to no host":    "//",
			"to a file":     "file:///etc/passwd",
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := apitest.NewInMemoryServer(t, redirecting(status, location))
					c := api.Client(t)
					for i, e := range apitest.Endpoints() {
						got, err := e.Call(t.Context(), c, "id")
						require.Nil(t, got)
						var refused *coviu.APIError
						require.ErrorAs(t, err, &refused, e.Operation)
						require.Equal(t, status, refused.StatusCode)
						require.Equal(t, e.Operation, refused.Operation)
						require.Equal(t, "look there", refused.Message)
						require.Equal(t, 1, refused.Attempts)
						require.Equal(t, e.IsPOST(), errors.Is(err, coviu.ErrOutcomeUnknown), e.Operation)
						require.Len(t, api.Calls(), i+1, e.Operation)
					}
				})
			})
		}
	}
}

func TestFault21_NobodyElseIsAsked(t *testing.T) {
	stranger := &apitest.Server{Answer: apitest.Reply(200, `{"content":[]}`)}
	open := httptest.NewServer(stranger)
	defer open.Close()
	encrypted := httptest.NewTLSServer(stranger)
	defer encrypted.Close()

	for name, location := range map[string]func(home string) string{
		"another port":   func(string) string { return open.URL + apitest.BasePath + "/sessions" },
		"another scheme": func(home string) string { return "https://" + home + apitest.BasePath + "/sessions" },
		"another host":   func(string) string { return "http://elsewhere.example.com" + apitest.BasePath + "/sessions" },
		"a subdomain":    func(home string) string { return "http://deeper." + home + apitest.BasePath + "/sessions" },
		"user info":      func(home string) string { return "http://someone@" + home + apitest.BasePath + "/sessions" },
		"no scheme":      func(string) string { return "//elsewhere.example.com/v1/sessions" },
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				api := apitest.NewServer(t, nil)
				address := strings.TrimSuffix(strings.TrimPrefix(api.URL, "http://"), apitest.BasePath)
				_, port, _ := strings.Cut(address, ":")
				home := "service.example.com:" + port
				api.Answer = redirecting(status, location(home))
				transport := &http.Transport{
					DialContext: func(ctx context.Context, network, asked string) (net.Conn, error) {
						if asked != home {
							return new(net.Dialer).DialContext(ctx, network, open.Listener.Addr().String())
						}
						return new(net.Dialer).DialContext(ctx, network, address)
					},
					DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
						anyone := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
						return anyone.DialContext(ctx, network, encrypted.Listener.Addr().String())
					},
				}
				defer transport.CloseIdleConnections()
				c := api.Client(t, coviu.WithInsecureHTTP(), coviu.WithBaseURL("http://"+home+apitest.BasePath),
					// This client would follow redirects, as most programs' clients do.
					coviu.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}))
				for _, e := range apitest.Endpoints() {
					_, err := e.Call(t.Context(), c, "id")
					var refused *coviu.APIError
					require.ErrorAs(t, err, &refused, e.Operation)
					require.Equal(t, status, refused.StatusCode)
				}
				require.Len(t, api.Calls(), 10)
				require.Zero(t, stranger.Count())
			})
		}
	}
}

func TestFault22_RedirectOfTheTokenEndpoint(t *testing.T) {
	stranger := &apitest.Server{Answer: apitest.Reply(200, "{}")}
	elsewhere := httptest.NewServer(stranger)
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, location := range map[string]string{
			"elsewhere":     elsewhere.URL + apitest.BasePath + "/auth/token",
			"to itself":     apitest.BasePath + "/auth/token",
			"to no address": "http://[::1",
			"nowhere":       "",
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				api := apitest.NewServer(t, apitest.Reply(200, "{}"))
				api.TokenAnswer = redirecting(status, location)
				follow := coviu.WithHTTPClient(&http.Client{
					Transport:     api.Transport,
					CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
				})
				requireRefused := func(err error, grant string) {
					t.Helper()
					var refused *coviu.TokenError
					require.ErrorAs(t, err, &refused)
					require.Equal(t, status, refused.StatusCode)
					require.Equal(t, grant, refused.Grant)
					require.NotErrorIs(t, err, coviu.ErrAuthentication)
				}
				_, err := api.Client(t, follow).Sessions.Get(t.Context(), "id", nil)
				requireRefused(err, "client_credentials")
				_, err = api.Client(t, follow, coviu.WithToken(&oauth2.Token{RefreshToken: "r"})).Sessions.Get(t.Context(), "id", nil)
				requireRefused(err, "refresh_token")
				_, err = api.Client(t, follow).Exchange(t.Context(), "code")
				requireRefused(err, "authorization_code")
				require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
				require.Len(t, api.TokenRequests(), 3)
				require.Empty(t, api.Calls())
				require.Zero(t, stranger.Count())
			})
		}
	}
}
