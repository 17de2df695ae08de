// Export writes the sessions of a period as CSV or NDJSON. After a failure or an
// interrupt it can be told to go on where it stopped.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], console{os.Stdout, os.Stderr, isTerminal(os.Stderr)}, os.Getenv)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(1)
	}
}

// console is where the program talks to its user.
type console struct {
	stdout, stderr io.Writer
	// terminal says that stderr is one, so that progress can be shown there.
	terminal bool
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func run(ctx context.Context, args []string, c console, getenv func(string) string) error {
	job, err := parse(args, c.stderr)
	if err != nil {
		return err
	}
	client, stop, err := connect(c.stderr, getenv, job)
	if err != nil {
		return err
	}
	defer stop()
	out, err := open(job, c.stdout)
	if err != nil {
		return err
	}
	err = export(ctx, client, job, out, newProgress(c))
	return out.finish(err)
}
