package coviu

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/noprint"
)

// Every exported type prints as a description without names, ids, links, states
// and secrets: under every verb for which fmt calls methods (so not %p, nor %w
// outside Errorf), and in log/slog. The receivers are values, because fmt then
// finds the methods on values and on pointers.
//
// Two cases can't be prevented: fmt does not call methods on unexported fields of a
// user's struct, and a JSON log handler marshals slices and structs that hold these
// types.

// noPrint is embedded in types whose description is constant. The package's
// documentation then does not list its methods for each of them.
type noPrint = noprint.Text

func (s Session) describe() string {
	text := "coviu.Session{" + span(s.StartTime, s.EndTime) + ", " + count(len(s.Participants), "participant")
	if s.CanceledTime != nil {
		text += ", canceled"
	}
	return text + "}"
}

func (p Participant) describe() string {
	text := "coviu.Participant{" + string(knownRole(p.Role))
	if p.DeletedAt != nil {
		text += ", removed"
	}
	return text + "}"
}

func (p SessionPage) describe() string {
	return "coviu.SessionPage{" + count(len(p.Content), "session") + ", more: " + strconv.FormatBool(p.More) + "}"
}

func (p ParticipantPage) describe() string {
	return "coviu.ParticipantPage{" + count(len(p.Content), "participant") + ", more: " + strconv.FormatBool(p.More) + "}"
}

func (r SessionCreationRequest) describe() string {
	return "coviu.SessionCreationRequest{" + span(r.StartTime, r.EndTime) + ", " +
		count(len(r.Participants), "participant") + "}"
}

func (r SessionUpdateRequest) describe() string {
	return "coviu.SessionUpdateRequest{…}"
}

func (r ParticipantCreationRequest) describe() string {
	return "coviu.ParticipantCreationRequest{" + string(knownRole(r.Role)) + "}"
}

func (r ParticipantUpdateRequest) describe() string {
	return "coviu.ParticipantUpdateRequest{…}"
}

func (o SessionListOptions) describe() string {
	return "coviu.SessionListOptions{page " + strconv.Itoa(o.Page) + ", size " + strconv.Itoa(o.PageSize) + ", " +
		span(o.StartTime, o.EndTime) + "}"
}

func (i ResponseInfo) describe() string {
	text := "coviu.ResponseInfo{" + i.Operation + ", status " + strconv.Itoa(i.StatusCode) + ", " +
		count(i.Attempts, "attempt") + ", " + i.Duration.String()
	if i.Err != nil {
		text += ", failed"
	}
	return text + "}"
}

// Format prints the session without anything personal, under every verb.
func (s Session) Format(f fmt.State, verb rune) { format(f, verb, s.describe()) }

// LogValue logs what Format prints.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.describe()) }

// Format prints the participant without anything personal, under every verb.
func (p Participant) Format(f fmt.State, verb rune) { format(f, verb, p.describe()) }

// LogValue logs what Format prints.
func (p Participant) LogValue() slog.Value { return slog.StringValue(p.describe()) }

// Format prints how much is in the page, under every verb.
func (p SessionPage) Format(f fmt.State, verb rune) { format(f, verb, p.describe()) }

// LogValue logs what Format prints.
func (p SessionPage) LogValue() slog.Value { return slog.StringValue(p.describe()) }

// Format prints how much is in the page, under every verb.
func (p ParticipantPage) Format(f fmt.State, verb rune) { format(f, verb, p.describe()) }

// LogValue logs what Format prints.
func (p ParticipantPage) LogValue() slog.Value { return slog.StringValue(p.describe()) }

// Format prints the request without anything personal, under every verb.
func (r SessionCreationRequest) Format(f fmt.State, verb rune) { format(f, verb, r.describe()) }

// LogValue logs what Format prints.
func (r SessionCreationRequest) LogValue() slog.Value { return slog.StringValue(r.describe()) }

// Format prints the request without anything personal, under every verb.
func (r SessionUpdateRequest) Format(f fmt.State, verb rune) { format(f, verb, r.describe()) }

// LogValue logs what Format prints.
func (r SessionUpdateRequest) LogValue() slog.Value { return slog.StringValue(r.describe()) }

// Format prints the request without anything personal, under every verb.
func (r ParticipantCreationRequest) Format(f fmt.State, verb rune) { format(f, verb, r.describe()) }

// LogValue logs what Format prints.
func (r ParticipantCreationRequest) LogValue() slog.Value { return slog.StringValue(r.describe()) }

// Format prints the request without anything personal, under every verb.
func (r ParticipantUpdateRequest) Format(f fmt.State, verb rune) { format(f, verb, r.describe()) }

// LogValue logs what Format prints.
func (r ParticipantUpdateRequest) LogValue() slog.Value { return slog.StringValue(r.describe()) }

// Format prints the options without the State, under every verb.
func (o SessionListOptions) Format(f fmt.State, verb rune) { format(f, verb, o.describe()) }

// LogValue logs what Format prints.
func (o SessionListOptions) LogValue() slog.Value { return slog.StringValue(o.describe()) }

// Format prints the numbers of the call, under every verb; the header is left
// out.
func (i ResponseInfo) Format(f fmt.State, verb rune) { format(f, verb, i.describe()) }

// LogValue logs what Format prints.
func (i ResponseInfo) LogValue() slog.Value { return slog.StringValue(i.describe()) }

// Format prints the error's text, under every verb.
func (e ValidationError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

// LogValue logs the error's text.
func (e ValidationError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Format prints the error's text, under every verb: body and header are left
// out.
func (e APIError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

// LogValue logs the error's text.
func (e APIError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Format prints the error's text, under every verb.
func (e DecodeError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

// LogValue logs the error's text.
func (e DecodeError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Format prints the error's text, under every verb: the description is left out.
func (e TokenError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

// LogValue logs the error's text.
func (e TokenError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Format prints the error's text, under every verb.
func (e OutcomeUnknownError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

// LogValue logs the error's text.
func (e OutcomeUnknownError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Format prints the error's text, under every verb.
func (e ListError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

// LogValue logs the error's text.
func (e ListError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Format prints the error's text, under every verb: the sessions are left out.
func (e KeyError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

// LogValue logs the error's text.
func (e KeyError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Format prints the error's text, under every verb.
func (e callError) Format(f fmt.State, verb rune) { format(f, verb, e.Error()) }

func format(f fmt.State, verb rune, text string) {
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}

// knownRole keeps free text that came in place of a role from being printed.
func knownRole(r Role) Role {
	switch r {
	case RoleHost, RoleGuest, RoleParticipant:
		return r
	}
	return "participant"
}

func span(start, end time.Time) string {
	return start.UTC().Format(time.RFC3339) + " to " + end.UTC().Format(time.RFC3339)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
