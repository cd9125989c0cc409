package onnx

import (
	"cmp"
	"fmt"
	"slices"
)

// CheckPlaces refuses a graph whose weights cannot lie where it says that they do: DataFile begins each at a page, and no two
// share a byte, but for one weight under two names. Files are not looked at.
func (m *Model) CheckPlaces() error {
	placed := []*Tensor{}
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		if t.External == nil {
			continue
		}
		if t.External.Offset%PageSize != 0 {
			return fmt.Errorf("weight %s begins at byte %d of %s, which is no multiple of %d", t.Name, t.External.Offset, t.External.Location, PageSize)
		}
		if t.External.Length > 0 {
			placed = append(placed, t)
		}
	}
	slices.SortFunc(placed, func(a, b *Tensor) int {
		x, y := a.External, b.External
		return cmp.Or(cmp.Compare(x.Location, y.Location), cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.Length, y.Length))
	})
	for i := 1; i < len(placed); i++ {
		a, b := placed[i-1], placed[i]
		x, y := a.External, b.External
		if x.Location == y.Location && y.Offset < x.Offset+x.Length && !sameWeight(a, b) {
			return fmt.Errorf("weights %s and %s overlap in %s, at byte %d", a.Name, b.Name, x.Location, y.Offset)
		}
	}
	return nil
}

func sameWeight(a, b *Tensor) bool {
	return *a.External == *b.External && a.Type == b.Type && slices.Equal(a.Dims, b.Dims)
}
