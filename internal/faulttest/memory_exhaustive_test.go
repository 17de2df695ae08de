//go:build exhaustive

package faulttest

import "testing"

func TestEveryReplyTakesAtMostFiveTimesItsLimitOfMemory(t *testing.T) {
	for _, calls := range largeCalls {
		for _, r := range calls.replies {
			t.Run(calls.name+"/"+r.name, func(t *testing.T) {
				requireMemoryBounded(t, 2<<20, r, calls.call)
				requireMemoryBounded(t, defaultLimit, r, calls.call)
			})
		}
	}
}
