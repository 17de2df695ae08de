package createoncetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestAnAdoptedSessionHasNoRemovedParticipants(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	c := server.Client(t)
	start := time.Now().Add(time.Hour)
	req := &coviu.SessionCreationRequest{
		StartTime:    start,
		EndTime:      start.Add(time.Hour),
		Participants: []coviu.ParticipantCreationRequest{{DisplayName: "A"}, {DisplayName: "B"}},
	}
	booked, err := c.Sessions.CreateOnce(t.Context(), "key", req)
	require.NoError(t, err)
	_, err = c.Participants.Delete(t.Context(), booked.Participants[1].ParticipantID)
	require.NoError(t, err)
	adopted, err := c.Sessions.CreateOnce(t.Context(), "key", req)
	require.NoError(t, err)
	require.Equal(t, booked.Participants[:1], adopted.Participants)
}
