package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/containerd/errdefs"
)

// Streamer is an Encoder whose clip leaves while it is made, as fragmented MP4: first the part that says what follows, then a
// fragment for each chunk, and one of the sound that goes with it. A chunk begins with a key frame and needs no other; it ends with
// Cut, or after a second of frames. One goroutine uses it.
type Streamer struct {
	spec   Spec
	ctx    context.Context // of the processes
	stop   context.CancelCauseFunc
	chunk  *chunk // in the making; nil between chunks
	head   []byte // what the first chunk began with, as all do
	number uint32 // of the last fragment
	time   uint64 // at which the next begins, in units of the track
	frames int
	shown  int      // frames that have left
	whole  *os.File // the fragments, where the clip is wanted at the end as well
	sound  *track   // nil: none yet
	heard  *pieces  // the sound that came before the first chunk ended, which leaves with the chunks
	failed error
}

// chunk is one encoder's run.
type chunk struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	said   *tail
	out    bytes.Buffer
	frames int
}

// NewStreamer prepares a clip whose pieces go to Spec.Piece, on the goroutine that gives the frames; its error ends the clip. The
// caller must Close or Abort. With Spec.Whole the fragments' samples are a file at the end too.
func NewStreamer(ctx context.Context, s Spec) (*Streamer, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	e := &Streamer{spec: s}
	if s.Whole {
		path, err := emptyFile(s.Dir, "stream-*.mp4")
		if err != nil {
			return nil, err
		}
		if e.whole, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			os.Remove(path)
			return nil, fmt.Errorf("cannot make the clip's file: %w", err)
		}
	}
	e.ctx, e.stop = context.WithCancelCause(ctx)
	return e, nil
}

// Frame adds one frame, width·height·3 bytes. It blocks while ffmpeg is behind.
func (e *Streamer) Frame(rgb []byte) error {
	if len(rgb) != e.spec.Width*e.spec.Height*3 {
		return fmt.Errorf("a frame has %d bytes, not %d×%d×3: %w", len(rgb), e.spec.Width, e.spec.Height, errdefs.ErrInvalidArgument)
	}
	if e.failed != nil {
		return fmt.Errorf("the encoder has stopped taking frames: %w", e.failed)
	}
	if e.chunk == nil {
		if e.chunk, e.failed = e.begin(); e.failed != nil {
			return e.failed
		}
	}
	if _, err := e.chunk.in.Write(rgb); err != nil {
		e.failed = err
		return fmt.Errorf("the encoder has stopped taking frames: %w", err)
	}
	e.frames++
	if e.chunk.frames++; e.chunk.frames >= e.most() {
		return e.Cut()
	}
	return nil
}

// firstFrames is how many the first chunk has at least, unless the model cuts it: Chromium's player looks at 21 before it shows any, to
// find out how far apart they are.
const firstFrames = 24

// most is after how many frames a chunk leaves: a second.
func (e *Streamer) most() int {
	second := max(int(math.Round(e.spec.FPS)), 1)
	if e.head == nil {
		return max(second, firstFrames)
	}
	return second
}

// begin starts an encoder for a chunk: as the whole clip's, but without frames that need later ones.
func (e *Streamer) begin() (*chunk, error) {
	args := append(e.spec.picture(), "-bf", "0", "-g", strconv.Itoa(math.MaxInt32), "-sc_threshold", "0")
	args = append(append(args, e.spec.container()...), "-movflags", "+empty_moov+default_base_moof", "-f", "mp4", "pipe:1")
	cmd, said, err := command(e.ctx, args...)
	if err != nil {
		return nil, err
	}
	c := &chunk{cmd: cmd, said: said}
	cmd.Stdout = &c.out
	if c.in, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start the encoder: %w", err)
	}
	return c, nil
}

// Cut ends a chunk: what was given so far leaves now. Without frames since the last it does nothing.
func (e *Streamer) Cut() error {
	c := e.chunk
	if c == nil || e.failed != nil {
		return e.failed
	}
	e.chunk = nil
	err := errors.Join(c.in.Close(), c.cmd.Wait())
	if err != nil {
		err = failure(e.ctx, e.spec.Dir, c.said, err)
	} else {
		err = e.deliver(c.out.Bytes(), c.frames)
	}
	e.failed = err
	return err
}

