package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/coviu/coviu-go-sdk"
)

// output takes the sessions and remembers how far it got.
type output struct {
	rows  rows
	done  checkpoint
	first int

	buffer *bufio.Writer
	// file is nil on standard output, where nothing can be resumed.
	file *os.File
}

// open starts the job's output, or goes on with the one of an earlier run.
func open(j *job, stdout io.Writer) (*output, error) {
	o := &output{done: checkpoint{Job: *j}}
	to := stdout
	if j.Output != "" {
		file, err := o.openFile(j)
		if err != nil {
			return nil, err
		}
		o.file, to = file, file
	}
	o.buffer = bufio.NewWriter(to)
	o.rows = newRows(j, o.buffer)
	o.first = o.done.Count
	if j.resumed != nil {
		return o, nil
	}
	err := o.rows.begin()
	if err == nil {
		err = o.flush()
	}
	return o, err
}

func (o *output) openFile(j *job) (*os.File, error) {
	if j.resumed != nil {
		o.done = *j.resumed
		file, err := reopen(j.Output, o.done.Offset)
		if err != nil {
			return nil, fmt.Errorf("can't append to the output of the earlier run: %w; put it back as it was, or delete %s and start again",
				err, o.checkpointName())
		}
		return file, nil
	}
	if _, err := os.Stat(o.checkpointName()); err == nil {
		return nil, fmt.Errorf("%s exists: go on with -resume %[1]s, or delete it", o.checkpointName())
	}
	// Names of patients are nobody else's business.
	file, err := os.OpenFile(j.Output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user named it
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s exists already: delete it, or choose another name", j.Output)
	}
	return file, err
}

// reopen cuts off what was written after the last checkpoint.
func reopen(name string, offset int64) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY, 0) //nolint:gosec // the user named it
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Size() < offset {
		err = fmt.Errorf("%s is shorter than the earlier run left it", name)
	}
	if err == nil {
		err = file.Truncate(offset)
	}
	if err == nil {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func (o *output) checkpointName() string { return o.done.Job.Output + ".resume" }

// write takes a page of sessions, without those that an earlier run wrote.
func (o *output) write(page *coviu.SessionPage) error {
	for i := range page.Content {
		session := &page.Content[i]
		if o.done.has(session) {
			continue
		}
		if err := o.rows.add(session); err != nil {
			return err
		}
		o.done.note(session)
	}
	return o.flush()
}

// flush makes what was written last, and then notes that it does.
func (o *output) flush() error {
	if err := o.rows.flush(); err != nil {
		return err
	}
	if err := o.buffer.Flush(); err != nil || o.file == nil {
		return err
	}
	offset, err := o.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	o.done.Offset = offset
	return o.done.save(o.checkpointName())
}

// finish closes the output and says how to go on if the export failed.
func (o *output) finish(failure error) error {
	written := fmt.Sprintf("%d sessions are written", o.done.Count)
	if o.file == nil {
		if failure != nil {
			return fmt.Errorf("%w; %s to standard output, where no later run can go on; start again, with -o FILE", failure, written)
		}
		return nil
	}
	failure = errors.Join(failure, o.file.Close())
	if failure != nil {
		return fmt.Errorf("%w; %s; go on with: -resume %s", failure, written, o.checkpointName())
	}
	return os.Remove(o.checkpointName()) //nolint:gosec // the user named it
}
