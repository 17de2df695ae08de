// The test server's certificate has to be trusted without a client being given
// another transport, because its own is what is measured.
//
//go:debug x509usefallbackroots=1

// Command bench measures the client against the floor (bare net/http,
// io.ReadAll and encoding/json.Unmarshal) and against other ways to write such
// a client, all over the same server in the same run:
//
//	go run . -rounds 30 -workload peers,connections -clients ogen -markdown
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// section is one table of the report.
type section struct {
	name string
	run  func(context.Context, settings) ([]*table, error)
}

// settings are what the flags say.
type settings struct {
	rounds  int
	clients []string // nil is all
}

var sections = []section{
	{"peers", peerTables},
	{"endpoints", endpointTables},
	{"connections", connectionTables},
	{"token", tokenTables},
	{"memory", memoryTables},
	{"prefetch", prefetchTables},
}

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 30, "paired rounds a workload")
	workloads := flags.String("workload", "", "comma-separated sections to run, of "+sectionNames()+"; empty is all")
	clients := flags.String("clients", "", "comma-separated parts of client names; the floor always runs; empty is all")
	markdown := flags.Bool("markdown", false, "print tables as Markdown")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted := split(*workloads)
	for _, name := range wanted {
		if !slices.ContainsFunc(sections, func(s section) bool { return s.name == name }) {
			return fmt.Errorf("no workload %q, only %s", name, sectionNames())
		}
	}
	if *rounds < 1 {
		return fmt.Errorf("%d rounds", *rounds)
	}
	chosen := settings{rounds: *rounds, clients: split(*clients)}

	start := time.Now()
	fmt.Fprintln(out, engineNote())
	for _, s := range sections {
		if wanted != nil && !slices.Contains(wanted, s.name) {
			continue
		}
		tables, err := s.run(ctx, chosen)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for _, t := range tables {
			t.write(out, *markdown)
		}
	}
	fmt.Fprintf(out, "\nTook %s.\n", time.Since(start).Round(time.Second))
	return nil
}

func engineNote() string {
	engine := "the engine it has had since Go 1"
	if newEngine {
		engine = "the engine of json/v2"
	}
	return fmt.Sprintf("%s %s/%s, GOMAXPROCS %d, encoding/json on %s",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), engine)
}

func sectionNames() string {
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.name
	}
	return strings.Join(names, ", ")
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// choose keeps the clients that have the operation and were asked for; the
// floor comes first and always.
func (s settings) choose(clients []client, operation string) []client {
	return slices.DeleteFunc(slices.Clone(clients), func(c client) bool {
		if c.calls[operation] == nil {
			return true
		}
		wanted := func(part string) bool { return strings.Contains(c.name, part) }
		return c.name != floorName && s.clients != nil && !slices.ContainsFunc(s.clients, wanted)
	})
}
