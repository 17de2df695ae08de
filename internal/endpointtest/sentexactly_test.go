package endpointtest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

// sentExactly is a call of an endpoint with the request that must arrive and the
// value that must be returned.
type sentExactly struct {
	name         string
	opts         []coviu.Option
	call         func(context.Context, *coviu.Client) (any, error)
	reply        string
	method, uri  string
	body         string
	want         any
	responseCode int
}

func (s sentExactly) run(t *testing.T) {
	status := s.responseCode
	if status == 0 {
		status = http.StatusOK
	}
	api := apitest.NewServer(t, apitest.Reply(status, apitest.Fixture(t, s.reply)))
	got, err := s.call(t.Context(), api.Client(t, s.opts...))
	require.NoError(t, err)
	require.Equal(t, s.want, got)

	require.Len(t, api.TokenRequests(), 1)
	require.Len(t, api.Calls(), 1)
	sent := api.Calls()[0]
	assert.Equal(t, s.method, sent.Method)
	assert.Equal(t, apitest.BasePath+s.uri, sent.URI)
	assert.Equal(t, s.body, sent.Body)
	assert.True(t, strings.HasPrefix(api.URL, "http://"+sent.Host+"/"), sent.Host)

	want := http.Header{
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip"},
		"Authorization":   {"Bearer " + apitest.AccessToken},
		"User-Agent":      {"coviu-go-sdk/" + coviu.Version},
	}
	if s.body != "" {
		want["Content-Type"] = []string{"application/json"}
		want["Content-Length"] = []string{fmt.Sprint(len(s.body))}
	}
	assert.Equal(t, want, sent.Header)
}
