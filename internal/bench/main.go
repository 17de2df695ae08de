// The test server's certificate has to be trusted without a client being given
// another transport, because its own is what is measured.
//
//go:debug x509usefallbackroots=1

// Command bench measures the client against a floor (bare net/http, io.ReadAll
// and encoding/json.Unmarshal) and against other ways to write such a client.
// All of them use the same server in the same run.
//
// All tables take minutes, one case with two clients takes seconds:
//
//	go run . -tables peers -cases page -clients ogen,coviu -rounds 10
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

// section is one part of the report.
type section struct {
	name string
	run  func(context.Context, settings) ([]*table, error)
}

// settings are what the flags say.
type settings struct {
	rounds  int
	cases   []string // parts of names; nil is all
	clients []string // parts of names; nil is all
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
	rounds := flags.Int("rounds", 30, "paired rounds for each case")
	tables := flags.String("tables", "", "comma-separated tables to make, of "+sectionNames()+"; empty is all")
	cases := flags.String("cases", "", "comma-separated parts of the names of cases in peers and endpoints, such as POST; empty is all")
	clients := flags.String("clients", "", "comma-separated parts of client names; the floor always runs; empty is all")
	markdown := flags.Bool("markdown", false, "print tables as Markdown")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted := split(*tables)
	for _, name := range wanted {
		if !slices.ContainsFunc(sections, func(s section) bool { return s.name == name }) {
			return fmt.Errorf("no table %q, only %s", name, sectionNames())
		}
	}
	if *rounds < 1 {
		return fmt.Errorf("%d rounds", *rounds)
	}
	chosen := settings{rounds: *rounds, cases: split(*cases), clients: split(*clients)}

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

// chooseClients returns the chosen clients. The floor is always one of them.
func (s settings) chooseClients(clients []client) []client {
	return slices.DeleteFunc(slices.Clone(clients), func(c client) bool {
		return c.name != floorName && !chosen(c.name, s.clients)
	})
}

// chooseCases returns the chosen workloads, or an error if there is none.
func (s settings) chooseCases(workloads []workload) ([]workload, error) {
	left := slices.DeleteFunc(slices.Clone(workloads), func(w workload) bool { return !chosen(w.name, s.cases) })
	if len(left) == 0 {
		return nil, fmt.Errorf("no case has any of %q in its name", s.cases)
	}
	return left, nil
}

func chosen(name string, parts []string) bool {
	return parts == nil || slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
}
