package clinic

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestBookingTwiceBooksOnce(t *testing.T) {
	server := coviutest.NewServer()
	t.Cleanup(server.Close)
	client := server.Client(t)
	tomorrow := time.Now().Add(24 * time.Hour).Truncate(time.Minute)
	appointment := Appointment{Number: "a-4711", Doctor: "Dr. Ada", Patient: "Ben", At: tomorrow, Length: 20 * time.Minute}

	first, err := Book(t.Context(), client, appointment)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Book(t.Context(), client, appointment)
	if err != nil {
		t.Fatal(err)
	}
	if first.Doctor == "" || first.Patient == "" || first.Doctor == first.Patient || again != first {
		t.Error("the second booking gave other links than the first, or one gave none")
	}
	day, err := Day(t.Context(), client, tomorrow.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(day) != 1 || day[0] != "Appointment" {
		t.Errorf("that day: %q", day)
	}
}

func TestErrorsOfTheOutsideView(t *testing.T) {
	server := coviutest.NewServer()
	t.Cleanup(server.Close)
	_, err := server.Client(t).Sessions.Get(t.Context(), "no-such-session", nil)

	var refusal *coviu.APIError
	if !errors.As(err, &refusal) || !errors.Is(err, coviu.ErrNotFound) || IsTransient(err) {
		t.Fatalf("got %v", err)
	}
	if refusal.Operation != "GET /sessions/{session_id}" || strings.Contains(err.Error(), "no-such-session") {
		t.Errorf("operation %q, text %q", refusal.Operation, err)
	}
}

func TestAClientNeedsCredentials(t *testing.T) {
	if client, err := coviu.NewClient("", ""); err == nil || client != nil {
		t.Errorf("got %v, %v", client, err)
	}
}
