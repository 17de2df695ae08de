package main

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// rows is a format of the export.
type rows interface {
	begin() error
	add(*coviu.Session) error
	flush() error
}

func newRows(j *job, w io.Writer) rows {
	if j.Format == "ndjson" {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return &ndjsonRows{encoder, j.Links}
	}
	return &csvRows{csv.NewWriter(w), j.Links}
}

type ndjsonRows struct {
	encoder *json.Encoder
	links   bool
}

func (*ndjsonRows) begin() error { return nil }
func (*ndjsonRows) flush() error { return nil }

func (r *ndjsonRows) add(s *coviu.Session) error {
	if !r.links {
		for i := range s.Participants {
			s.Participants[i].EntryURL = ""
		}
	}
	return r.encoder.Encode(s)
}

type csvRows struct {
	w     *csv.Writer
	links bool
}

func (r *csvRows) begin() error {
	header := []string{"session_id", "session_name", "start_time", "end_time", "canceled_time", "hosts", "guests"}
	if r.links {
		header = append(header, "entry_urls")
	}
	return r.w.Write(header)
}

func (r *csvRows) add(s *coviu.Session) error {
	var hosts, guests, links []string
	for _, participant := range s.Participants {
		if participant.Role == coviu.RoleHost {
			hosts = append(hosts, participant.DisplayName)
		} else {
			guests = append(guests, participant.DisplayName)
		}
		links = append(links, participant.EntryURL)
	}
	canceled := ""
	if s.CanceledTime != nil {
		canceled = s.CanceledTime.Format(time.RFC3339)
	}
	row := []string{
		s.SessionID, text(s.SessionName), s.StartTime.Format(time.RFC3339), s.EndTime.Format(time.RFC3339),
		canceled, text(strings.Join(hosts, "; ")), text(strings.Join(guests, "; ")),
	}
	if r.links {
		row = append(row, strings.Join(links, " "))
	}
	return r.w.Write(row)
}

func (r *csvRows) flush() error {
	r.w.Flush()
	return r.w.Error()
}

// text keeps a name from being a formula in the spreadsheet that opens the file.
func text(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
