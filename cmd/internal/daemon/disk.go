package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/videosdgx/videosdgx/runtime/diskuse"
	"github.com/videosdgx/videosdgx/runtime/loras"
	"github.com/videosdgx/videosdgx/runtime/snapshots"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// hoard is a cache on a disk: what it has can be made again.
type hoard interface {
	// shed removes what has not been used for longest, and says what and how many bytes; 0: there is nothing to remove.
	shed() (what string, freed int64, err error)
}

// crowdedPart and crowdedFree say how full a disk is when caches make room, before anything is refused: 95 %, and less than this many bytes free,
// since a twentieth of a large disk is a lot.
const (
	crowdedPart = 20
	crowdedFree = 10 << 30
)

// crowded says whether a disk of size bytes has too little free.
func crowded(free, size uint64) bool { return free < size/crowdedPart && free < crowdedFree }

// watchDisk looks at the disks once in a while, and holds logs to what they may use. Below 95 % of a disk it does nothing else; from
// there on the caches on that disk go, those that nobody has used for longest first, and the logs of what has ended; with less than diskReserve free no job is taken or started, and those that run go on.
func (p *plane) watchDisk(ctx context.Context) error {
	ctx, p.stopDisk = context.WithCancel(context.WithoutCancel(ctx))
	shed := func(dir string, h hoard) { makeRoom(func() (bool, error) { return isCrowded(dir) }, []hoard{h}, p.log) }
	done := make(chan struct{})
	p.diskDone = done
	go func() {
		defer close(done)
		tick := time.NewTicker(30 * time.Second)
		defer tick.Stop()
		for {
			if p.merger != nil {
				shed(p.cfg.Models, merged{p.merger})
			}
			if p.snapshots != nil {
				shed(p.cfg.Data, shelf{p.snapshots})
			}
			p.keepLogs()
			shed(p.cfg.Data, oldLogs{p.dispatch.ShedLog})
			p.pruneImages(ctx)
			p.sayStorage()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return nil
}

func (p *plane) unwatchDisk(context.Context) error {
	p.stopDisk()
	<-p.diskDone
	return nil
}

func isCrowded(dir string) (bool, error) {
	free, size, err := diskuse.Disk(dir)
	return err == nil && crowded(uint64(free), uint64(size)), err
}

// makeRoom has the hoards shed, one after the other, for as long as it is tight.
func makeRoom(tight func() (bool, error), hoards []hoard, log *slog.Logger) {
	for _, h := range hoards {
		for {
			yes, err := tight()
			if err != nil {
				log.Error("how full the disks are cannot be told", "error", err)
			}
			if !yes {
				return
			}
			what, freed, err := h.shed()
			if err != nil {
				log.Error("a cache could not make room on a disk that is 95 % full", "error", err)
			}
			if err != nil || freed == 0 {
				break
			}
			log.Warn("a disk is 95 % full: a cache made room", "removed", what, "bytes", freed)
		}
	}
}

// inUse is for how long after its last use what a cache has is not taken away to make room on a disk.
const inUse = 10 * time.Minute

// merged are the models that LoRAs have been merged into, which are merged again when somebody asks for them.
type merged struct{ *loras.Merger }

func (m merged) shed() (what string, freed int64, err error) { return m.Shed(inUse) }

// shelf are the snapshots, without which instances start plainly.
type shelf struct{ *snapshots.Service }

func (s shelf) shed() (what string, freed int64, err error) {
	ctx := context.Background()
	if n, bytes, err := s.Collect(ctx); n > 0 || err != nil {
		return "snapshots that can serve no more", max(1, bytes), err
	}
	all, err := s.List(ctx)
	if err != nil || len(all) == 0 {
		return "", 0, err
	}
	oldest := all[0]
	for _, r := range all {
		if catalog.LastUse(r).Before(catalog.LastUse(oldest)) {
			oldest = r
		}
	}
	if time.Since(catalog.LastUse(oldest)) < inUse {
		return "", 0, nil
	}
	return "snapshot of " + oldest.Function + " " + oldest.ID, max(1, oldest.Bytes), s.Remove(ctx, oldest.ID)
}
