package cli

import (
	"testing"
	"time"
)

func TestPaceTellsRateAndWhatIsLeft(t *testing.T) {
	now := time.Unix(1000, 0)
	p := newPace(1000 << 20)
	p.at("a", 400<<20) // lay there
	p.at("b", 0)
	if got, want := p.text(now), "400.0 MiB / 1000.0 MiB  40%"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for s := range 5 {
		now = now.Add(time.Second)
		p.at("b", int64(s+1)*20<<20)
		p.text(now)
	}
	if got, want := p.text(now), "500.0 MiB / 1000.0 MiB  50%  20.0 MiB/s  25s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.at("b", 0) // it was damaged, and comes again
	if got, want := p.text(now), "400.0 MiB / 1000.0 MiB  40%  20.0 MiB/s  30s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for range 30 { // nothing comes any more
		now = now.Add(time.Second)
		p.text(now)
	}
	if got, want := p.text(now), "400.0 MiB / 1000.0 MiB  40%"; got != want {
		t.Errorf("stalled: %q, want %q", got, want)
	}
}

func TestPaceFitsItsRow(t *testing.T) {
	now := time.Unix(1000, 0)
	p := newPace(1023<<30 + 1000<<20)
	p.at("a", 1000<<30)
	p.text(now)
	p.at("a", 1000<<30+50<<20)
	if got := p.text(now.Add(10 * time.Second)); len(got) > 54 {
		t.Errorf("%d columns: %s", len(got), got)
	}
}
