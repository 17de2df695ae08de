//go:build exhaustive

package faulttest

import "testing"

func TestEveryReplyTakesAtMostFiveTimesTheDefaultLimit(t *testing.T) {
	for _, calls := range largeCalls {
		for _, r := range calls.replies {
			t.Run(calls.name+"/"+r.name, func(t *testing.T) { requireMemoryBounded(t, defaultLimit, r, calls.call) })
		}
	}
}
