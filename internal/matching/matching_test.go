package matching_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/matching"
)

func TestWhoeverHasAPlaceMovesToAnother(t *testing.T) {
	fits := [][]bool{{true, true}, {true, false}}
	require.True(t, matching.Complete(2, 2, func(i, j int) bool { return fits[i][j] }))
	fits = [][]bool{{true, false}, {true, false}}
	require.False(t, matching.Complete(2, 2, func(i, j int) bool { return fits[i][j] }))
	require.True(t, matching.Complete(0, 0, nil))
	require.False(t, matching.Complete(1, 0, nil))
}

func TestTheAnswerIsThatOfTryingEverything(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n, places := random.IntN(5), random.IntN(6)
		fits := make([][]bool, n)
		for i := range fits {
			fits[i] = make([]bool, places)
			for j := range fits[i] {
				fits[i][j] = random.IntN(3) == 0
			}
		}
		require.Equal(t, tryAll(fits, 0, make([]bool, places)),
			matching.Complete(n, places, func(i, j int) bool { return fits[i][j] }), "%v", fits)
	}
}

func tryAll(fits [][]bool, i int, taken []bool) bool {
	if i == len(fits) {
		return true
	}
	for j, fit := range fits[i] {
		if fit && !taken[j] {
			taken[j] = true
			if tryAll(fits, i+1, taken) {
				return true
			}
			taken[j] = false
		}
	}
	return false
}
