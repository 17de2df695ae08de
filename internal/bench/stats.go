package main

import (
	"math"
	"slices"
)

// spread is the median of a sample and its quartiles.
type spread struct {
	median, lower, upper float64
}

func spreadOf(sample []float64) spread {
	sorted := slices.Sorted(slices.Values(sample))
	return spread{
		median: quantile(sorted, 0.5),
		lower:  quantile(sorted, 0.25),
		upper:  quantile(sorted, 0.75),
	}
}

// quantile interpolates between the two nearest values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	place := q * float64(len(sorted)-1)
	below := int(place)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
}

// ratios divides round by round, so that load on the machine, which slows a
// whole round down, does not change the result.
func ratios(values, floor []float64) []float64 {
	quotients := make([]float64, len(values))
	for round := range values {
		quotients[round] = values[round] / floor[round]
	}
	return quotients
}