func (e *Streamer) deliver(file []byte, frames int) error {
	head, fragment, err := split(file)
	if err != nil {
		return err
	}
	if e.head == nil {
		e.head = bytes.Clone(head)
		err = e.begins()
	} else if !bytes.Equal(head, e.head) {
		return errors.New("the encoder began a chunk otherwise than the first")
	}
	if err != nil {
		return err
	}
	e.shown += frames
	var sound []byte
	if e.heard != nil {
		if sound = e.heard.fragment(e.number+1, float64(e.shown)/e.spec.FPS); sound != nil {
			e.number++
		}
	}
	e.number++
	lasts, err := place(fragment, e.number, e.time)
	if err != nil {
		return err
	}
	e.time += lasts
	return e.give(append(sound, fragment...), frames)
}

// begins sends the head.
func (e *Streamer) begins() (err error) {
	head := e.head
	if e.sound != nil {
		if e.heard, err = piecesOf(e.ctx, e.spec, e.sound); err != nil {
			return err
		}
		if head, err = e.heard.join(head); err != nil {
			return err
		}
	}
	return e.give(head, 0)
}

func (e *Streamer) give(piece []byte, frames int) error {
	if e.whole != nil {
		if _, err := e.whole.Write(piece); err != nil {
			return failure(e.ctx, e.spec.Dir, &tail{}, err)
		}
	}
	return e.spec.Piece(piece, frames)
}

// Sound that comes before the first chunk ends leaves with the chunks: all of it has to, since a clip's head says whether it has sound,
// and it is coded as a whole. What comes later than the head of a clip without sound is in the file of Spec.Whole.
func (e *Streamer) Sound(s Sound) (err error) {
	switch {
	case e.heard != nil:
		return fmt.Errorf("the sound goes on after the clip's first piece has left: give all of it before the frames: %w", errdefs.ErrNotImplemented)
	case e.head != nil && e.whole == nil:
		return fmt.Errorf("the sound comes after the first piece of a clip that is sent as it comes: ask for the whole clip: %w", errdefs.ErrNotImplemented)
	}
	if e.sound == nil {
		if e.sound, err = newTrack(e.spec.Dir, s); err != nil {
			return err
		}
	}
	return e.sound.add(s)
}

// Close sends the last chunk. File has a path with Spec.Whole only: the same samples, with the index in front. On an error nothing
// is left behind.
func (e *Streamer) Close() (f *File, err error) {
	defer e.Abort()
	if err := e.Cut(); err != nil {
		return nil, err
	}
	if e.frames == 0 {
		return nil, errors.New("no frame was given")
	}
	f = &File{Frames: e.frames, Type: "video/mp4"}
	if e.whole == nil {
		return f, nil
	}
	if f.Path, err = emptyFile(e.spec.Dir, "clip-*.mp4"); err != nil {
		return nil, err
	}
	args, err := e.joining()
	said := &tail{}
	if err == nil {
		var cmd *exec.Cmd
		if cmd, _, err = command(e.ctx, append(args, "-movflags", "+faststart", "-f", "mp4", "-y", f.Path)...); err == nil {
			cmd.Stderr = said
			err = cmd.Run()
		}
	}
	if err != nil {
		os.Remove(f.Path)
		return nil, failure(e.ctx, filepath.Dir(f.Path), said, err)
	}
	f.Seconds = e.sound.seconds()
	return f.measured()
}

// joining are ffmpeg's arguments that make the file: of the pieces' samples, and of sound that came too late for them.
func (e *Streamer) joining() ([]string, error) {
	if e.heard != nil { // whose first samples are of a time before the clip: so they stay
		return append([]string{"-copyts", "-i", e.whole.Name(), "-map", "0", "-c", "copy"}, e.spec.container()...), nil
	}
	in, out, err := e.sound.beside(e.frames, e.spec.FPS)
	args := append(append([]string{"-i", e.whole.Name()}, in...), "-map", "0:v", "-c:v", "copy")
	return append(append(args, out...), e.spec.container()...), err
}

// Abort ends the encoder and removes what there is. After Close it does nothing.
func (e *Streamer) Abort() {
	e.stop(nil)
	if c := e.chunk; c != nil {
		e.chunk = nil
		c.in.Close()
		_ = c.cmd.Wait() // killed on purpose
	}
	if e.whole != nil {
		e.whole.Close()
		os.Remove(e.whole.Name())
		e.whole = nil
	}
	e.sound.remove()
	e.sound = nil
}

// Broken says that the clip has ended early: Close tells why.
func (e *Streamer) Broken() bool { return e.failed != nil }
