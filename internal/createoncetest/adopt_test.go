package createoncetest_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// The reply to the booking is lost, and before the next look somebody else books
// with the same key: the look reports both sessions at once.
func TestFault62_KeyTakenWhileTheOutcomeIsUnknown(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		s.Fail(opBook, coviutest.LoseReply())
		req := appointment(s)
		time.AfterFunc(100*time.Millisecond, func() {
			_, err := s.Seed(coviu.Session{StartTime: req.StartTime, EndTime: req.EndTime, Participants: []coviu.Participant{{State: onceKey}}})
			assert.NoError(t, err)
		})
		began := time.Now()
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, req)
		require.ErrorIs(t, err, coviu.ErrDuplicate)
		var taken *coviu.KeyError
		require.ErrorAs(t, err, &taken)
		assert.ElementsMatch(t, sessionIDs(s.Sessions()), sessionIDs(taken.Sessions))
		assert.Less(t, time.Since(began), time.Second, "it does not look any further")
		assert.Equal(t, 1, s.Count(opBook))
	})
}

// Only the whole State is the key. A server may ignore the state parameter, or
// list what resembles it.
func TestCreateOnce_SimilarKeys(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
		client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: withoutState{s.Transport()}}))
		keys := []string{onceKey, onceKey + "0", onceKey[:len(onceKey)-1], "x" + onceKey, "BOOKING-4711", " " + onceKey}
		booked := map[string]bool{}
		for range 2 {
			for _, key := range keys {
				session, err := client.Sessions.CreateOnce(t.Context(), key, appointment(s))
				require.NoError(t, err, key)
				booked[session.SessionID] = true
			}
		}
		assert.Len(t, booked, len(keys))
		assert.Equal(t, len(keys), s.Count(opBook))
	})
}

// withoutPhone is a server that does not know the phone of a participant.
type withoutPhone struct{ next http.RoundTripper }

func (w withoutPhone) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return nil, err
	}
	body = regexp.MustCompile(`,"phone":"[^"]*"`).ReplaceAll(body, nil)
	reply.Body, reply.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	reply.Header.Del("Content-Length")
	return reply, nil
}

func TestFault62_Phone(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		req := appointment(s)
		req.Participants[1].Phone = "+61 2 5550 0000"
		first, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
		require.NoError(t, err)

		older := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: withoutPhone{s.Transport()}}))
		for _, c := range []*coviu.Client{client, older} {
			again, err := c.Sessions.CreateOnce(t.Context(), onceKey, req)
			require.NoError(t, err)
			assert.Equal(t, first.SessionID, again.SessionID)
		}
		req.Participants[1].Phone = "+61 2 5550 0001"
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, req)
		require.ErrorIs(t, err, coviu.ErrKeyConflict)
		assert.Equal(t, 1, s.Count(opBook))
	})
}

// Fields that the request leaves out agree with everything. All others must be equal.
func TestFault62_EachFieldOfTheRequestCounts(t *testing.T) {
	host := coviu.ParticipantCreationRequest{
		DisplayName: "Dr. Who", Role: coviu.RoleHost, Picture: "https://clinic.example/who.png", State: "doctor", Phone: "+61 2 5550 0000",
	}
	type request = coviu.SessionCreationRequest
	for name, row := range map[string]struct {
		change        func(r *request)
		times, people bool // which of them is reported
	}{
		"nothing":       {func(*request) {}, false, false},
		"no name":       {func(r *request) { r.Participants[0].DisplayName = "" }, false, false},
		"other name":    {func(r *request) { r.Participants[0].DisplayName = "Dr. No" }, false, true},
		"no role":       {func(r *request) { r.Participants[0].Role = "" }, false, false},
		"role's case":   {func(r *request) { r.Participants[0].Role = "Host" }, false, false},
		"other role":    {func(r *request) { r.Participants[0].Role = coviu.RoleGuest }, false, true},
		"no picture":    {func(r *request) { r.Participants[0].Picture = "" }, false, false},
		"other picture": {func(r *request) { r.Participants[0].Picture = "https://clinic.example/no.png" }, false, true},
		"other state":   {func(r *request) { r.Participants[0].State = "nurse" }, false, true},
		"no phone":      {func(r *request) { r.Participants[0].Phone = "" }, false, false},
		"other phone":   {func(r *request) { r.Participants[0].Phone = "+61 2 5550 0001" }, false, true},
		"later start":   {func(r *request) { r.StartTime = r.StartTime.Add(time.Second) }, true, false},
		"later end":     {func(r *request) { r.EndTime = r.EndTime.Add(time.Second) }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				req := appointment(s)
				req.Participants[0] = host
				first, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
				require.NoError(t, err)
				row.change(req)
				again, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
				assert.Equal(t, 1, s.Count(opBook))
				if !row.times && !row.people {
					require.NoError(t, err)
					assert.Equal(t, first.SessionID, again.SessionID)
					return
				}
				require.ErrorIs(t, err, coviu.ErrKeyConflict)
				var conflict *coviu.KeyError
				require.ErrorAs(t, err, &conflict)
				assert.Equal(t, row.times, conflict.Times)
				assert.Equal(t, row.people, conflict.People)
			})
		})
	}
}

// A participant of the request may fit several of the session. One who is taken
// first must not stand in the way of another one who fits nobody else.
func TestFault62_ParticipantsThatFitSeveral(t *testing.T) {
	guest := func(name string) coviu.ParticipantCreationRequest {
		return coviu.ParticipantCreationRequest{DisplayName: name, Role: coviu.RoleGuest}
	}
	host := func(name string) coviu.ParticipantCreationRequest {
		return coviu.ParticipantCreationRequest{DisplayName: name, Role: coviu.RoleHost}
	}
	named := func(name string) coviu.ParticipantCreationRequest {
		return coviu.ParticipantCreationRequest{DisplayName: name}
	}
	cases := map[string]struct {
		booked, again []coviu.ParticipantCreationRequest
		conflict      bool
	}{
		"the first one moves": {
			booked: []coviu.ParticipantCreationRequest{guest("Patient"), guest("Interpreter")},
			again:  []coviu.ParticipantCreationRequest{guest(""), guest("Patient")},
		},
		"two move": {
			booked: []coviu.ParticipantCreationRequest{guest("Ann"), host("Ann"), host("Bob")},
			again:  []coviu.ParticipantCreationRequest{named("Ann"), host(""), guest("Ann")},
		},
		"nobody can move": {
			booked:   []coviu.ParticipantCreationRequest{guest("Ann"), host("Ann"), guest("Bob")},
			again:    []coviu.ParticipantCreationRequest{named("Ann"), host(""), guest("Ann")},
			conflict: true,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				req := appointment(s)
				withKey := req.Participants[1:]
				req.Participants = slices.Concat(withKey, c.booked)
				first, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
				require.NoError(t, err)
				req.Participants = slices.Concat(withKey, c.again)
				again, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
				assert.Equal(t, 1, s.Count(opBook))
				if c.conflict {
					require.ErrorIs(t, err, coviu.ErrKeyConflict)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, first.SessionID, again.SessionID)
			})
		})
	}
}
