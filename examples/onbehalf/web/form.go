package web

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// form is the booking form, as it was sent or as it is to be filled in.
type form struct {
	Key, Title, Host, Guest, Start string
	Minutes                        int
}

func newForm(now time.Time) form {
	next := now.Add(15 * time.Minute).Truncate(15 * time.Minute)
	return form{Key: rand.Text(), Title: "Consultation", Start: next.Format("15:04"), Minutes: 30}
}

func readForm(r *http.Request) form {
	minutes, _ := strconv.Atoi(r.PostFormValue("minutes"))
	f := form{
		Key:     r.PostFormValue("key"),
		Title:   strings.TrimSpace(r.PostFormValue("title")),
		Host:    strings.TrimSpace(r.PostFormValue("host")),
		Guest:   strings.TrimSpace(r.PostFormValue("guest")),
		Start:   r.PostFormValue("start"),
		Minutes: minutes,
	}
	if f.Key == "" {
		f.Key = rand.Text()
	}
	return f
}

func (f *form) request(now time.Time) (*coviu.SessionCreationRequest, error) {
	start, err := timeOfDay(f.Start, now)
	switch {
	case f.Title == "":
		return nil, inputError{"title", "Please give the call a title."}
	case f.Host == "":
		return nil, inputError{"host", "Please give your name."}
	case f.Guest == "":
		return nil, inputError{"guest", "Please give your guest's name."}
	case err != nil:
		return nil, err
	case f.Minutes < 5 || f.Minutes > 480:
		return nil, inputError{"minutes", "Please choose how long the call takes."}
	}
	return &coviu.SessionCreationRequest{
		SessionName: f.Title,
		StartTime:   start,
		EndTime:     start.Add(time.Duration(f.Minutes) * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: f.Host, Role: coviu.RoleHost},
			{DisplayName: f.Guest, Role: coviu.RoleGuest},
		},
	}, nil
}

// timeOfDay is a time of today, in the time zone of now.
func timeOfDay(text string, now time.Time) (time.Time, error) {
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, inputError{"start", "Please give the start as a time of day, such as 15:30."}
	}
	return time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location()), nil
}
