package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSpreadOf(t *testing.T) {
	tests := []struct {
		name   string
		sample []float64
		want   spread
	}{
		{"one value", []float64{7}, spread{7, 7, 7}},
		{"two values meet in the middle", []float64{4, 2}, spread{3, 2.5, 3.5}},
		{"five values fall on themselves", []float64{5, 1, 4, 2, 3}, spread{3, 2, 4}},
		{"an outlier moves no quartile", []float64{1, 2, 3, 4, 1000}, spread{3, 2, 4}},
		{"eight values are interpolated", []float64{8, 7, 6, 5, 4, 3, 2, 1}, spread{4.5, 2.75, 6.25}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, spreadOf(tt.sample))
		})
	}
}

func TestSpreadOfNothingIsNoNumber(t *testing.T) {
	assert.True(t, math.IsNaN(spreadOf(nil).median))
}

func TestSpreadOfLeavesItsSampleInOrder(t *testing.T) {
	sample := []float64{3, 1, 2}
	spreadOf(sample)
	assert.Equal(t, []float64{3, 1, 2}, sample)
}

func TestRatiosAreTakenInsideEachRound(t *testing.T) {
	floor := []float64{10, 100, 20}
	client := []float64{5, 50, 10}
	assert.Equal(t, []float64{0.5, 0.5, 0.5}, ratios(client, floor))
}
