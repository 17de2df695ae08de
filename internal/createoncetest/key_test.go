package createoncetest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestCreateOnce_Key(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		full := appointment(s)
		full.Participants[1].State = "patient"
		for name, bad := range map[string]struct {
			key string
			req *coviu.SessionCreationRequest
		}{
			"empty key":      {"", appointment(s)},
			"key not UTF-8":  {"\xff", appointment(s)},
			"no request":     {onceKey, nil},
			"no room":        {onceKey, full},
			"nobody in it":   {onceKey, &coviu.SessionCreationRequest{StartTime: full.StartTime, EndTime: full.EndTime}},
			"no times":       {onceKey, &coviu.SessionCreationRequest{Participants: full.Participants}},
			"ends too early": {onceKey, &coviu.SessionCreationRequest{StartTime: full.EndTime, EndTime: full.StartTime, Participants: appointment(s).Participants}},
		} {
			_, err := client.Sessions.CreateOnce(t.Context(), bad.key, bad.req)
			require.ErrorIs(t, err, coviu.ErrInvalidRequest, name)
			require.ErrorAs(t, err, new(*coviu.ValidationError), name)
		}
		_, err := new(coviu.Client).Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrInvalidRequest)
		assert.Zero(t, s.Count(coviutest.AnyOperation))
	})
}

func TestCreateOnce_ParticipantWithTheKey(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		req := appointment(s)
		first, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
		require.NoError(t, err)
		assert.Equal(t, []string{"doctor", onceKey}, []string{first.Participants[0].State, first.Participants[1].State})
		assert.Empty(t, req.Participants[1].State, "the caller's request is the caller's")

		req.Participants[0].State = "a second booking"
		second, err := client.Sessions.CreateOnce(t.Context(), "a second booking", req)
		require.NoError(t, err)
		assert.Equal(t, "a second booking", second.Participants[0].State)
		assert.NotEqual(t, "a second booking", second.Participants[1].State)

		// What travels in the query is the key alone, canceled sessions and removed people wanted.
		for _, r := range s.Requests() {
			if r.Operation == opLook {
				assert.Equal(t, "true", r.Query.Get("include_canceled"))
				assert.Equal(t, "true", r.Query.Get("deleted_participants"))
				assert.Contains(t, []string{onceKey, "a second booking"}, r.Query.Get("state"))
			}
		}
	})
}

// A server that does not know the state parameter lists everything.
func TestCreateOnce_StateIgnoredByTheServer(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
		_, err := s.Seed(slices.Repeat([]coviu.Session{{Participants: []coviu.Participant{{State: "another booking"}}}}, 450)...)
		require.NoError(t, err)
		client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: withoutState{s.Transport()}}))
		first, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		second, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		assert.Equal(t, first.SessionID, second.SessionID)
		assert.Equal(t, 1, s.Count(opBook))
	})
}

// withoutState drops the state parameter of a query.
type withoutState struct{ next http.RoundTripper }

func (w withoutState) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	q := r.URL.Query()
	q.Del("state")
	r.URL.RawQuery = q.Encode()
	return w.next.RoundTrip(r)
}

func TestCreateOnce_ErrorsDoNotShowTheKey(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.Reset())
		_, unknown := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		other := appointment(s)
		other.EndTime = other.EndTime.Add(time.Hour)
		_, conflict := client.Sessions.CreateOnce(t.Context(), onceKey, other)
		for _, err := range []error{unknown, conflict} {
			require.Error(t, err)
			assert.False(t, strings.Contains(err.Error(), onceKey) || strings.Contains(err.Error(), "Patient"))
		}
	})
}
