package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

const (
	minutes = "2006-01-02T15:04"
	zoned   = "Mon 2 Jan 2006, 15:04 MST"
	usage   = `Usage: go run ./examples/book -id ID -start TIME -host NAME [-guest NAME]... [flags]

Books a video call for an appointment and prints the entry link of each person.
Run again with the same -id, it finds the call and books no other.

  COVIU_API_KEY, COVIU_API_KEY_SECRET   the account to use; without them the
                                        program starts a server of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `

To see that the second run books nothing, start the emulator in another terminal
(go run ./examples/emulator), set these variables to what it prints, and run the
same command twice.

`
)

// order is what the flags ask for.
type order struct {
	id, name      string
	hosts, guests names
	start         time.Time
	duration      time.Duration
	json          bool
}

// names is a flag that may be given several times.
type names []string

func (n *names) String() string { return strings.Join(*n, ", ") }

func (n *names) Set(name string) error {
	if strings.TrimSpace(name) == "" {
		return errors.New("the name is empty")
	}
	*n = append(*n, name)
	return nil
}

func parse(args []string, stderr io.Writer) (*order, error) {
	var o order
	flags := flag.NewFlagSet("book", flag.ContinueOnError)
	// The flag package would print the usage after each mistake, too.
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.id, "id", "", "`id` of the appointment: opaque, and another one for each appointment")
	flags.StringVar(&o.name, "name", "Consultation", "`title` that the participants see")
	flags.Var(&o.hosts, "host", "`name` of a host, who lets the guests in; may be repeated")
	flags.Var(&o.guests, "guest", "`name` of a guest; may be repeated")
	flags.Func("start", "`time` of the start, such as 2026-03-02T15:00 (local) or 2026-03-02T15:00:00+11:00",
		func(text string) (err error) { o.start, err = parseTime(text); return err })
	flags.DurationVar(&o.duration, "duration", 30*time.Minute, "`length` of the call")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; -h shows how to use this program", err)
	}
	return &o, o.check(flags.Args())
}

func (o *order) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is not understood; -h shows how to use this program", rest[0])
	case o.id == "":
		return errors.New("-id is missing; -h shows how to use this program")
	case o.start.IsZero():
		return errors.New("-start is missing; -h shows how to use this program")
	case len(o.hosts) == 0:
		return errors.New("-host is missing; -h shows how to use this program")
	case o.duration <= 0:
		return errors.New("-duration must be longer than nothing")
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	if t, err := time.ParseInLocation(minutes, text, time.Local); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("want a time such as 2026-03-02T15:00 or 2026-03-02T15:00:00Z")
	}
	return t, nil
}

func (o *order) request() *coviu.SessionCreationRequest {
	r := &coviu.SessionCreationRequest{
		SessionName: o.name,
		StartTime:   o.start,
		EndTime:     o.start.Add(o.duration),
	}
	for _, name := range o.hosts {
		r.Participants = append(r.Participants, coviu.ParticipantCreationRequest{DisplayName: name, Role: coviu.RoleHost})
	}
	for _, name := range o.guests {
		r.Participants = append(r.Participants, coviu.ParticipantCreationRequest{DisplayName: name, Role: coviu.RoleGuest})
	}
	return r
}
