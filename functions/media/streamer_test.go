package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"
)

// samples are what a file's tracks hold: the content of its mdat boxes.
func samples(t *testing.T, file []byte) (all []byte) {
	t.Helper()
	found, err := boxes(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range found {
		if b.name == "mdat" {
			all = append(all, b.body()...)
		}
	}
	return all
}

// A chunk is there as soon as it ends, whether a second is over or Cut says so; all together are the clip, at even distances, and
// the file at the end has the same samples.
func TestChunksLeaveWhenTheyEnd(t *testing.T) {
	dir := t.TempDir()
	var pieces [][]byte
	var counts []int
	e, err := NewStreamer(context.Background(), Spec{Width: 64, Height: 48, FPS: 8, Dir: dir, Whole: true, Piece: func(b []byte, n int) error {
		counts = append(counts, n)
		pieces = append(pieces, bytes.Clone(b))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Abort()
	count := 0
	add := func(n int) {
		for range n {
			if err := e.Frame(picture(64, 48, count)); err != nil {
				t.Fatal(err)
			}
			count++
		}
	}
	expect := func(n int) {
		t.Helper()
		if len(pieces) != n {
			t.Fatalf("%d pieces after %d frames, want %d", len(pieces), count, n)
		}
	}
	add(3)
	expect(0)
	if err := e.Cut(); err != nil { // the model's chunk ends
		t.Fatal(err)
	}
	expect(2) // the head and three frames
	add(8)    // a second is over
	expect(3)
	if err := e.Cut(); err != nil { // nothing is left to send
		t.Fatal(err)
	}
	expect(3)
	add(1)
	f, err := e.Close()
	if err != nil || f.Frames != 12 {
		t.Fatalf("%+v, %v", f, err)
	}
	expect(4)
	for i, begin := range []uint64{0, 3, 11} {
		if got := beginOf(t, pieces[i+1]); got != begin*2048 { // a frame at 8 a second lasts 2048 of ffmpeg's 16384 units
			t.Errorf("chunk %d begins at %d", i, got)
		}
	}
	if fmt.Sprint(counts) != "[0 3 8 1]" {
		t.Errorf("frames %v", counts)
	}
	stream := bytes.Join(pieces, nil)
	path := filepath.Join(dir, "all.mp4")
	if err := os.WriteFile(path, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	frames, err := Decode(context.Background(), path)
	if err != nil || len(frames) != 12 {
		t.Errorf("the chunks are %d frames, %v", len(frames), err)
	}
	whole, err := os.ReadFile(f.Path)
	if err != nil || !bytes.Equal(samples(t, whole), samples(t, stream)) {
		t.Errorf("the file has other samples, %v", err)
	}
	if again, err := Decode(context.Background(), f.Path); err != nil || len(again) != 12 {
		t.Errorf("the file is %d frames, %v", len(again), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
	if err := e.Sound(Sound{Rate: 8000, Channels: 1}); !errdefs.IsNotImplemented(err) {
		t.Errorf("sound: %v", err)
	}
}

// Sound is in the file at the end, in step; the pieces are pictures alone.
func TestAStreamedClipsFileHasSound(t *testing.T) {
	dir := t.TempDir()
	var stream bytes.Buffer
	e, err := NewStreamer(context.Background(), Spec{Width: 64, Height: 48, FPS: 25, Dir: dir, Whole: true, Piece: func(mp4 []byte, _ int) error { stream.Write(mp4); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float32, 48000*80/25)
	for i := 48000 * 53 / 25; i < len(samples); i++ {
		samples[i] = float32(0.5 * math.Sin(float64(i)/8))
	}
	if err := e.Sound(Sound{Rate: 48000, Channels: 1, Samples: samples}); err != nil {
		t.Fatal(err)
	}
	for range 80 {
		if err := e.Frame(make([]byte, 64*48*3)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := e.Close()
	if err != nil || f.Seconds != 3.2 {
		t.Fatalf("%+v, %v", f, err)
	}
	if off := onset(heard(t, f.Path)) - 53.0/25; math.Abs(off) > 1.0/25 {
		t.Errorf("the beep is %.1f ms off", 1000*off)
	}
	if bytes.Contains(stream.Bytes(), []byte("mp4a")) {
		t.Error("the pieces have sound")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func beginOf(t *testing.T, fragment []byte) uint64 {
	t.Helper()
	tfdt, err := within(fragment, "moof", "traf", "tfdt")
	if err != nil {
		t.Fatal(err)
	}
	return binary.BigEndian.Uint64(tfdt[4:])
}

func TestWhoTakesNoMorePiecesEndsTheClip(t *testing.T) {
	gone, dir := errors.New("the reader has left"), t.TempDir()
	e, err := NewStreamer(context.Background(), Spec{Width: 64, Height: 48, FPS: 2, Dir: dir, Whole: true, Piece: func([]byte, int) error { return gone }})
	if err != nil {
		t.Fatal(err)
	}
	given := 0
	for given < 100 && e.Frame(picture(64, 48, given)) == nil {
		given++
	}
	if given != 1 || !e.Broken() {
		t.Errorf("%d frames were taken", given)
	}
	if _, err := e.Close(); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedBoxesAreErrors(t *testing.T) {
	for _, raw := range []string{"short", "\x00\x00\x00\x04moof", "\x00\x00\x01\x00moof", "\x00\x00\x00\x08free"} {
		if _, _, err := split([]byte(raw)); err == nil {
			t.Errorf("%q was taken apart", raw)
		}
	}
}

func TestFillersEndAPortion(t *testing.T) {
	for _, sent := range []int{0, 1, 1000, playerBlock - 8, playerBlock - 7, playerBlock - 1, playerBlock, 3*playerBlock + 5} {
		fill := Filler(sent)
		all, err := boxes(fill)
		if (sent+len(fill))%playerBlock != 0 || err != nil || len(all) > 1 || len(all) == 1 && all[0].name != "free" {
			t.Errorf("after %d bytes %d are filled, %v", sent, len(fill), err)
		}
	}
}
