package coviu

import "testing"

// The next page must overlap the sessions already read, and have room for as many new
// sessions as the page size, up to 99.
func TestCursor_EveryPageOverlaps(t *testing.T) {
	t.Parallel()
	for pageSize := 1; pageSize <= maxPageSize; pageSize++ {
		c := newCursor(SessionListOptions{PageSize: pageSize})
		for read := range 5_000 {
			at := c.overlappingPage(read)
			if at.size > maxPageSize || at.begin() >= max(1, read) || at.end()-read < min(pageSize, 99) {
				t.Fatalf("page size %d, %d read: page %d of size %d", pageSize, read, at.number, at.size)
			}
		}
	}
}
