package createoncetest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// onceServer runs test with a server, in a synctest bubble.
func onceServer(t *testing.T, test func(*testing.T, *coviutest.Server, *coviu.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		t.Cleanup(s.Close)
		test(t, s, s.Client(t))
	})
}

// appointment returns a request for tomorrow, with a host and a guest.
func appointment(s *coviutest.Server) *coviu.SessionCreationRequest {
	start := s.Now().Add(24 * time.Hour).Truncate(time.Hour)
	return &coviu.SessionCreationRequest{
		SessionName: "Consultation",
		StartTime:   start, EndTime: start.Add(30 * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Who", Role: coviu.RoleHost, State: "doctor"},
			{DisplayName: "Patient", Role: coviu.RoleGuest},
		},
	}
}

const (
	opBook = "POST /sessions"
	opLook = "GET /sessions"
)

func sessionIDs(sessions []coviu.Session) []string {
	ids := make([]string, len(sessions))
	for i := range sessions {
		ids[i] = sessions[i].SessionID
	}
	return ids
}
