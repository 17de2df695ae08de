package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

type outcome string

const (
	killed      outcome = "killed"
	survived    outcome = "SURVIVED"
	unbuilt     outcome = "UNBUILT"
	interrupted outcome = "INTERRUPTED"
)

type verdict struct {
	mutant  mutant
	outcome outcome
	by      string // the first test that failed, or what happened instead
	output  string
	took    time.Duration
}

func (v verdict) String() string {
	return fmt.Sprintf("%-9s %-44s %-26s %5.1f s  %s", v.outcome, v.mutant.name, v.mutant.file, v.took.Seconds(), v.by)
}

// A trial is a mutant with its overlay written.
type trial struct {
	mutant          mutant
	module, overlay string
}

// prepare applies every mutant before any test runs, so that a list that has
// fallen behind the code says so within a moment, and all at once.
func prepare(module, work string, mutants []mutant) ([]trial, error) {
	var trials []trial
	var stale []error
	for i, m := range mutants {
		t, err := overlay(module, filepath.Join(work, fmt.Sprintf("%03d", i)), m)
		if err != nil {
			stale = append(stale, fmt.Errorf("mutant %q: %w", m.name, err))
			continue
		}
		trials = append(trials, t)
	}
	return trials, errors.Join(stale...)
}

func overlay(module, stem string, m mutant) (trial, error) {
	original := filepath.Join(module, filepath.FromSlash(m.file))
	source, err := os.ReadFile(original)
	if err != nil {
		return trial{}, err
	}
	mutated, err := m.apply(string(source))
	if err != nil {
		return trial{}, err
	}
	replacements, err := json.Marshal(map[string]map[string]string{"Replace": {original: stem + ".go"}})
	if err != nil {
		return trial{}, err
	}
	if err := os.WriteFile(stem+".go", []byte(mutated), 0o600); err != nil {
		return trial{}, err
	}
	return trial{m, module, stem + ".json"}, os.WriteFile(stem+".json", replacements, 0o600)
}

// try runs the packages one after the other, until one notices.
func (t trial) try(ctx context.Context, limit time.Duration) verdict {
	began := time.Now()
	var v verdict
	for _, name := range t.mutant.packages {
		v = goTest(ctx, t.module, limit, t.overlay, name, t.mutant.run)
		if v.outcome != survived {
			break
		}
	}
	v.mutant, v.took = t.mutant, time.Since(began)
	return v
}

func (t trial) compile(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", t.overlay, "./"+path.Dir(t.mutant.file))
	cmd.Dir = t.module
	return cmd.CombinedOutput()
}

// building is given to the compiler on top of the tests' own limit.
const building = 3 * time.Minute

func goTest(ctx context.Context, module string, limit time.Duration, overlay, name, pattern string) verdict {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit+building)
	defer cancel()
	args := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", limit.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if pattern != "" {
		args = append(args, "-run", pattern)
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append(args, name)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = module, &output, &output
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	v := verdict{output: output.String(), took: time.Since(began)}
	v.outcome, v.by = judge(err, v.output, ctx.Err())
	return v
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

func judge(err error, output string, stopped error) (outcome, string) {
	switch {
	case err == nil && strings.Contains(output, "[no test"):
		return unbuilt, "no test runs"
	case err == nil:
		return survived, ""
	case errors.Is(stopped, context.Canceled):
		return interrupted, ""
	case strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]"):
		return unbuilt, "does not compile"
	}
	if name := failedTest.FindStringSubmatch(output); name != nil {
		return killed, name[1]
	}
	if strings.Contains(output, "panic: test timed out") || stopped != nil {
		return killed, "time limit"
	}
	return killed, "the test binary died"
}
