package ltx2

import (
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// checkMemory refuses a clip that would not fit the instance, and says which one would.
func (p *Pipeline) checkMemory(o order) error {
	staged := p.stagedFor(o)
	side := int(p.c.VAE.SpatialScale())
	if o.twoStage {
		side *= 2
	}
	least, _ := p.framesOf(o)
	left, held := p.stages.Leaves(p.memory, o.r.Held)
	room := bundle.Room{
		Memory: left, Held: held, Stages: staged, Fewer: []bundle.Fewer{{Field: "num_frames", Stages: staged, Least: least}},
		Step: bundle.ClipSize{Width: side, Height: side, Frames: int(p.c.VAE.TemporalScale())},
	}
	return room.Check(bundle.ClipSize{Width: o.r.Width, Height: o.r.Height, Frames: o.r.NumFrames})
}

// stagedFor counts the stages of clips of a request's kind.
func (p *Pipeline) stagedFor(o order) func(c bundle.ClipSize) ([]bundle.Stage, error) {
	d := p.defaults
	d.FPS = o.r.FPS // the fewer frames a second, the longer the sound
	left, _ := p.stages.Leaves(p.memory, o.r.Held)
	return p.staged(left, p.stages.At(p.c.holding(p.c.sizes(d), o)), p.wanted(o))
}

// holding are the sizes for a clip that keeps pictures, whose tokens have a time each; the last picture stands beside the clip.
func (c configs) holding(sizes func(c bundle.ClipSize) map[string]map[string]int64, o order) func(c bundle.ClipSize) map[string]map[string]int64 {
	if o.r.Image == nil && o.r.LastImage == nil {
		return sizes
	}
	return func(clip bundle.ClipSize) map[string]map[string]int64 {
		all := sizes(clip)
		t, frame := all[graphTransformer], all[graphDecode]
		if o.r.LastImage != nil {
			t["video"] += frame["height"] * frame["width"]
		}
		t["video_times"] = t["video"]
		if !o.guidance.cross {
			t["video_cross_times"] = t["video"]
		}
		return all
	}
}

// wanted says which graphs a clip runs.
func (p *Pipeline) wanted(o order) func(graph string) bool {
	var not []string
	if o.r.Image == nil && o.r.LastImage == nil {
		not = append(not, graphEncode)
	}
	if !o.twoStage {
		not = append(not, graphUpsampler)
	}
	if !o.sound {
		not = append(not, graphAudioDecoder, graphVocoder)
	}
	if o.soundAlone {
		not = append(not, graphDecode)
	}
	return func(graph string) bool { return !slices.Contains(not, graph) }
}

// staged counts the stages of clips that run the wanted graphs in so much memory, decoding in chunks and tiles where it is done so.
func (p *Pipeline) staged(memory int64, stages *bundle.Stages, wanted func(graph string) bool) func(c bundle.ClipSize) ([]bundle.Stage, error) {
	return func(c bundle.ClipSize) ([]bundle.Stage, error) {
		all, err := stages.Of(c, wanted)
		if err != nil || memory <= 0 || !wanted(graphDecode) {
			return all, err
		}
		t, err := p.tiling(memory, c)
		if err != nil || t.frames == 0 {
			return all, err
		}
		at := c
		at.Frames = min(c.Frames, int(t.frames)+1)
		if t.picture != nil {
			at.Width, at.Height = min(c.Width, int(t.picture.Width)), min(c.Height, int(t.picture.Height))
		}
		together := bundle.ClipSize{Width: c.Width, Height: c.Height, Frames: at.Frames} // what leaves is not held
		return all, stages.Tiled(all, together, at, graphDecode)
	}
}

// tiling is how a clip is decoded in what the decoder's weights leave of so much memory.
func (p *Pipeline) tiling(memory int64, c bundle.ClipSize) (tiling, error) {
	if memory <= 0 {
		return tiling{}, nil
	}
	left, err := p.stages.Left(memory, graphDecode, c, 4*3*int64(c.Frames)*int64(c.Height)*int64(c.Width))
	if err != nil {
		return tiling{}, err
	}
	return p.c.VAE.fit(int64(c.Frames), int64(c.Height), int64(c.Width), left)
}
