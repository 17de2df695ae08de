package coviu_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// docs/testing.md shows this test.
func TestThePatientWaitsFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		client := server.Client(t)
		server.Fail("POST /sessions", coviutest.Unavailable())
		start := time.Now().Add(time.Hour)
		booking := &coviu.SessionCreationRequest{
			SessionName:  "Consultation",
			StartTime:    start,
			EndTime:      start.Add(30 * time.Minute),
			Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleHost}, {Role: coviu.RoleGuest}},
		}

		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := client.Sessions.CreateOnce(ctx, "appointment-4711", booking)
		if !errors.Is(err, coviu.ErrOutcomeUnknown) || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}

		// The background job: the same key and request, without the short deadline.
		session, err := client.Sessions.CreateOnce(t.Context(), "appointment-4711", booking)
		if err != nil {
			t.Fatal(err)
		}
		if len(session.WithRole(coviu.RoleGuest)) != 1 || len(server.Sessions()) != 1 {
			t.Error("not booked once")
		}
	})
}
