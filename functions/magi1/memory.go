package magi1

import (
	"strings"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// checkMemory refuses a clip whose chunks would not fit the instance on the CPU, and says which size would. Its length does not matter.
func (p *Pipeline) checkMemory(r handler.Request) error { return p.room(r).Check(size(r)) }

// fits says whether checkMemory refuses nothing.
func (p *Pipeline) fits(r handler.Request) bool { return p.room(r).Fits(size(r)) }

func size(r handler.Request) bundle.ClipSize {
	return bundle.ClipSize{Width: r.Width, Height: r.Height, Frames: r.NumFrames}
}

// room is the instance's memory as a request meets it.
func (p *Pipeline) room(r handler.Request) bundle.Room {
	side := p.c.side()
	left, held := p.stages.Leaves(p.memory, r.Held)
	return bundle.Room{
		Memory: left, Held: held, Stages: p.staged(r.Image != nil || r.Video != nil),
		Step: bundle.ClipSize{Width: side, Height: side, Frames: p.c.chunkFrames()}, Least: bundle.ClipSize{Width: 2 * side, Height: 2 * side},
	}
}

// clips is how often a chunk's frames are in memory while its tiles are put together and handed on, and until what they lay in is
// collected.
const clips = 6

// staged counts the stages of a chunk, and with each what finished chunks have left.
func (p *Pipeline) staged(encodes bool) func(c bundle.ClipSize) ([]bundle.Stage, error) {
	return func(c bundle.ClipSize) ([]bundle.Stage, error) {
		all, err := p.stages.Of(c, func(graph string) bool { return encodes || !strings.HasPrefix(graph, graphEncode) })
		chunk := 4 * 3 * int64(p.c.chunkFrames()) * int64(c.Width) * int64(c.Height)
		for i := range all {
			if all[i].Graph == graphDecode || all[i].Graph == graphEncode {
				all[i].Activations += clips * chunk
			}
			for _, h := range p.c.held(c) {
				all[i].Activations += h.Bytes
			}
		}
		return all, err
	}
}
