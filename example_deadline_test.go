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

		// The background job, half a minute later: the same key and request, without the
		// short deadline.
		time.Sleep(30 * time.Second)
		session, err := client.Sessions.CreateOnce(t.Context(), "appointment-4711", booking)
		if err != nil {
			t.Fatal(err)
		}
		if len(session.WithRole(coviu.RoleGuest)) != 1 || len(server.Sessions()) != 1 {
			t.Error("not booked once")
		}
	})
}

// docs/booking.md says to wait before the next call, or to let the booking go on.
func TestALookThatIsCutShortMayBookTwice(t *testing.T) {
	tests := map[string]struct {
		deadline, pause time.Duration
		booked          int
	}{
		"called again at once":            {5 * time.Second, 0, 2},
		"called again in half a minute":   {5 * time.Second, 30 * time.Second, 1},
		"not cut short, and called again": {time.Minute, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := coviutest.NewServer(coviutest.WithInMemory())
				defer server.Close()
				client := server.Client(t)
				server.Fail("POST /sessions", coviutest.LoseReply().ListedAfter(20*time.Second))
				start := time.Now().Add(time.Hour)
				booking := &coviu.SessionCreationRequest{
					SessionName:  "Consultation",
					StartTime:    start,
					EndTime:      start.Add(30 * time.Minute),
					Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleHost}, {Role: coviu.RoleGuest}},
				}

				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				_, err := client.Sessions.CreateOnce(ctx, "appointment-4711", booking)
				if err != nil && !errors.Is(err, coviu.ErrOutcomeUnknown) {
					t.Fatal(err)
				}
				time.Sleep(test.pause)
				if _, err := client.Sessions.CreateOnce(t.Context(), "appointment-4711", booking); err != nil {
					t.Fatal(err)
				}

				if n := len(server.Sessions()); n != test.booked {
					t.Errorf("%d sessions, want %d", n, test.booked)
				}
			})
		})
	}
}
