package bundle

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// plain is a room of clips that take a byte for a pixel of each frame, and as much again as is given whatever their size.
func plain(memory, whatever int64) Room {
	stages := func(c ClipSize) ([]Stage, error) {
		return []Stage{{Graph: "small"}, {Graph: "decoder", Activations: whatever + int64(c.Width)*int64(c.Height)*int64(c.Frames)}}, nil
	}
	return Room{Memory: memory, Stages: stages, Step: ClipSize{Width: 16, Height: 16, Frames: 4}, Fewer: []Fewer{{Field: "num_frames", Stages: stages}}}
}

func TestARefusalSaysWhatFits(t *testing.T) {
	const mib = 1 << 20
	long := plain(64*mib, 0)
	long.Fewer[0].Least = 5
	held := plain(64*mib, 0)
	held.Held = 3*mib + 1
	words := plain(64*mib-300, 0)
	words.Held = 300
	sizes := plain(64*mib, 63*mib)
	sizes.Fewer = nil
	for name, c := range map[string]struct {
		room Room
		clip ClipSize
		says string
	}{
		"it fits":         {plain(64*mib, 0), ClipSize{1024, 1024, 61}, ""},
		"no limit":        {plain(0, 0), ClipSize{1 << 15, 1 << 15, 61}, ""},
		"fewer, smaller":  {plain(64*mib, 0), ClipSize{1024, 1024, 81}, "a clip of 1024 × 1024 with 81 frames at once takes 81 MiB of memory (decoder), this instance may take 64 MiB: num_frames 61, or 896 × 896 would fit"},
		"beside pictures": {held, ClipSize{1024, 1024, 81}, "(decoder), this instance may take 64 MiB beside the 4 MiB of the request itself: num_frames 61, or "},
		"beside words":    {words, ClipSize{1024, 1024, 81}, "(decoder), this instance may take 64 MiB: num_frames 61, or "},
		"one frame":       {plain(64*mib, 64*mib-1000), ClipSize{1024, 1024, 81}, ": 16 × 16 with 1 frame would fit"},
		"none":            {plain(64*mib, 80*mib), ClipSize{1024, 1024, 81}, "even a clip of 16 × 16 with 1 frame at once takes 81 MiB of memory (decoder), this instance may take 64 MiB: give it 81 MiB or more"},
		"none so long":    {func() Room { r := long; r.Memory = 500; return r }(), ClipSize{16, 32, 9}, "even a clip of 16 × 16 with 5 frames at once takes 1 MiB of memory (decoder), this instance may take 0 MiB: give it 1 MiB or more"},
		"gibibytes":       {plain(64*mib, 2<<30), ClipSize{1024, 1024, 81}, "takes 2.1 GiB of memory (decoder), this instance may take 64 MiB: give it 2.1 GiB or more"},
		"any length":      {sizes, ClipSize{4096, 4096, 480}, "a clip of 4096 × 4096 takes "},
	} {
		err := c.room.Check(c.clip)
		if c.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
