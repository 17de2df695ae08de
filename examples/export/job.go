package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

const usage = `Usage: go run ./examples/export [-from DATE] [-to DATE] [-o FILE] [flags]
       go run ./examples/export -resume FILE

Writes the sessions that start in a period as CSV or NDJSON, in the order of
their start. Without -o it writes to standard output.

With -o FILE it notes in FILE.resume how far it came, page by page. After a
failure or Ctrl-C, -resume FILE.resume goes on there with the same settings; a
session that was moved to a later time meanwhile is written again.

  COVIU_API_KEY, COVIU_API_KEY_SECRET   the account to use; without them the
                                        program starts a server of its own
  COVIU_API_ENDPOINT                    another base URL than ` + coviu.DefaultBaseURL + `

`

// job is what the flags ask for. It is kept in the checkpoint as it is.
type job struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Output   string    `json:"output"`
	Format   string    `json:"format"`
	Canceled bool      `json:"canceled"`
	Links    bool      `json:"links"`
	PageSize int       `json:"page_size"`
	Prefetch int       `json:"prefetch"`

	// resumed is where an earlier run stopped, nil for a first one.
	resumed *checkpoint
}

func parse(args []string, stderr io.Writer) (*job, error) {
	now := time.Now()
	j := job{From: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.Local)}
	j.To = endOfDay(j.From.AddDate(0, 1, -1))
	resume := ""
	flags := flag.NewFlagSet("export", flag.ContinueOnError)
	// The flag package would print the usage after each mistake, too.
	flags.SetOutput(io.Discard)
	flags.Func("from", "first start: a `date`, or a time such as 2026-03-01T08:00:00+11:00 (default this month's first day)",
		func(text string) (err error) { j.From, _, err = parseTime(text); return err })
	flags.Func("to", "last start, included: a `date`, meaning all of that day, or a time (default this month's last day)",
		func(text string) error {
			to, isDate, err := parseTime(text)
			if isDate {
				to = endOfDay(to)
			}
			j.To = to
			return err
		})
	flags.StringVar(&j.Output, "o", "", "`file` to write to; it must not exist yet")
	flags.StringVar(&j.Format, "format", "", "`csv or ndjson` (default: by the name of the file, else csv)")
	flags.BoolVar(&j.Canceled, "canceled", false, "canceled sessions as well")
	flags.BoolVar(&j.Links, "links", false, "entry links as well, which let whoever reads the file into the calls")
	flags.IntVar(&j.PageSize, "page-size", 200, "`sessions` a page, 200 at most")
	flags.IntVar(&j.Prefetch, "prefetch", 4, "`pages` to fetch ahead, 64 at most")
	flags.StringVar(&resume, "resume", "", "`file` that an earlier run left; no other flag is needed")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; -h shows how to use this program", err)
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%q is not understood; -h shows how to use this program", flags.Arg(0))
	case resume != "" && flags.NFlag() > 1:
		return nil, errors.New("-resume goes on with the settings of the earlier run: give no other flag")
	case resume != "":
		return loadJob(resume)
	}
	return &j, j.complete()
}

// complete checks what the flags alone can tell, and fills in the format.
func (j *job) complete() error {
	if j.Format == "" {
		j.Format = "csv"
		if strings.HasSuffix(j.Output, ".ndjson") || strings.HasSuffix(j.Output, ".jsonl") {
			j.Format = "ndjson"
		}
	}
	switch {
	case j.Format != "csv" && j.Format != "ndjson":
		return errors.New("-format is csv or ndjson")
	case j.To.Before(j.From):
		return errors.New("-to is before -from")
	case j.PageSize < 1 || j.PageSize > 200:
		return errors.New("-page-size is 1 to 200")
	case j.Prefetch < 0 || j.Prefetch > 64:
		return errors.New("-prefetch is 0 to 64")
	case j.Output == "":
		return nil
	}
	// The run that goes on may be started in another directory.
	var err error
	j.Output, err = filepath.Abs(j.Output)
	return err
}

// options asks for what is left of the job.
func (j *job) options() *coviu.SessionListOptions {
	o := &coviu.SessionListOptions{
		StartTime:       j.From,
		EndTime:         j.To,
		IncludeCanceled: j.Canceled,
		PageSize:        j.PageSize,
		Prefetch:        j.Prefetch,
	}
	if j.resumed != nil && !j.resumed.Last.IsZero() {
		o.StartTime = j.resumed.Last
	}
	return o
}

func parseTime(text string) (t time.Time, isDate bool, err error) {
	if t, err = time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t, true, nil
	}
	if t, err = time.Parse(time.RFC3339, text); err == nil {
		return t, false, nil
	}
	return time.Time{}, false, errors.New("want a date such as 2026-03-01, or a time such as 2026-03-01T08:00:00Z")
}

func endOfDay(day time.Time) time.Time { return day.AddDate(0, 0, 1).Add(-time.Millisecond) }
