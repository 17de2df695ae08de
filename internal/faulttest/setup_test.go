package faulttest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func TestFault03_BaseURLThatGivesSecretsAway(t *testing.T) {
	for name, raw := range map[string]string{
		"http to a host":               "http://canary.example.com/v1",
		"http to an address":           "http://192.0.2.1/canary",
		"http to a name like loopback": "http://localhost.canary.example.com",
		"http to an address like it":   "http://127.0.0.1.canary.example.com",
		"http to everywhere":           "http://0.0.0.0/canary",
		"http to a numeric address":    "http://2130706433/canary",
		"user info":                    "https://canary:canary@example.com/v1",
		"user":                         "https://canary@example.com/v1",
		"no user but its mark":         "https://@canary.example.com/v1",
		"query":                        "https://example.com/v1?canary=1",
		"empty query":                  "https://example.com/canary?",
		"fragment":                     "https://example.com/v1#canary",
		"empty fragment":               "https://example.com/canary#",
		"no host":                      "https:///canary",
		"no host but a port":           "https://:443/canary",
		"no scheme":                    "canary.example.com/v1",
		"no scheme but a slash":        "//canary.example.com/v1",
		"other scheme":                 "ftp://canary.example.com/v1",
		"opaque":                       "https:canary",
		"not a URL":                    "https://canary.example.com:port/",
		"control character":            "https://canary.example.com/\r\n",
		"bad escape":                   "https://example.com/canary%zz",
		"blank":                        " https://canary.example.com",
		"empty":                        "",
	} {
		t.Run(name, func(t *testing.T) {
			opts := []coviu.Option{coviu.WithHTTPClient(apitest.UnusedHTTPClient(t)), coviu.WithBaseURL(raw)}
			c, err := coviu.NewClient("key", "secret", opts...)
			require.Nil(t, c)
			apitest.RequireInvalid(t, err, "base URL")
			require.NotContains(t, err.Error(), "canary")
			if strings.HasPrefix(name, "http to") {
				_, err = coviu.NewClient("key", "secret", append(opts, coviu.WithInsecureHTTP())...)
				require.NoError(t, err)
				return
			}
			_, err = coviu.NewClient("key", "secret", append(opts, coviu.WithInsecureHTTP())...)
			apitest.RequireInvalid(t, err, "base URL")
		})
	}
	for _, raw := range []string{
		"https://example.com", "https://example.com:8443/v1/", "http://localhost:8080/v1", "http://127.0.0.1/v1",
		"http://127.8.8.8", "http://[::1]:9/v1", "HTTPS://EXAMPLE.COM/v1",
	} {
		_, err := coviu.NewClient("key", "secret", coviu.WithBaseURL(raw))
		require.NoError(t, err, raw)
	}
}

func TestFault04_CredentialsThatBasicCantCarry(t *testing.T) {
	for _, c := range []struct{ name, key, secret, field string }{
		{"no key", "", "canary", "API key"},
		{"no secret", "canary", "", "key secret"},
		{"neither", "", "", "API key"},
		{"key with a colon", "can:ary", "secret", "API key"},
		{"key with CR", "canary\r", "secret", "API key"},
		{"key with LF", "canary\nX-Header: canary", "secret", "API key"},
		{"key with NUL", "canary\x00", "secret", "API key"},
		{"key with DEL", "canary\x7f", "secret", "API key"},
		{"secret with CR", "key", "canary\r", "key secret"},
		{"secret with LF", "key", "\ncanary", "key secret"},
		{"secret with NUL", "key", "can\x00ary", "key secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := coviu.NewClient(c.key, c.secret, coviu.WithHTTPClient(apitest.UnusedHTTPClient(t)))
			require.Nil(t, client)
			apitest.RequireInvalid(t, err, c.field)
			require.NotContains(t, strings.ToLower(fmt.Sprintf("%v %+v %#v %q", err, err, err, err)), "can")
			_, err = coviu.NewClient(c.key, c.secret, coviu.WithToken(apitest.UserToken()))
			apitest.RequireInvalid(t, err, c.field)
		})
	}
	t.Run("a token source needs neither, but no half of them", func(t *testing.T) {
		source := coviu.WithTokenSource(oauth2.StaticTokenSource(apitest.UserToken()))
		_, err := coviu.NewClient("", "", source)
		require.NoError(t, err)
		_, err = coviu.NewClient("key", "", source)
		apitest.RequireInvalid(t, err, "key secret")
		_, err = coviu.NewClient("", "secret", source)
		apitest.RequireInvalid(t, err, "API key")
		_, err = coviu.NewClient("k:ey", "secret", source)
		apitest.RequireInvalid(t, err, "API key")
	})
}

func TestFault05_SecretsTravelRaw(t *testing.T) {
	for _, c := range []struct{ key, secret string }{
		{"key", "s+e/c=r%t&#@:x"},
		{"key", "pässwörd–密"},
		{"clé+%26", ":"},
		{"key", " blank at both ends "},
		{"key", "%2B+%"},
	} {
		t.Run(c.secret, func(t *testing.T) {
			api := apitest.NewServer(t, apitest.Reply(200, apitest.Fixture(t, "session.json")))
			client, err := coviu.NewClient(c.key, c.secret, coviu.WithBaseURL(api.URL))
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			_, err = client.Sessions.Get(t.Context(), "id", nil)
			require.NoError(t, err)
			scheme, coded, _ := strings.Cut(api.TokenRequests()[0].Header.Get("Authorization"), " ")
			require.Equal(t, "Basic", scheme)
			raw, err := base64.StdEncoding.DecodeString(coded)
			require.NoError(t, err)
			require.Equal(t, c.key+":"+c.secret, string(raw))

			server := coviutest.NewServer(coviutest.WithCredentials(c.key, c.secret))
			defer server.Close()
			_, err = server.Client(t).Sessions.List(t.Context(), nil)
			require.NoError(t, err)
		})
	}
}
