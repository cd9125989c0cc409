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

// args are ffmpeg's for the sound as an input, and for what becomes of it. Without sound there are none.
func (t *track) args() (in, out []string, err error) {
	if t == nil {
		return nil, nil, nil
	}
	if err := t.w.Flush(); err != nil {
		return nil, nil, fmt.Errorf("cannot keep the sound: %w", err)
	}
	return []string{"-f", "f32le", "-ar", strconv.Itoa(t.rate), "-ac", strconv.Itoa(t.channels), "-i", t.path},
		[]string{"-c:a", "aac", "-b:a", "192k"}, nil
}

// beside are ffmpeg's arguments for the sound as the second input beside so many frames, with which it ends.
func (t *track) beside(frames int, fps float64) (in, out []string, err error) {
	in, out, err = t.args()
	if in != nil {
		out = append([]string{"-map", "1:a", "-t", strconv.FormatFloat(float64(frames)/fps, 'f', 6, 64)}, out...)
	}
	return in, out, err
}

// addSound puts the sound beside the pictures, which are copied as they are, and ends it with them: what is fed to ffmpeg
// through two pipes at once waits for the one while the other is full.
func (e *Encoder) addSound() error {
	in, out, err := e.sound.beside(e.frames, e.spec.FPS)
	if err != nil {
		return err
	}
	both, err := emptyFile(filepath.Dir(e.path), "clip-*.mp4")
	if err != nil {
		return err
	}
	args := append(append([]string{"-i", e.path}, in...), "-map", "0:v", "-c:v", "copy")
	args = append(append(append(args, out...), e.spec.container()...), "-movflags", "+faststart", "-f", "mp4", "-y", both)
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
