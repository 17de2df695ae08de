package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

func writeTable(w io.Writer, session *coviu.Session) error {
	fmt.Fprintf(w, "%s, %s to %s\n\n", session.SessionName,
		session.StartTime.Local().Format(zoned), session.EndTime.Local().Format("15:04 MST"))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROLE\tNAME\tENTRY LINK (for this person only)")
	for participant := range present(session) {
		fmt.Fprintf(table, "%s\t%s\t%s\n", participant.Role, participant.DisplayName, participant.EntryURL)
	}
	return table.Flush()
}

// present are the participants who were not removed.
func present(session *coviu.Session) func(yield func(coviu.Participant) bool) {
	return func(yield func(coviu.Participant) bool) {
		for _, participant := range session.Participants {
			if participant.DeletedAt == nil && !yield(participant) {
				return
			}
		}
	}
}

type booking struct {
	ID           string    `json:"id"`
	SessionID    string    `json:"session_id"`
	SessionName  string    `json:"session_name"`
	StartTime    time.Time `json:"start_time"`
	EndTime      time.Time `json:"end_time"`
	Participants []person  `json:"participants"`
}

type person struct {
	Role        coviu.Role `json:"role"`
	DisplayName string     `json:"display_name"`
	EntryURL    string     `json:"entry_url"`
}

func writeJSON(w io.Writer, id string, session *coviu.Session) error {
	b := booking{
		ID:          id,
		SessionID:   session.SessionID,
		SessionName: session.SessionName,
		StartTime:   session.StartTime,
		EndTime:     session.EndTime,
	}
	for participant := range present(session) {
		b.Participants = append(b.Participants, person{participant.Role, participant.DisplayName, participant.EntryURL})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(b)
}
