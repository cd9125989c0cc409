package cli

import (
	"fmt"
	"sync"
	"time"
)

// pace is how far a download of several files is in all, and how fast it goes. Safe for concurrent use.
type pace struct {
	mu      sync.Mutex
	total   int64            // bytes
	have    map[string]int64 // bytes that are there, by file
	done    int64            // the sum of have
	brought int64            // bytes of this run: what lay there before is no measure of the line
	samples []sample         // of the last moments, oldest first
}

type sample struct {
	at      time.Time
	brought int64
}

// paceOver is how far back the rate looks.
const paceOver = 10 * time.Second

func newPace(total int64) *pace { return &pace{total: total, have: map[string]int64{}} }

// at hears that a file has so many bytes now. The first time they may have lain there.
func (p *pace) at(file string, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.have[file]
	if p.have[file] = bytes; known {
		p.brought += max(bytes-before, 0)
	}
	p.done += bytes - before
}

// rate is in bytes per second, over the last moments; 0 before it is known.
func (p *pace) rate(now time.Time) float64 {
	for len(p.samples) > 1 && now.Sub(p.samples[0].at) > paceOver {
		p.samples = p.samples[1:]
	}
	if n := len(p.samples); n == 0 || now.Sub(p.samples[n-1].at) >= time.Second/4 {
		p.samples = append(p.samples, sample{now, p.brought})
	}
	first := p.samples[0]
	if past := now.Sub(first.at); past >= time.Second {
		return float64(p.brought-first.brought) / past.Seconds()
	}
	return 0
}

// text is at most 54 columns wide: how much is there of how much, the rate, and how long the rest takes at that rate.
func (p *pace) text(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	percent := 100.0
	if p.total > 0 {
		percent = 100 * float64(p.done) / float64(p.total)
	}
	out := fmt.Sprintf("%s / %s %3.0f%%", bytesText(p.done), bytesText(p.total), percent)
	rate := p.rate(now)
	if rate < 1 {
		return out
	}
	out += "  " + bytesText(int64(rate)) + "/s"
	if left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second)); left > 0 && left < 100*time.Hour {
		out += "  " + span(max(left, time.Second).Round(time.Second)) + " left"
	}
	return out
}
