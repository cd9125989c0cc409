package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// disk takes a frozen process to disk with CRIU and back, and thaws it. Where CRIU cannot, the figure NAME_criu is 0 and
// the calls that failed are printed; that is a finding and no error of the bench.
func (b *bench) disk(ctx context.Context, v *victim, name string, bytes float64) error {
	if _, err := cuda.Freeze(ctx, b.driver, []int{v.pid}); err != nil {
		return err
	}
	images := filepath.Join(v.dir, "images")
	if err := os.Mkdir(images, 0o700); err != nil {
		return err
	}
	b.report.Figure(name+"_criu", 0)
	dump, err := b.runCRIU(ctx, images, "dump", "--tree", strconv.Itoa(v.pid))
	if err != nil {
		fmt.Printf("%v: criu dump does not work here: %v\n", v, err)
		_, err := cuda.Thaw(ctx, b.driver, []int{v.pid})
		return errors.Join(err, v.verify(ctx))
	}
	<-v.gone
	size := used(images)
	restore, err := b.runCRIU(ctx, images, "restore", "--restore-detached")
	if err != nil {
		fmt.Printf("%v: criu restore does not work here: %v\n", v, err)
		return nil
	}
	thawed, err := cuda.Thaw(ctx, b.driver, []int{v.pid})
	if err != nil {
		fmt.Printf("%v: after criu restore: %v\n", v, err)
		return nil
	}
	if err := v.verify(ctx); err != nil {
		return fmt.Errorf("after criu restore: %w", err)
	}
	b.report.Figure(name+"_criu", 1)
	b.report.Figure(name+"_criu_image_mib", size/(1<<20))
	b.report.Figure(name+"_criu_dump_ms", ms(dump))
	b.report.Figure(name+"_criu_dump_gb_per_s", size/1e6/ms(dump))
	b.report.Figure(name+"_criu_restore_ms", ms(restore))
	b.report.Figure(name+"_criu_restore_gb_per_s", size/1e6/ms(restore))
	b.report.Figure(name+"_criu_device_restore_ms", ms(thawed.Restore))
	b.report.Figure(name+"_from_disk_gb_per_s", bytes/1e6/ms(restore+thawed.Restore+thawed.Unlock))
	return nil
}

// runCRIU runs criu once; the error holds the log's errors.
func (b *bench) runCRIU(ctx context.Context, images, action string, args ...string) (time.Duration, error) {
	log := action + ".log"
	args = append([]string{action, "--images-dir", images, "--log-file", log, "-v1"}, args...)
	start := time.Now()
	out, err := exec.CommandContext(ctx, b.criu, args...).CombinedOutput()
	took := time.Since(start)
	if err != nil {
		said, _ := os.ReadFile(filepath.Join(images, log))
		err = fmt.Errorf("%w\n%s%s", err, out, last(string(said), 12))
	}
	return took, err
}

func last(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// used is the room that a folder's files take, bytes.
func used(dir string) (sum float64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if i, err := e.Info(); err == nil && !e.IsDir() {
			sum += float64(i.Size())
		}
		return nil
	})
	return sum
}
