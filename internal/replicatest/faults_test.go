package replicatest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// These are as in package coviusql.
	leaseTime   = 10 * time.Second
	renewPeriod = 3 * time.Second
	grace       = 5 * time.Minute
	firstPoll   = 25 * time.Millisecond
	longestPoll = 500 * time.Millisecond
	// statementTime is how long a statement of the store takes, and latency how
	// long a request or a reply travels.
	statementTime = time.Millisecond
	latency       = 10 * time.Millisecond
	// shortStall is longer than a lease, longStall longer than a lease and the
	// grace period together.
	shortStall = 12 * time.Second
	longStall  = 11 * time.Minute
)

var (
	errCrashed = errors.New("this replica has crashed")
	errStore   = errors.New("connection to canary lost")
	errLost    = errors.New("the lease was lost")
)

// step is a moment in the work of a replica at which a fault may strike.
type step int

const (
	beforeTake step = iota // of the lease
	afterTake
	beforeBegin
	afterBegin
	beforeRequest // the request that must not be sent twice
	afterRequest
	beforeSave // the token, or the outcome of the booking
	afterSave
	beforeRelease
	afterRelease
	duringRenewal
)

func (s step) String() string {
	return [...]string{
		"before take", "after take", "before begin", "after begin", "before request", "after request",
		"before save", "after save", "before release", "after release", "during renewal",
	}[s]
}

// isRequest reports whether the step is not one of the store.
func (s step) isRequest() bool { return s == beforeRequest || s == afterRequest }

// kind is what a fault does to the replica that reaches its step.
type kind int

const (
	noFault kind = iota
	// crashes: the replica does nothing any more. What it sent still arrives.
	crashes
	// fails: the statement fails, after it took effect if the step is after it.
	fails
	// stalls: the replica stops for a shortStall. Then it sees that its context
	// has ended.
	stalls
	// overrun: the same, but a request or reply that is under way goes through.
	overrun
	stallsLong
	overrunsLong
)

func (k kind) String() string {
	return [...]string{"no fault", "crash", "error", "stall", "stall not seen", "long stall", "long stall not seen"}[k]
}

func (k kind) length() time.Duration {
	switch k {
	case stalls, overrun:
		return shortStall
	case stallsLong, overrunsLong:
		return longStall
	}
	return 0
}

// fault strikes the replica that is the nth one to reach the step.
type fault struct {
	step step
	nth  int
	kind kind
}

func (f fault) String() string {
	if f.kind == noFault {
		return f.kind.String()
	}
	return fmt.Sprintf("%v %v, time %d", f.kind, f.step, f.nth)
}

// faults plays the faults of one schedule.
type faults struct {
	mu      sync.Mutex
	planned []fault
	ended   bool
	reached [duringRenewal + 1]int
	struck  int
}

// replica is one process. The faults decide how long it lives.
type replica struct {
	faults *faults
	ctx    context.Context //nolint:containedctx // a process is a lifetime
	cancel context.CancelFunc

	mu     sync.Mutex
	dead   bool
	awake  time.Time
	struck bool
}

func (f *faults) newReplica() *replica {
	ctx, cancel := context.WithCancel(context.Background())
	return &replica{faults: f, ctx: ctx, cancel: cancel}
}

func (r *replica) crash() {
	r.mu.Lock()
	r.dead = true
	r.mu.Unlock()
	r.cancel()
}

func (r *replica) isDead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

// wasStruck reports whether a fault has hit this replica.
func (r *replica) wasStruck() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.struck
}

// at marks that the replica reaches a step. It returns what the fault does, and an
// error if the replica can't go on.
func (r *replica) at(s step) (kind, error) {
	if r.isDead() {
		return crashes, errCrashed
	}
	k := r.faults.strike(s)
	if k == noFault {
		return k, nil
	}
	r.mu.Lock()
	r.struck = true
	r.awake = time.Now().Add(k.length())
	r.mu.Unlock()
	switch k {
	case crashes:
		r.crash()
		return k, errCrashed
	case fails:
		return k, errStore
	}
	<-time.After(k.length())
	return k, nil
}

func (f *faults) strike(s step) kind {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return noFault
	}
	f.reached[s]++
	for _, p := range f.planned {
		again := s == duringRenewal && f.reached[s] > p.nth // a renewal that fails goes on failing
		if p.kind != noFault && p.step == s && (f.reached[s] == p.nth || again) {
			if !again {
				f.struck++
			}
			return p.kind
		}
	}
	return noFault
}

// allStruck reports whether each planned fault has struck.
func (f *faults) allStruck() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.struck == len(f.all())
}

// all returns the planned faults.
func (f *faults) all() (planned []fault) {
	for _, p := range f.planned {
		if p.kind != noFault {
			planned = append(planned, p)
		}
	}
	return planned
}

// off stops the faults that have not struck yet.
func (f *faults) off() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

// wakes waits for the end of a stall. It fails if the replica is dead.
func (r *replica) wakes() error {
	r.mu.Lock()
	awake, dead := r.awake, r.dead
	r.mu.Unlock()
	if dead {
		return errCrashed
	}
	if d := time.Until(awake); d > 0 {
		<-time.After(d)
	}
	return nil
}

// pause waits in virtual time, as long as ctx lasts.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
