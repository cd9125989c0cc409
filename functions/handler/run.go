package handler

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"mime"
	"regexp"
	"slices"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/media"
)

// run is one clip in the making: pictures, with sound or without, go to an encoder, and where the request has no size sound
// goes to a recorder.
type run struct {
	h       *Handler
	r       Request
	clock   *stopwatch
	report  *reporter
	encoder encoder
	sound   *media.WAV
	frames  int
	latents string
	pieces  []Piece
}

// encoder makes a clip of frames: as a whole, or in pieces as they come.
type encoder interface {
	Frame(rgb []byte) error
	Sound(s media.Sound) error
	Close() (*media.File, error)
	Abort()
	Broken() bool
}

// cutter is an encoder whose pieces can end where a model's do.
type cutter interface{ Cut() error }

// sink is where a clip goes while it is made; whole asks for the file as well. The zero value asks for the file alone.
type sink struct {
	piece func(mp4 []byte, frames int) error // 0: the head
	whole bool
}

func (g *run) do(ctx context.Context, to sink) (*media.File, error) {
	if err := g.begin(ctx, to); err != nil {
		return nil, err
	}
	defer g.abort()
	err := g.h.model.Generate(ctx, g.r, Output{Progress: g.progress, Frame: g.frame, Cut: g.cut, Sound: g.addSound, Piece: g.piece, Latents: g.digest})
	if g.encoder != nil && g.encoder.Broken() {
		_, err = g.encoder.Close() // says why ffmpeg has gone
	}
	if err != nil {
		return nil, err
	}
	g.progress(Progress{Phase: "mux", Step: 1, Steps: 1})
	if g.encoder == nil {
		f, err := g.sound.Close()
		if errors.Is(err, media.ErrNoSound) && g.r.Output != WAV {
			err = fmt.Errorf("the model gave neither frames nor sound; frames want width and height in its schema: %w", err)
		}
		return f, err
	}
	return g.encoder.Close()
}

// begin finds out at once whether there is something to encode with.
func (g *run) begin(ctx context.Context, to sink) (err error) {
	if g.r.Width == 0 && g.r.Height == 0 || g.r.Output == WAV {
		if to.piece != nil {
			return fmt.Errorf("%s makes sound alone, which is not sent as it comes: leave output out: %w", g.h.d.Name, errdefs.ErrInvalidArgument)
		}
		g.sound = media.NewWAV(g.h.scratch)
		return nil
	}
	spec := media.Spec{Width: g.r.Width, Height: g.r.Height, FPS: g.r.FPS, Comment: string(g.comment()), Dir: g.h.scratch, Piece: to.piece, Whole: to.whole}
	if to.piece != nil {
		return opened(media.NewStreamer(ctx, spec))(&g.encoder)
	}
	return opened(media.NewEncoder(ctx, spec))(&g.encoder)
}

// opened puts an encoder where it belongs, unless there is none.
func opened[E encoder](e E, err error) func(*encoder) error {
	return func(to *encoder) error {
		if err == nil {
			*to = e
		}
		return err
	}
}

// cut ends a piece of a clip that leaves as it comes.
func (g *run) cut() error {
	if c, ok := g.encoder.(cutter); ok {
		return c.Cut()
	}
	return nil
}

func (g *run) abort() {
	if g.encoder != nil {
		g.encoder.Abort()
	} else {
		g.sound.Abort()
	}
}

// comment is the request as the file tells it: without files, with what was drawn.
func (g *run) comment() []byte {
	all := maps.Clone(g.r.Values)
	for _, name := range append(g.h.intake.schema.Files(), "preview") {
		delete(all, name)
	}
	all["model"] = g.h.d.Name
	return all.JSON()
}

func (g *run) progress(p Progress) {
	g.clock.at(p.Phase)
	if g.report.api.has("progress") {
		if !g.r.Preview {
			p.Preview = nil
		}
		g.report.put(p)
	}
}

var errNoPictures = errors.New("the model gives frames, and its schema has no width and height")

func (g *run) frame(rgb []byte) error {
	switch {
	case g.r.Output == WAV:
		return nil
	case g.encoder == nil:
		return errNoPictures
	}
	if err := g.encoder.Frame(rgb); err != nil {
		return err
	}
	g.frames++
	if g.r.Preview && g.frames == 1 {
		poster := media.RGB{Pix: slices.Clone(rgb), Width: g.r.Width, Height: g.r.Height}
		g.progress(Progress{Phase: "decode", Step: 1, Steps: g.r.NumFrames, Preview: poster})
	}
	return nil
}

func (g *run) addSound(s media.Sound) error {
	if g.encoder == nil {
		return g.sound.Sound(s)
	}
	return g.encoder.Sound(s)
}

// maxPieces bounds a clip's pieces, in bytes of all and in number.
const (
	maxPieces     = 64
	maxPieceBytes = 512 << 20
)

var pieceName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9_-]{1,32}$`) })

// piece keeps a finished file.
func (g *run) piece(p Piece) error {
	_, _, badType := mime.ParseMediaType(p.Type)
	size := len(p.Data)
	for _, other := range g.pieces {
		if size += len(other.Data); other.Name == p.Name {
			return fmt.Errorf("the model gives two pieces called %s", p.Name)
		}
	}
	switch {
	case !pieceName().MatchString(p.Name) || p.Name == "clip" || p.Name == "sound":
		return fmt.Errorf("the model gives a piece called %q: letters, digits, _ and - would do, but not clip or sound", p.Name)
	case badType != nil:
		return fmt.Errorf("the model gives a piece of type %q: %w", p.Type, badType)
	case len(g.pieces) == maxPieces || size > maxPieceBytes:
		return fmt.Errorf("the model gives more than %d pieces or %d MB of them", maxPieces, maxPieceBytes>>20)
	}
	p.Data = slices.Clone(p.Data)
	g.pieces = append(g.pieces, p)
	return nil
}

func (g *run) digest(values []float32) {
	h, buf := sha256.New(), make([]byte, 0, 4096)
	for i, v := range values {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		if len(buf) == cap(buf) || i == len(values)-1 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	g.latents = hex.EncodeToString(h.Sum(nil))
}
