package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/containerd/errdefs"
)

// WAV makes a WAV file (16-bit PCM) of sound alone. One goroutine uses it.
type WAV struct {
	dir   string
	sound *track
}

// NewWAV makes one whose files lie in dir; "" is the system's temporary folder. The caller must Close or Abort.
func NewWAV(dir string) *WAV { return &WAV{dir: dir} }

// Sound adds sound that goes on where the last ended.
func (r *WAV) Sound(s Sound) (err error) {
	if r.sound == nil {
		if r.sound, err = newTrack(r.dir, s); err != nil {
			return err
		}
	}
	return r.sound.add(s)
}

// Abort removes what there is. After Close it does nothing.
func (r *WAV) Abort() {
	r.sound.remove()
	r.sound = nil
}

// ErrNoSound says that there is nothing to make a file of.
var ErrNoSound = errors.New("no sound was given")

// Close gives the file. On an error nothing is left behind.
func (r *WAV) Close() (*File, error) {
	t := r.sound
	if t == nil || t.moments == 0 {
		r.Abort()
		return nil, ErrNoSound
	}
	defer r.Abort()
	path, err := emptyFile(r.dir, "sound-*.wav")
	if err == nil {
		err = t.wav(path)
	}
	if err != nil {
		os.Remove(path)
		return nil, err
	}
	return (&File{Path: path, Seconds: t.seconds(), Type: "audio/wav"}).measured()
}

// maxWAV is what the format's 32-bit sizes allow, in bytes.
const maxWAV = math.MaxUint32 - 64

func (t *track) wav(path string) (err error) {
	size := t.moments * int64(t.channels) * 2
	if size > maxWAV {
		return fmt.Errorf("%.0f s of sound are too long for a WAV file: %w", t.seconds(), errdefs.ErrInvalidArgument)
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("cannot keep the sound: %w", err)
	}
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot write the sound: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 64<<10)
	w.Write(t.wavHead(uint32(size)))
	if err := t.pcm(w); err != nil {
		return fmt.Errorf("cannot write the sound: %w", err)
	}
	return w.Flush()
}

// wavHead is RIFF's, with one fmt chunk of plain PCM, up to the samples.
func (t *track) wavHead(size uint32) []byte {
	const bytes = 2
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("RIFF"), 36+size)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), uint16(t.channels))
	b = le.AppendUint32(le.AppendUint32(b, uint32(t.rate)), uint32(t.rate*t.channels*bytes))
	b = le.AppendUint16(le.AppendUint16(b, uint16(t.channels*bytes)), 8*bytes)
	return le.AppendUint32(append(b, "data"...), size)
}

// pcm rounds the samples to 16 bits.
func (t *track) pcm(w io.Writer) error {
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, in, out := bufio.NewReaderSize(t.f, 64<<10), make([]byte, 4), make([]byte, 2)
	for range t.moments * int64(t.channels) {
		if _, err := io.ReadFull(r, in); err != nil {
			return err
		}
		v := math.Float32frombits(binary.LittleEndian.Uint32(in))
		binary.LittleEndian.PutUint16(out, uint16(int16(math.Round(float64(v)*math.MaxInt16))))
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}
