package ltx2

import (
	"fmt"
	"math"
)

func (p *Pipeline) checkFrames(o order) error {
	if !(o.r.FPS > 0) {
		return invalid("fps is %g; it must be more than 0: %g would do", o.r.FPS, p.defaults.FPS)
	}
	time, n := int(p.c.VAE.TemporalScale()), o.r.NumFrames
	least, most := p.framesOf(o)
	switch low := max(0, (n-1)/time) * time; {
	case n > 0 && (n-1)%time == 0 && n <= maxFrames:
		return nil
	case n > most:
		return invalid("num_frames is %d; at most %d are possible at %g frames a second", n, most, o.r.FPS)
	case low+1 >= least && low+time+1 <= most:
		return invalid("num_frames is %d; this model makes a multiple of %d plus one: %d or %d would do", n, time, low+1, low+time+1)
	default:
		return invalid("num_frames is %d; this model makes a multiple of %d plus one: %d would do", n, time, min(max(low+1, least), most))
	}
}

// framesOf are how many a request may ask for at its rate, at least and at most.
func (p *Pipeline) framesOf(o order) (least, most int) {
	c, time := p.c.Transformer, int(p.c.VAE.TemporalScale())
	most = min((maxFrames-1)/time, int(min(c.longest()*o.r.FPS, maxFrames))/time)*time + 1
	least = 1
	if o.r.LastImage != nil {
		least += time
	}
	for o.sound && least < most && c.moments(least, o.r.FPS) < 1 {
		least += time
	}
	return least, most
}

// longest is how many seconds the model knows.
func (c TransformerConfig) longest() float64 { return float64(min(c.MaxPos, c.AudioMaxPos)) }

// checkLength refuses clips that are longer than the time that the model knows, or too short for a sound.
func (p *Pipeline) checkLength(o order) error {
	c, r := p.c.Transformer, o.r
	least, most := p.framesOf(o)
	if seconds := float64(r.NumFrames) / r.FPS; seconds > c.longest()+1/r.FPS {
		would := fmt.Sprintf("num_frames of at most %d", most)
		if rate := math.Ceil(float64(r.NumFrames-1) / c.longest()); rate <= maxFPS {
			would += fmt.Sprintf(", or fps of at least %g", rate)
		}
		return invalid("%s at %g a second last %.2f s, and this model knows %g s: %s would do", countOf(r.NumFrames), r.FPS, seconds, c.longest(), would)
	}
	if o.sound && c.moments(r.NumFrames, r.FPS) < 1 {
		fps := math.Floor(r.FPS)
		for fps > 1 && c.moments(r.NumFrames, fps) < 1 {
			fps--
		}
		return invalid("%s at %g a second: %.3f s are too short for a sound: num_frames of at least %d, fps of at most %g, or audio false would do", countOf(r.NumFrames), r.FPS, float64(r.NumFrames)/r.FPS, least, fps)
	}
	return nil
}
