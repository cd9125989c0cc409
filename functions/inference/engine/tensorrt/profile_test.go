package tensorrt_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/faketrt"
)

// upTo is a profile of x with up to n elements.
func upTo(n int64) tensorrt.Profile {
	return tensorrt.Profile{"x": {Least: []int64{1}, Usual: []int64{n}, Most: []int64{n}}}
}

// A run takes the profile of the smallest class that its shapes fit; the double adds 100 times the profile's number.
func TestARunTakesTheProfileOfItsClass(t *testing.T) {
	e := tensorrt.New(faketrt.Load(t), nil)
	t.Cleanup(e.Close)
	path := filepath.Join(t.TempDir(), "x.plan")
	faketrt.Plan(t, path, "fake 121", "light", "in x 0 -1", "out y 0 -1")
	path = known(t, path, tensorrt.Recipe{Profiles: tensorrt.Sorted([]tensorrt.Profile{upTo(16), upTo(4), upTo(8)})})
	s, err := e.Open(context.Background(), path, gpu)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, c := range []struct {
		n    int
		want float32
	}{{2, 0}, {9, 200}, {16, 200}, {5, 100}, {4, 0}, {0, 0}, {12, 200}} {
		if c.n == 0 {
			e.Rest() // whose context is another afterwards
			continue
		}
		out, err := s.Run(context.Background(), engine.Values{"x": engine.Zeros(int64(c.n))})
		if err != nil || out.Float32("y")[0] != c.want {
			t.Errorf("%d: %d elements: %v, %v", i, c.n, out, err)
		}
	}
	_, err = s.Run(context.Background(), engine.Values{"x": engine.Zeros(17)})
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "takes shapes up to x from [1] to [16], not map[x:[17]]: `videosdgx models plan --size` builds for others") {
		t.Error(err)
	}
}

func TestProfilesAreInTheOrderOfTheirSizes(t *testing.T) {
	given := []tensorrt.Profile{upTo(9), upTo(3), upTo(5)}
	got := tensorrt.Sorted(given)
	if order := []string{got[0].String(), got[1].String(), got[2].String()}; !slices.Equal(order, []string{"x from [1] to [3]", "x from [1] to [5]", "x from [1] to [9]"}) {
		t.Error(order)
	}
	if given[0].String() != "x from [1] to [9]" {
		t.Error("what was given has changed")
	}
}
