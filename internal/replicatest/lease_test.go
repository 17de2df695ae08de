package replicatest_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// row is what a row of a store says about its holder.
type row struct {
	mu     sync.Mutex
	holder *lease
	until  time.Time
	// shared leaves out the lease.
	shared bool
	// committing lets one statement at a time commit a change, for commitTime. Nil
	// sets no limit.
	committing chan struct{}
	commitTime time.Duration
	// statements counts what was asked of the row.
	statements int
}

// run runs a statement, which reports whether it changed the row.
func (r *row) run(statement func() (changed bool)) {
	<-time.After(statementTime)
	if r.committing != nil {
		r.committing <- struct{}{}
		defer func() { <-r.committing }()
	}
	r.mu.Lock()
	r.statements++
	changed := statement()
	r.mu.Unlock()
	if changed && r.committing != nil {
		<-time.After(r.commitTime)
	}
}

// read runs a statement that changes nothing, and waits for no other one.
func (r *row) read(statement func()) {
	<-time.After(statementTime)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements++
	statement()
}

// lease is the claim of one holder to a row of the model stores.
type lease struct {
	replica *replica
	row     *row
	lost    func()
	stop    chan struct{}
}

// do runs a statement of the replica, between two steps.
func (l *lease) do(before, after step, statement func() error) error {
	if _, err := l.replica.at(before); err != nil {
		return err
	}
	var err error
	l.row.run(func() bool {
		if l.replica.isDead() {
			err = errCrashed
			return false
		}
		err = statement()
		return err == nil
	})
	if err == nil {
		_, err = l.replica.at(after)
	}
	return err
}

// take waits for the row and then runs taken, in one statement with taking it.
func (l *lease) take(ctx context.Context, taken func()) error {
	if _, err := l.replica.at(beforeTake); err != nil {
		return err
	}
	held := false
	for wait := firstPoll; !held; {
		if err := l.replica.wakes(); err != nil {
			return err
		}
		l.row.run(func() bool {
			held = l.isFree()
			if held {
				taken()
				l.row.holder, l.row.until = l, time.Now().Add(leaseTime)
			}
			return held
		})
		for free := held; !free; wait = min(2*wait, longestPoll) {
			if err := pause(ctx, wait/2+rand.N(wait/2)); err != nil {
				return err
			}
			l.row.read(func() { free = l.isFree() })
		}
	}
	l.stop = make(chan struct{})
	go l.keep()
	if _, err := l.replica.at(afterTake); err != nil {
		l.release()
		return err
	}
	return nil
}

func (l *lease) isFree() bool { return l.row.shared || !time.Now().Before(l.row.until) }

// keep renews the lease, and calls lost when another one may have taken the row.
func (l *lease) keep() {
	began := time.Now()
	end := time.AfterFunc(leaseTime, l.lost)
	defer end.Stop()
	for {
		select {
		case <-time.After(renewPeriod):
		case <-l.stop:
			return
		}
		if l.replica.wakes() != nil {
			return
		}
		if k := l.replica.faults.strike(duringRenewal); k == fails {
			continue
		}
		l.row.mu.Lock()
		l.row.statements++
		held := l.row.holder == l
		if held {
			began = time.Now()
			l.row.until = began.Add(leaseTime)
		}
		l.row.mu.Unlock()
		if !held {
			l.lost()
			return
		}
		end.Reset(time.Until(began.Add(leaseTime)))
	}
}

func (l *lease) release() {
	close(l.stop)
	_ = l.do(beforeRelease, afterRelease, func() error {
		if l.row.holder == l {
			l.row.holder, l.row.until = nil, time.Now()
		}
		return nil
	})
}
