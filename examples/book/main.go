// Book books a video call for an appointment and prints the entry links. Run
// again with the same appointment id, it finds the call that is there and books
// no other.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil && interrupted:
		fmt.Fprintln(os.Stderr, "book:", err)
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "book:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) error {
	order, err := parse(args, stderr)
	if err != nil {
		return err
	}
	posts := 0
	client, stop, err := connect(stderr, getenv, coviu.WithResponseHook(func(_ context.Context, info coviu.ResponseInfo) {
		if info.Operation == "POST /sessions" {
			posts++
		}
	}))
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	session, err := client.Sessions.CreateOnce(ctx, order.id, order.request())
	if err != nil {
		return explain(order, err)
	}
	if posts == 0 {
		fmt.Fprintln(stderr, "book: the call was booked before; nothing new was booked")
	} else {
		fmt.Fprintln(stderr, "book: the call is booked; the same command again finds it")
	}
	if order.json {
		return writeJSON(stdout, order.id, session)
	}
	return writeTable(stdout, session)
}

// explain adds what to do about the failures that running the program again, or
// with other flags, can mend.
func explain(o *order, err error) error {
	taken, _ := errors.AsType[*coviu.KeyError](err)
	switch {
	case errors.Is(err, coviu.ErrOutcomeUnknown), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w; run the same command again: it finds the call if it was booked, and books it if not", err)
	case errors.Is(err, coviu.ErrKeyConflict):
		return fmt.Errorf("%w: the call with this -id %s; nothing was changed", err, difference(o, taken))
	case errors.Is(err, coviu.ErrPreviouslyCanceled):
		return fmt.Errorf("%w; to book the appointment anew, give it another -id", err)
	case errors.Is(err, coviu.ErrDuplicate):
		return fmt.Errorf("%w: cancel all but one", err)
	case errors.Is(err, coviu.ErrAuthentication):
		return fmt.Errorf("%w; check COVIU_API_KEY and COVIU_API_KEY_SECRET", err)
	}
	return err
}

// difference says how the call that is booked differs from the order. Of the
// people it names only those of the order.
func difference(o *order, taken *coviu.KeyError) string {
	var parts []string
	s := &taken.Sessions[0]
	if taken.Times {
		parts = append(parts, fmt.Sprintf("has other times: %s to %s", s.StartTime.Local().Format(zoned), s.EndTime.Local().Format(zoned)))
	}
	if taken.People {
		absent := append(missing("host", o.hosts, s.WithRole(coviu.RoleHost)), missing("guest", o.guests, s.WithRole(coviu.RoleGuest))...)
		if len(absent) == 0 {
			absent = []string{"several people of one name"}
		}
		parts = append(parts, "lacks "+strings.Join(absent, ", "))
	}
	return strings.Join(parts, ", and ")
}

// missing returns the names that nobody in the call has.
func missing(role string, wanted names, there []coviu.Participant) (absent []string) {
	for _, name := range wanted {
		if !slices.ContainsFunc(there, func(p coviu.Participant) bool { return p.DisplayName == name }) {
			absent = append(absent, role+" "+name)
		}
	}
	return absent
}
