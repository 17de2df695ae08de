package coviutest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

type Clinic struct {
	Coviu *coviu.Client
}

// Book books the call of an appointment and returns the patient's link.
func (c *Clinic) Book(ctx context.Context, appointment string, at time.Time) (string, error) {
	call, err := c.Coviu.Sessions.CreateOnce(ctx, appointment, &coviu.SessionCreationRequest{
		SessionName:  "Consultation",
		StartTime:    at,
		EndTime:      at.Add(30 * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleHost}, {Role: coviu.RoleGuest}},
	})
	if err != nil {
		return "", err
	}
	patients := call.WithRole(coviu.RoleGuest)
	if len(patients) != 1 {
		return "", errors.New("the call does not have one patient")
	}
	return patients[0].EntryURL, nil
}

func TestClinicBooksOnce(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	clinic := &Clinic{Coviu: server.Client(t)}

	server.Fail("POST /sessions", coviutest.LoseReply())
	link, err := clinic.Book(t.Context(), "appointment-7", server.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(server.Sessions()); n != 1 {
		t.Errorf("booked %d sessions, want 1", n)
	}
	server.Advance(time.Hour)
	_, patient, err := server.Enter(link)
	if err != nil || patient.Role != coviu.RoleGuest {
		t.Errorf("%s can't enter: %v", patient.Role, err)
	}
}

func TestClinicIsPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := coviutest.NewServer(coviutest.WithInMemory())
		defer server.Close()
		clinic := &Clinic{Coviu: server.Client(t)}

		server.Fail("GET /sessions", coviutest.RateLimit(30*time.Second).Times(2))
		_, err := clinic.Book(t.Context(), "appointment-7", time.Now().Add(time.Hour))
		if err != nil {
			t.Error(err) // never: a minute of back-off took no time
		}
	})
}

// The package documentation shows the code above, line by line.
func TestTheDocumentationShowsCodeThatRuns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	section, _, _ := strings.Cut(string(doc), "# Time")
	shown := []string{}
	for line := range strings.Lines(section) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			shown = append(shown, strings.TrimSpace(code))
		}
	}
	require.Greater(t, len(shown), 35)
	rest := string(text)
	for _, line := range shown {
		_, after, found := strings.Cut(rest, line)
		require.True(t, found, "not in the example, or not in this place: %s", line)
		rest = after
	}
}

func ExampleNewServer() {
	server := coviutest.NewServer()
	defer server.Close()
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Now().Add(time.Hour)
	_, err = client.Sessions.Create(context.Background(), &coviu.SessionCreationRequest{
		SessionName: "Consultation", StartTime: start, EndTime: start.Add(time.Hour),
	})
	fmt.Println(err, len(server.Sessions()), server.Sessions()[0].SessionName)
	// Output: <nil> 1 Consultation
}

func ExampleServer_Fail() {
	server := coviutest.NewServer()
	defer server.Close()
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Fail("GET /sessions", coviutest.Unavailable().Times(2))
	_, err = client.Sessions.List(context.Background(), nil)
	fmt.Println(err, server.Count("GET /sessions"))
	// Output: <nil> 3
}

func ExampleServer_Seed() {
	server := coviutest.NewServer()
	defer server.Close()
	yesterday := time.Now().Add(-24 * time.Hour)
	seeded, err := server.Seed(coviu.Session{StartTime: yesterday, Participants: []coviu.Participant{{DisplayName: "Pat", Role: coviu.RoleGuest}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, who, err := server.Enter(seeded[0].WithRole(coviu.RoleGuest)[0].EntryURL)
	fmt.Println(who.DisplayName, err)
	// Output: Pat coviutest: the session has finished
}

func ExampleServer_Results() {
	server := coviutest.NewServer()
	defer server.Close()
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Fail("POST /sessions", coviutest.LoseReply())
	start := time.Now().Add(time.Hour)
	_, err = client.Sessions.Create(context.Background(), &coviu.SessionCreationRequest{
		SessionName: "Consultation", StartTime: start, EndTime: start.Add(time.Hour),
	})
	fmt.Println("unknown:", errors.Is(err, coviu.ErrOutcomeUnknown))
	fmt.Println("booked:", server.Results("POST /sessions").CarriedOut)
	fmt.Println("tokens granted:", server.Results("POST /auth/token").CarriedOut)
	// Output:
	// unknown: true
	// booked: 1
	// tokens granted: 1
}
