package magi1

// scales are the weights of the chunks before and of the text at a time.
func (c RuntimeConfig) scales(t float32) (prev, text float32) {
	at := 0
	for i, bound := range c.CFGTimes {
		if bound-1e-7 < t {
			at = i
		}
	}
	return c.PrevScales[at], c.TextScales[at]
}

// guide puts three predictions for a chunk together, into alone.
func (c RuntimeConfig) guide(text, prev, alone []float32, t float32) {
	p, s := c.scales(t)
	for i := range alone {
		alone[i] = float32((1-p)*alone[i]) + float32((p-s)*prev[i]) + float32(s*text[i])
	}
}

// nearlyCleanShare is how much of a nearly clean chunk's velocity is that which it has with the chunks before.
const nearlyCleanShare = 0.7

// temper mixes the velocity of a nearly clean chunk with that of the chunk alone, into v.
func temper(v, alone []float32, share float64) {
	with, without := float32(share), float32(1-share)
	for i := range v {
		v[i] = float32(v[i]*with) + float32(alone[i]*without)
	}
}

// pace is what the length of a step is to a distilled model of so many steps.
func pace(steps int, interval float64) float32 {
	if steps == 12 {
		return float32(4 / interval * 2)
	}
	return float32(steps) / 4 * 2
}
