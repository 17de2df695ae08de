package coviusql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	firstRetry   = 5 * time.Millisecond
	longestRetry = 200 * time.Millisecond
)

// queryRow runs a statement that returns one row at most. It reports whether
// there was one, and when it began the attempt that succeeded. Each statement is a
// transaction of its own, and the connection is free when queryRow returns.
func (s *Store) queryRow(ctx context.Context, statement string, args []any, into ...any) (found bool, began time.Time, err error) {
	err = retry(ctx, func() error {
		found, began = false, time.Now()
		rows, err := s.db.QueryContext(ctx, s.rewrite.Replace(statement), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		// SQLite commits when the last row has been read.
		for rows.Next() {
			found = true
			if err := rows.Scan(into...); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return found, began, err
}

// exec runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (changed int64, err error) {
	err = retry(ctx, func() error {
		result, err := s.db.ExecContext(ctx, s.rewrite.Replace(statement), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

// retry repeats what failed for a temporary reason, as long as ctx lasts. The
// statement may have been carried out: all statements here may be repeated.
func retry(ctx context.Context, run func() error) error {
	for pause := firstRetry; ; pause = min(2*pause, longestRetry) {
		err := run()
		if err == nil {
			return nil
		}
		if !isTemporary(err) || wait(ctx, pause) != nil {
			// Some drivers have an error of their own for a statement whose context
			// ended.
			return &databaseError{errors.Join(err, ctx.Err())}
		}
	}
}

type stateError interface {
	error
	SQLState() string
}

// isTemporary recognizes a locked SQLite database, by its text, since each driver has
// an error type of its own. From PostgreSQL it recognizes serialization failures,
// deadlocks, and connections that the server closed (class 57P).
func isTemporary(err error) bool {
	if e, ok := errors.AsType[stateError](err); ok {
		state := e.SQLState()
		return state == "40001" || state == "40P01" || strings.HasPrefix(state, "57P")
	}
	return strings.Contains(err.Error(), "is locked") || strings.Contains(err.Error(), "SQLITE_BUSY")
}

// wait pauses for a random time between half of d and d, so that processes don't
// stay in step. If ctx ends meanwhile, it returns ctx's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// databaseError hides the text of its cause, which may carry a value that was
// sent. errors.Is and errors.As still reach the cause.
type databaseError struct{ cause error }

func (e *databaseError) Error() string {
	if state, ok := errors.AsType[stateError](e.cause); ok {
		return "database error (SQLSTATE " + state.SQLState() + ")"
	}
	return "database error"
}

func (e *databaseError) Is(target error) bool       { return errors.Is(e.cause, target) }
func (e *databaseError) As(target any) bool         { return errors.As(e.cause, target) }
func (e *databaseError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// failed says what could not be done. It returns nil if err is nil.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("coviusql: %s: %w", what, err)
}
