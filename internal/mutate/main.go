// Mutate asks whether the tests would notice: it seeds one fault after another
// into the library, runs the tests nearest to it, and counts the faults that no
// test failed on.
//
// The work tree is never touched: each fault is laid over its file with the go
// command's -overlay flag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

type settings struct {
	module, list string
	only         *regexp.Regexp
	jobs         int
	limit        time.Duration
	wanted       float64
	dry          bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, parseFlags())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func parseFlags() settings {
	var s settings
	var only string
	flag.StringVar(&s.module, "C", "../..", "directory of the module to seed faults into")
	flag.StringVar(&s.list, "list", "mutants.txt", "file with the faults")
	flag.StringVar(&only, "only", "", "pattern of the names of the faults to try")
	flag.IntVar(&s.jobs, "jobs", 2, "faults tried at the same time")
	flag.DurationVar(&s.limit, "limit", 90*time.Second, "how long one package's tests may run; longer counts as noticed")
	flag.Float64Var(&s.wanted, "wanted", 90, "percentage of faults that must be noticed")
	flag.BoolVar(&s.dry, "dry", false, "only apply and compile each fault, and run no test")
	flag.Parse()
	s.only = regexp.MustCompile(only)
	return s
}

func run(ctx context.Context, s settings) error {
	module, err := filepath.Abs(s.module)
	if err != nil {
		return err
	}
	mutants, err := load(s.list, s.only)
	if err != nil {
		return err
	}
	if len(mutants) == 0 {
		return fmt.Errorf("%s holds no fault to try", s.list)
	}
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	trials, err := prepare(module, work, mutants)
	if err != nil {
		return err
	}
	if s.dry {
		return compileAll(ctx, trials)
	}
	if err := baseline(ctx, module, mutants, s.limit); err != nil {
		return err
	}
	return report(tryAll(ctx, trials, s), s.wanted)
}

func load(list string, only *regexp.Regexp) ([]mutant, error) {
	file, err := os.Open(list)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	mutants, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list, err)
	}
	return slices.DeleteFunc(mutants, func(m mutant) bool { return !only.MatchString(m.name) }), nil
}

// baseline runs the tests without any fault: where they fail anyway, every fault
// would count as noticed.
func baseline(ctx context.Context, module string, mutants []mutant, limit time.Duration) error {
	var packages []string
	for _, m := range mutants {
		packages = append(packages, m.packages...)
	}
	slices.Sort(packages)
	packages = slices.Compact(packages)
	fmt.Printf("without a fault: %v\n", packages)
	for _, name := range packages {
		v := goTest(ctx, module, limit, "", name, "")
		if v.outcome != survived {
			return fmt.Errorf("the tests of %s fail without a fault (%s):\n%s", name, v.by, v.output)
		}
		fmt.Printf("  %-24s passed in %.1f s\n", name, v.took.Seconds())
	}
	return nil
}

func compileAll(ctx context.Context, trials []trial) error {
	broken := 0
	for _, t := range trials {
		if output, err := t.compile(ctx); err != nil {
			broken++
			fmt.Printf("%s does not compile:\n%s\n", t.mutant.name, output)
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d faults do not compile", broken, len(trials))
	}
	fmt.Printf("%d faults apply and compile\n", len(trials))
	return nil
}

func tryAll(ctx context.Context, trials []trial, s settings) []verdict {
	verdicts := make([]verdict, len(trials))
	slots := make(chan struct{}, s.jobs)
	var running sync.WaitGroup
	var printing sync.Mutex
	for i, t := range trials {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			verdicts[i] = t.try(ctx, s.limit)
			printing.Lock()
			defer printing.Unlock()
			fmt.Println(verdicts[i])
		})
	}
	running.Wait()
	return verdicts
}

func report(verdicts []verdict, wanted float64) error {
	count := map[outcome]int{}
	for _, v := range verdicts {
		count[v.outcome]++
	}
	tried := count[killed] + count[survived]
	if broken := count[unbuilt] + count[interrupted]; broken > 0 {
		for _, v := range verdicts {
			if v.outcome == unbuilt {
				fmt.Printf("\n%s does not compile:\n%s\n", v.mutant.name, v.output)
			}
		}
		return fmt.Errorf("%d faults could not be tried", broken)
	}
	for _, v := range verdicts {
		if v.outcome == survived {
			fmt.Printf("\nsurvivor %s in %s\n", v.mutant.name, v.mutant.file)
			for _, line := range v.mutant.old {
				fmt.Println("  -", line)
			}
			for _, line := range v.mutant.new {
				fmt.Println("  +", line)
			}
			if v.mutant.why != "" {
				fmt.Println("  why:", v.mutant.why)
			}
		}
	}
	ratio := 100 * float64(count[killed]) / float64(tried)
	fmt.Printf("\n%d faults: %d killed, %d survived (%.1f %%, at least %.0f %% wanted)\n",
		tried, count[killed], count[survived], ratio, wanted)
	if ratio < wanted {
		return errors.New("the tests notice too few faults")
	}
	return nil
}
