package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

var errInterrupted = errors.New("interrupted")

func export(ctx context.Context, client *coviu.Client, j *job, out *output, p *progress) error {
	defer p.end()
	for page, err := range client.Sessions.Pages(ctx, j.options()) {
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			return err
		}
		if err := out.write(page); err != nil {
			return err
		}
		p.show(out.done.Count, out.done.Count-out.first)
	}
	return nil
}

// progress is one line on a terminal, rewritten with each page.
type progress struct {
	w       io.Writer
	started time.Time
	page    int
}

func newProgress(c console) *progress {
	p := &progress{w: io.Discard, started: time.Now()}
	if c.terminal {
		p.w = c.stderr
	}
	return p
}

// show tells the sessions written in all, and the rate of those of this run.
func (p *progress) show(total, ofThisRun int) {
	p.page++
	rate := float64(ofThisRun) / time.Since(p.started).Seconds()
	fmt.Fprintf(p.w, "\rpage %d, %d sessions, %.0f a second ", p.page, total, rate)
}

func (p *progress) end() {
	if p.page > 0 {
		fmt.Fprintln(p.w)
	}
}
