// Package matching assigns things to places, each to a place of its own: it solves
// bipartite matching.
package matching

// Complete reports whether each of n things can have one of the places to itself.
// fits says which thing fits which place.
func Complete(n, places int, fits func(thing, place int) bool) bool {
	takenBy := make([]int, places)
	for place := range takenBy {
		takenBy[place] = -1
	}
	var assign func(thing int, tried []bool) bool
	assign = func(thing int, tried []bool) bool {
		for place := range takenBy {
			if tried[place] || !fits(thing, place) {
				continue
			}
			tried[place] = true
			// Whoever has the place may fit another one.
			if takenBy[place] < 0 || assign(takenBy[place], tried) {
				takenBy[place] = thing
				return true
			}
		}
		return false
	}
	for thing := range n {
		if !assign(thing, make([]bool, places)) {
			return false
		}
	}
	return true
}
