package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// checkpoint is how far an export came. It names a start time and not the page
// of coviu.ListError: between two runs sessions are booked, moved and canceled,
// and the pages of a list by start time shift; the start times stay.
type checkpoint struct {
	Job job `json:"job"`
	// Last is the start of the last session that was written, to the
	// millisecond, which is the precision of a query.
	Last time.Time `json:"last"`
	// Written are the ids of the sessions that start at Last and are written.
	Written []string `json:"written"`
	// Count is the number of sessions so far, Offset the length of the output.
	Count  int   `json:"count"`
	Offset int64 `json:"offset"`
}

// note counts s as written.
func (c *checkpoint) note(s *coviu.Session) {
	start := s.StartTime.Truncate(time.Millisecond)
	if !start.Equal(c.Last) {
		c.Last, c.Written = start, nil
	}
	c.Written = append(c.Written, s.SessionID)
	c.Count++
}

func (c *checkpoint) has(s *coviu.Session) bool {
	return slices.Contains(c.Written, s.SessionID)
}

// save replaces the file at once, so that a crash leaves the old one or the new
// one.
func (c *checkpoint) save(name string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	err = errors.Join(err, next.Close())
	if err == nil {
		err = os.Rename(next.Name(), name) //nolint:gosec // the user named it
	}
	if err != nil {
		_ = os.Remove(next.Name()) //nolint:gosec // the user named it
	}
	return err
}

// loadJob returns the job of an earlier run, to be gone on with.
func loadJob(name string) (*job, error) {
	text, err := os.ReadFile(name) //nolint:gosec // the user named it
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist: either the export is complete, or it was not started with -o", name)
	}
	if err != nil {
		return nil, err
	}
	var c checkpoint
	if err := json.Unmarshal(text, &c); err != nil || c.Job.Output == "" {
		return nil, fmt.Errorf("%s was not left by this program", name)
	}
	c.Job.resumed = &c
	return &c.Job, c.Job.complete()
}
