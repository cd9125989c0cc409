package media

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// codecs are those that clips have and that ffmpeg's own decoders have been attacked with for years.
var codecs = []string{"h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg2video", "mjpeg", "prores", "rawvideo", "ffv1"}

// probeTime is ample for reading a head.
const probeTime = 20 * time.Second

// probed is what ffprobe tells, as far as it matters.
type probed struct {
	Streams []stream `json:"streams"`
	Format  struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

type stream struct {
	Index    int    `json:"index"`
	Type     string `json:"codec_type"`
	Codec    string `json:"codec_name"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Aspect   string `json:"sample_aspect_ratio"` // a pixel's width to its height, "16:15"
	Pixels   string `json:"pix_fmt"`             // as ffmpeg calls the layout, "yuv420p10le"
	Fields   string `json:"field_order"`
	Transfer string `json:"color_transfer"`
	Average  string `json:"avg_frame_rate"`
	Base     string `json:"r_frame_rate"`
	Unit     string `json:"time_base"`
	Duration string `json:"duration"`
	Frames   string `json:"nb_frames"` // that an index names
	Tags     struct {
		Duration string `json:"DURATION"` // Matroska's, "00:00:02.040000000"
	} `json:"tags"`
	Disposition struct {
		Cover int `json:"attached_pic"`
	} `json:"disposition"`
	SideData []struct {
		Rotation float64 `json:"rotation"`
	} `json:"side_data_list"`
}

// FFprobe finds the program beside ffmpeg, else on the PATH.
func FFprobe() (string, error) {
	if f, err := FFmpeg(); err == nil {
		if p, err := exec.LookPath(filepath.Join(filepath.Dir(f), "ffprobe")); err == nil {
			return p, nil
		}
	}
	p, err := exec.LookPath("ffprobe")
	if err != nil {
		return "", fmt.Errorf("ffprobe is not installed, which comes with ffmpeg: `apt-get install ffmpeg`: %w", errdefs.ErrFailedPrecondition)
	}
	return p, nil
}

// asking is ffprobe about one file of a format, and what it will say on its standard error.
func asking(ctx context.Context, path, format string, what ...string) (*exec.Cmd, *tail, error) {
	program, err := FFprobe()
	if err != nil {
		return nil, nil, err
	}
	args := append([]string{"-hide_banner", "-loglevel", "error"}, what...)
	args = append(append(args, clipInput(format)...), path)
	cmd, said := exec.CommandContext(ctx, program, args...), &tail{}
	cmd.Stderr = said
	return cmd, said, nil
}

// probe asks for what is in a file, in so many bytes of memory.
func probe(ctx context.Context, path string, k container, memory int64) (p probed, err error) {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	cmd, said, err := asking(ctx, path, k.format, "-show_streams", "-show_format", "-of", "json")
	if err != nil {
		return p, err
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err = start(cmd, memory); err == nil {
		err = cmd.Wait()
	}
	switch {
	case whole.Err() != nil:
		return p, context.Cause(whole)
	case ctx.Err() != nil:
		return p, wrongClip("the %s file takes longer than %s to read: send a plain MP4", k.name, probeTime)
	case said.outgrew(err):
		return p, wrongClip("finding out what is in the %s file takes more than %d MiB of memory: send what %s, or raise limits.memory", k.name, memory>>20, remade)
	case err != nil && strings.Contains(string(said.buf), "moov atom not found"):
		return p, wrongClip("the %s file is cut off, its index is missing: send the whole file", k.name)
	case err != nil && oversized().Match(said.buf):
		m := oversized().FindSubmatch(said.buf)
		return p, wrongClip("it has %s×%s pixels: %d×%d at most", m[1], m[2], 4096, 2304)
	case err != nil || json.Unmarshal(out.Bytes(), &p) != nil:
		return p, wrongClip("the %s file cannot be read%s: send a plain MP4", k.name, said.why(path))
	}
	return p, nil
}

// picture gives the stream of moving pictures.
func (p probed) picture(kind string) (stream, error) {
	for _, s := range p.Streams {
		if s.Type != "video" || s.Disposition.Cover != 0 {
			continue
		}
		if !slices.Contains(codecs, s.Codec) {
			return s, wrongClip("its pictures are coded as %q: %s would do, best H.264 in MP4 (%s)", s.Codec, strings.Join(codecs, ", "), makesClip)
		}
		return s, nil
	}
	return stream{}, wrongClip("the %s file has no moving pictures: send an MP4, QuickTime, WebM, Matroska or AVI file that has", kind)
}

// indexed is how many frames the index of an MP4 file names, which is read at once; 0 of others.
func (s stream) indexed(k container) int64 {
	n, err := strconv.ParseInt(s.Frames, 10, 64)
	if err != nil || n < 0 || k.format != quicktime {
		return 0
	}
	return min(n, math.MaxInt32)
}

func (p probed) has(kind string) bool {
	return slices.ContainsFunc(p.Streams, func(s stream) bool { return s.Type == kind })
}

// seconds is how long the pictures last by what the file says of them, 0 where it does not. What it says of itself as a whole holds
// for pictures without sound alone: sound may go on longer.
func (p probed) seconds(s stream) float64 {
	texts := []string{s.Duration}
	if !p.has("audio") {
		texts = append(texts, p.Format.Duration)
	}
	for _, text := range texts {
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			return v
		}
	}
	var h, m int
	var rest float64
	if n, _ := fmt.Sscanf(s.Tags.Duration, "%d:%d:%g", &h, &m, &rest); n == 3 { // anything else says nothing
		return float64(60*(60*h+m)) + rest
	}
	return 0
}

// rate is frames a second on average, or the finest there is where no average is known.
func (s stream) rate() float64 {
	for _, text := range []string{s.Average, s.Base} {
		if v := quotient(text, "/"); v > 0 {
			return v
		}
	}
	return 0
}

// quotient reads "30000/1001", 0 where it is none.
func quotient(text, sign string) float64 {
	over, under, _ := strings.Cut(text, sign)
	a, errA := strconv.ParseFloat(over, 64)
	b, errB := strconv.ParseFloat(under, 64)
	if errA != nil || errB != nil || !(a > 0) || !(b > 0) {
		return 0
	}
	return a / b
}

// shown is the size in square pixels; players stretch the others.
func (s stream) shown() (width, height int) {
	whole := func(v float64) int { return int(min(math.Round(v), math.MaxInt32)) }
	switch a := quotient(s.Aspect, ":"); {
	case a > 1:
		return whole(float64(s.Width) * a), s.Height
	case a > 0:
		return s.Width, whole(float64(s.Height) / a)
	}
	return s.Width, s.Height
}

// interlaced says that a frame's lines are of two moments.
func (s stream) interlaced() bool { return slices.Contains([]string{"tt", "bb", "tb", "bt"}, s.Fields) }

// bright says that the pictures are for bright screens (PQ, HLG), and on others washed out.
func (s stream) bright() bool { return s.Transfer == "smpte2084" || s.Transfer == "arib-std-b67" }

// sideways says that ffmpeg turns the picture by a quarter: by less than a degree more or less, of which ffprobe tells whole ones.
// By any other angle it turns it within its frame.
func (s stream) sideways() bool {
	for _, d := range s.SideData {
		if a := math.Mod(math.Abs(d.Rotation), 180); a >= 89 && a < 91 {
			return true
		}
	}
	return false
}
