package createoncetest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestFault62_KeyTaken(t *testing.T) {
	type taken struct {
		before  func(*testing.T, *coviutest.Server, *coviu.Client, *coviu.Session)
		again   func(*coviu.SessionCreationRequest)
		want    error // nil where the session is adopted
		holding int   // sessions in the error
	}
	nothing := func(*coviu.SessionCreationRequest) {}
	untouched := func(*testing.T, *coviutest.Server, *coviu.Client, *coviu.Session) {}
	cases := map[string]taken{
		"the same": {untouched, nothing, nil, 0},
		"less than a millisecond later": {untouched, func(r *coviu.SessionCreationRequest) {
			r.StartTime = r.StartTime.Add(999 * time.Microsecond)
		}, nil, 0},
		"another name": {untouched, func(r *coviu.SessionCreationRequest) { r.SessionName = "Another" }, nil, 0},
		"roles in another case": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[0].Role = "host"
		}, nil, 0},
		"people in another order": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[0], r.Participants[1] = r.Participants[1], r.Participants[0]
		}, nil, 0},
		"fewer people":    {untouched, func(r *coviu.SessionCreationRequest) { r.Participants = r.Participants[1:] }, nil, 0},
		"a name not said": {untouched, func(r *coviu.SessionCreationRequest) { r.Participants[1].DisplayName = "" }, nil, 0},
		"a guest added since": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Participants.Add(t.Context(), s.SessionID, &coviu.ParticipantCreationRequest{DisplayName: "Interpreter"})
			require.NoError(t, err)
		}, nothing, nil, 0},
		"who has the key removed since": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Participants.Delete(t.Context(), s.Participants[1].ParticipantID)
			require.NoError(t, err)
		}, nothing, nil, 0},
		"lives once, canceled once": {func(t *testing.T, s *coviutest.Server, c *coviu.Client, first *coviu.Session) {
			double := *first
			double.SessionID, double.Participants = "", nil
			for _, p := range first.Participants {
				double.Participants = append(double.Participants, coviu.Participant{State: p.State, DisplayName: p.DisplayName, Role: p.Role})
			}
			canceled, err := s.Seed(double)
			require.NoError(t, err)
			_, err = c.Sessions.Delete(t.Context(), canceled[0].SessionID)
			require.NoError(t, err)
		}, nothing, nil, 0},
		"another start": {untouched, func(r *coviu.SessionCreationRequest) {
			r.StartTime = r.StartTime.Add(time.Minute)
		}, coviu.ErrKeyConflict, 1},
		"another end": {untouched, func(r *coviu.SessionCreationRequest) {
			r.EndTime = r.EndTime.Add(time.Minute)
		}, coviu.ErrKeyConflict, 1},
		"a second later": {untouched, func(r *coviu.SessionCreationRequest) {
			r.StartTime = r.StartTime.Add(time.Second)
		}, coviu.ErrKeyConflict, 1},
		"another guest": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[1].DisplayName = "Somebody else"
		}, coviu.ErrKeyConflict, 1},
		"another role": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[1].Role = coviu.RoleHost
		}, coviu.ErrKeyConflict, 1},
		"one more guest wanted": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants = append(r.Participants, coviu.ParticipantCreationRequest{DisplayName: "Patient"})
		}, coviu.ErrKeyConflict, 1},
		"canceled": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Sessions.Delete(t.Context(), s.SessionID)
			require.NoError(t, err)
		}, nothing, coviu.ErrPreviouslyCanceled, 1},
		"lives twice": {func(t *testing.T, s *coviutest.Server, _ *coviu.Client, first *coviu.Session) {
			_, err := s.Seed(coviu.Session{
				StartTime: first.StartTime, EndTime: first.EndTime,
				Participants: []coviu.Participant{{State: onceKey}},
			})
			require.NoError(t, err)
		}, nothing, coviu.ErrDuplicate, 2},
		"moved since": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Sessions.Update(t.Context(), s.SessionID, &coviu.SessionUpdateRequest{EndTime: new(s.EndTime.Add(time.Hour))})
			require.NoError(t, err)
		}, nothing, coviu.ErrKeyConflict, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				first, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
				require.NoError(t, err)
				c.before(t, s, client, first)
				before := len(s.Sessions())
				req := appointment(s)
				c.again(req)
				session, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
				assert.Equal(t, 1, s.Count(opBook))
				assert.Len(t, s.Sessions(), before, "nothing created")
				if c.want == nil {
					require.NoError(t, err)
					assert.Equal(t, first.SessionID, session.SessionID)
					return
				}
				require.ErrorIs(t, err, c.want)
				for _, other := range []error{coviu.ErrKeyConflict, coviu.ErrDuplicate, coviu.ErrPreviouslyCanceled} {
					assert.Equal(t, other == c.want, errors.Is(err, other)) //nolint:errorlint // the sentinels themselves
				}
				var key *coviu.KeyError
				require.ErrorAs(t, err, &key)
				require.Len(t, key.Sessions, c.holding)
				assert.Equal(t, first.SessionID, key.Sessions[0].SessionID)
			})
		})
	}
}

// A server may keep whole seconds only. The session still agrees with the
// request.
func TestFault62_WholeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithDates(coviutest.DatesRFC1123))
		t.Cleanup(s.Close)
		req := appointment(s)
		req.StartTime = req.StartTime.Add(123456 * time.Microsecond)
		for range 2 {
			_, err := s.Client(t).Sessions.CreateOnce(t.Context(), onceKey, req)
			require.NoError(t, err)
		}
		assert.Equal(t, 1, s.Count(opBook))
	})
}
