package media

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/containerd/errdefs"
)

// Sound is a stretch of sound. Samples of one moment lie side by side, −1 to 1.
type Sound struct {
	Rate, Channels int // samples a second of each channel
	Samples        []float32
}

// The bounds of what players take.
const (
	maxRate     = 192_000
	maxChannels = 8
)

// track gathers sound in a file, as 32-bit floats. A nil track is silence.
type track struct {
	rate, channels int
	moments        int64 // samples of each channel
	path           string
	f              *os.File
	w              *bufio.Writer
}

func newTrack(dir string, s Sound) (*track, error) {
	if s.Rate < 1 || s.Rate > maxRate || s.Channels < 1 || s.Channels > maxChannels {
		return nil, fmt.Errorf("sound of %d channels at %d Hz: 1 to %d channels at up to %d Hz would do: %w", s.Channels, s.Rate, maxChannels, maxRate, errdefs.ErrInvalidArgument)
	}
	path, err := emptyFile(dir, "sound-*.f32")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		os.Remove(path)
		return nil, fmt.Errorf("cannot keep the sound: %w", err)
	}
	return &track{rate: s.Rate, channels: s.Channels, path: path, f: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

func (t *track) add(s Sound) error {
	if s.Rate != t.rate || s.Channels != t.channels || len(s.Samples)%t.channels != 0 {
		return fmt.Errorf("%d samples of %d channels at %d Hz do not go on from %d channels at %d Hz: %w", len(s.Samples), s.Channels, s.Rate, t.channels, t.rate, errdefs.ErrInvalidArgument)
	}
	var b [4]byte
	for _, v := range s.Samples {
		if v != v {
			v = 0 // not a number
		}
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(min(max(v, -1), 1)))
		if _, err := t.w.Write(b[:]); err != nil {
			return fmt.Errorf("cannot keep the sound: %w", err)
		}
	}
	t.moments += int64(len(s.Samples) / t.channels)
	return nil
}

func (t *track) seconds() float64 {
	if t == nil {
		return 0
	}
	return float64(t.moments) / float64(t.rate)
}

func (t *track) remove() {
	if t != nil {
		t.f.Close()
		os.Remove(t.path)
	}
}

// Sound adds sound that goes on where the last ended; it and the pictures begin together.
func (e *Encoder) Sound(s Sound) (err error) {
	if e.sound == nil {
		if e.sound, err = newTrack(e.spec.Dir, s); err != nil {
			return err
		}
	}
	return e.sound.add(s)
}

// addSound puts the sound beside the pictures, which are copied as they are, and ends it with them: what is fed to ffmpeg
// through two pipes at once waits for the one while the other is full.
func (e *Encoder) addSound() error {
	if err := e.sound.w.Flush(); err != nil {
		return fmt.Errorf("cannot keep the sound: %w", err)
	}
	both, err := emptyFile(filepath.Dir(e.path), "clip-*.mp4")
	if err != nil {
		return err
	}
	args := []string{"-i", e.path, "-f", "f32le", "-ar", strconv.Itoa(e.sound.rate), "-ac", strconv.Itoa(e.sound.channels), "-i", e.sound.path,
		"-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "192k", "-t", strconv.FormatFloat(float64(e.frames)/e.spec.FPS, 'f', 6, 64)}
	args = append(append(args, e.spec.container()...), "-movflags", "+faststart", "-f", "mp4", "-y", both)
	cmd, said, err := command(e.ctx, args...)
	if err == nil {
		e.said = said
		err = cmd.Run()
	}
	if err == nil {
		err = os.Rename(both, e.path)
	}
	if err != nil {
		os.Remove(both)
	}
	return err
}
