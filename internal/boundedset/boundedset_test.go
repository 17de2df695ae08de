package boundedset_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/internal/boundedset"
)

func TestTheOldestItemIsForgotten(t *testing.T) {
	set := boundedset.New(3, strings.Clone)
	for _, s := range []string{"a", "b", "c"} {
		require.True(t, set.Add(s))
		require.False(t, set.Add(s))
	}
	require.True(t, set.Add("d"), "takes the place of a")
	require.False(t, set.Add("b"))
	require.False(t, set.Add("c"))
	require.True(t, set.Add("a"), "takes the place of b")
	require.True(t, set.Add("b"), "takes the place of c")
	require.False(t, set.Add("d"))
}

func TestASetOfOne(t *testing.T) {
	set := boundedset.New(1, strings.Clone)
	require.True(t, set.Add(""))
	require.False(t, set.Add(""))
	require.True(t, set.Add("a"))
	require.True(t, set.Add(""))
}

func TestASetBehavesLikeASlice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for limit := 1; limit <= 8; limit++ {
		set := boundedset.New(limit, strings.Clone)
		var model []string
		for range 2000 {
			s := strconv.Itoa(random.IntN(12))
			isNew := !slices.Contains(model, s)
			if isNew {
				model = append(model, s)
				model = model[max(0, len(model)-limit):]
			}
			require.Equal(t, !isNew, set.Has(s))
			require.Equal(t, isNew, set.Add(s))
		}
	}
}

func TestASetStoresClones(t *testing.T) {
	page := []byte(strings.Repeat("x", 1<<16))
	piece := unsafe.String(&page[0], 8)
	set := boundedset.New(2, strings.Clone)
	require.True(t, set.Add(piece))
	copy(page, "changed!")
	require.False(t, set.Add("xxxxxxxx"))
}

func BenchmarkAdd(b *testing.B) {
	set := boundedset.New(1024, strings.Clone)
	ids := make([]string, 4096)
	for i := range ids {
		ids[i] = "5f0f6c1e-0b1d-4e52-9c2a-" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		set.Add(ids[i%len(ids)])
	}
}
