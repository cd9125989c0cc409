package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
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
}

// beep is silence with a tone from a moment on, in seconds.
func beep(rate, channels int, from, lasts float64) Sound {
	s := Sound{Rate: rate, Channels: channels, Samples: make([]float32, channels*int(lasts*float64(rate)))}
	for i := channels * int(from*float64(rate)); i < len(s.Samples); i++ {
		s.Samples[i] = float32(0.5 * math.Sin(float64(i/channels)*6000/float64(rate)))
	}
	return s
}

// streamOf is a clip of black frames in pieces, its head apart, and the file.
func streamOf(t *testing.T, fps float64, frames int, sound func(*Streamer) error) (head []byte, chunks [][]byte, file string) {
	t.Helper()
	e, err := NewStreamer(context.Background(), Spec{Width: 64, Height: 48, FPS: fps, Dir: t.TempDir(), Whole: true, Comment: "{}", Piece: func(mp4 []byte, n int) error {
		if n == 0 {
			head = bytes.Clone(mp4)
		} else {
			chunks = append(chunks, bytes.Clone(mp4))
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Abort()
	if err := sound(e); err != nil {
		t.Fatal(err)
	}
	for range frames {
		if err := e.Frame(make([]byte, 64*48*3)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := e.Close()
	if err != nil || f.Frames != frames {
		t.Fatalf("%+v, %v", f, err)
	}
	return head, chunks, f.Path
}

func write(t *testing.T, parts ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(path, bytes.Join(parts, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Sound that is there before the first chunk leaves with the chunks: in step, without a gap where they meet, and the file has the same
// samples of it.
func TestChunksHaveTheirSound(t *testing.T) {
	for _, c := range []struct {
		rate, channels int
		fps            float64
		frames         int
		lasts          float64 // seconds of sound
	}{{48000, 2, 25, 80, 3.2}, {16000, 1, 16, 33, 2.05}, {44100, 2, 24, 60, 9}, {24000, 2, 30000.0 / 1001, 91, 1.2}, {192000, 1, 10, 15, 2.5}} {
		t.Run(fmt.Sprintf("%d Hz at %.2f", c.rate, c.fps), func(t *testing.T) {
			clip := float64(c.frames) / c.fps
			from := min(c.lasts, clip) * 0.6
			head, chunks, file := streamOf(t, c.fps, c.frames, func(e *Streamer) error { return e.Sound(beep(c.rate, c.channels, from, c.lasts)) })
			stream := write(t, append([][]byte{head}, chunks...)...)
			for what, path := range map[string]string{"stream": stream, "file": file} {
				if off := onset(heard(t, path)) - from; math.Abs(off) > min(1/c.fps, 0.03) {
					t.Errorf("%s: the beep is %.1f ms off", what, 1000*off)
				}
			}
			a, b := heard(t, stream), heard(t, file)
			n := min(len(a), len(b))
			if n < int(0.98*min(c.lasts, clip)*48000) || len(a)-n > 48000/20 || len(b)-n > 48000/20 {
				t.Errorf("%d samples in the stream, %d in the file", len(a), len(b))
			}
			if a, b := coded(t, stream), coded(t, file); a != b {
				t.Errorf("the file has other samples: %s, %s", a, b)
			}
			for i, chunk := range chunks {
				if frames, err := Decode(context.Background(), write(t, head, chunk)); err != nil || len(frames) == 0 {
					t.Errorf("chunk %d by itself: %d frames, %v", i, len(frames), err)
				}
			}
		})
	}
}

// coded is the digest of each track's samples as they lie in the file.
func coded(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "streamhash", "-").Output()
	if err != nil || bytes.Count(out, []byte("SHA256=")) != 2 {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// A chunk brings what is heard while it is seen: before the next one is there a player has sound as far as pictures.
func TestAChunkBringsItsOwnSound(t *testing.T) {
	head, chunks, _ := streamOf(t, 25, 100, func(e *Streamer) error { return e.Sound(beep(48000, 2, 0, 4)) })
	for n := 1; n <= len(chunks); n++ {
		got := float64(len(heard(t, write(t, append([][]byte{head}, chunks[:n]...)...)))) / 48000
		if got < float64(n)-0.001 && n < len(chunks) || got > float64(n)+0.05 {
			t.Errorf("%d chunks have %.3f s of sound", n, got)
		}
	}
}

// Sound that comes after the first piece is in the file at the end, in step; the pieces are pictures alone.
func TestLateSoundIsInTheFile(t *testing.T) {
	dir := t.TempDir()
	var stream bytes.Buffer
	e, err := NewStreamer(context.Background(), Spec{Width: 64, Height: 48, FPS: 25, Dir: dir, Whole: true, Piece: func(mp4 []byte, _ int) error { stream.Write(mp4); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	for range 80 {
		if err := e.Frame(make([]byte, 64*48*3)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Sound(beep(48000, 1, 53.0/25, 3.2)); err != nil {
		t.Fatal(err)
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

// Sound that would have to be in pieces that have left is refused.
func TestSoundThatComesTooLate(t *testing.T) {
	for _, c := range []struct{ early, whole bool }{{true, true}, {true, false}, {false, false}} {
		e, err := NewStreamer(context.Background(), Spec{Width: 64, Height: 48, FPS: 4, Dir: t.TempDir(), Whole: c.whole, Piece: func([]byte, int) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if c.early {
			if err := e.Sound(beep(48000, 2, 0, 1)); err != nil {
				t.Fatal(err)
			}
		}
		for range firstFrames {
			if err := e.Frame(make([]byte, 64*48*3)); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Sound(beep(48000, 2, 0, 1)); !errdefs.IsNotImplemented(err) {
			t.Errorf("%+v: %v", c, err)
		}
		e.Abort()
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
	if given != firstFrames-1 || !e.Broken() {
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
