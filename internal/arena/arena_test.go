package arena

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStringsStayWhatTheyWereWhateverIsAddedLater(t *testing.T) {
	var a Arena
	a.Expect(16)
	var got, want []string
	for i := range 1000 {
		if i%10 == 0 {
			a.Next()
		}
		text := []byte(strings.Repeat(string(rune('a'+i%26)), i%40))
		want = append(want, string(text))
		got = append(got, a.Add(text))
		clear(text)
	}
	require.Equal(t, want, got)
}

func TestItemsOfOneSizeCostOneAllocationEach(t *testing.T) {
	var a Arena
	text := []byte("0123456789")
	item := func() {
		a.Next()
		for range 50 {
			a.Add(text)
		}
	}
	for range 3 {
		item()
	}
	require.Equal(t, 1, int(testing.AllocsPerRun(100, item)))
}

func TestAnEmptyStringCostsNothing(t *testing.T) {
	var a Arena
	require.Zero(t, testing.AllocsPerRun(100, func() { a.Add(nil) }))
}

func TestAGiantItemMakesNoGiantsOfItsFollowers(t *testing.T) {
	var a Arena
	a.Expect(512)
	a.Add(make([]byte, 1<<20))
	a.Next()
	a.Add([]byte("small"))
	require.Less(t, a.chunk.Cap(), 2048)
	for range 60 {
		a.Next()
		a.Add([]byte("small"))
	}
	require.Less(t, a.chunk.Cap(), 64)
}
