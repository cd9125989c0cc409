package media

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Pace is how a clip's frames lie in time.
type Pace struct {
	Frames      int
	Mean        float64 // seconds from a frame to the next
	Least, Most float64
	Off         float64 // seconds that the worst frame lies off its place at an even rate
	Cut         bool    // the file ends before frames that its index names
}

// Even says that frames lie at equal distances, but for what rounding and a camera's clock do: none is a quarter of the distance longer
// or shorter than the mean, and none lies a whole one off its place.
func (p Pace) Even() bool {
	return p.Frames < 3 || p.Most-p.Mean <= p.Mean/4 && p.Mean-p.Least <= p.Mean/4 && p.Off <= p.Mean
}

func (p Pace) seconds() float64 { return p.Mean * float64(p.Frames) }

func (p Pace) rate() float64 {
	if p.Mean == 0 {
		return 0
	}
	return 1 / p.Mean
}

// Pace reads when each frame is shown, without decoding any. The error is errdefs.ErrInvalidArgument where the file is to blame.
func (c Clip) Pace(ctx context.Context) (Pace, error) {
	unit := quotient(c.picture.Unit, "/")
	if unit == 0 {
		return Pace{}, wrongClip("it does not say in which unit its times are: %s", acceptedClips)
	}
	cmd, said, err := asking(ctx, c.Path, c.format, "-select_streams", strconv.Itoa(c.picture.Index), "-show_entries", "packet=pts,dts,flags", "-of", "csv=p=0:nk=1")
	if err != nil {
		return Pace{}, err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = start(cmd, c.DecoderMemory())
	}
	if ctx.Err() != nil {
		return Pace{}, context.Cause(ctx)
	}
	if err != nil {
		return Pace{}, fmt.Errorf("cannot start ffprobe: %w", err)
	}
	times, all, tooMany := packetTimes(bufio.NewScanner(out))
	if tooMany {
		_ = cmd.Process.Kill() // it may have ended by itself
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return Pace{}, context.Cause(ctx)
	case tooMany:
		return Pace{}, wrongClip("it has more than %d frames: send a shorter one", mostFrames)
	case said.outgrew(err):
		return Pace{}, c.outgrown("when its frames are counted")
	case err != nil:
		return Pace{}, wrongClip("its frames cannot be found%s: %s", said.why(c.Path), acceptedClips)
	}
	p := paceOf(times, unit)
	indexed, _ := strconv.Atoi(c.picture.Frames) // nothing: not known
	p.Cut = bytes.Contains(said.buf, []byte("partial file")) || all < indexed && strings.Contains(c.format, "mp4")
	return p, nil
}

// mostFrames bounds the times that are kept.
const mostFrames = clipSeconds * 120

// packetTimes reads lines of shown time, decoded time and flags, in the track's units. What an edit list leaves out is marked with D;
// what has no time of its own (AVI) is decoded when it is shown. all counts those left out too.
func packetTimes(lines *bufio.Scanner) (times []int64, all int, tooMany bool) {
	for lines.Scan() {
		field := bytes.Split(lines.Bytes(), []byte(","))
		all++
		if len(field) < 3 || bytes.ContainsRune(field[2], 'D') {
			continue
		}
		at, err := strconv.ParseInt(string(field[0]), 10, 64)
		if err != nil {
			at, err = strconv.ParseInt(string(field[1]), 10, 64)
		}
		if err != nil {
			continue
		}
		if times = append(times, at); len(times) > mostFrames {
			return nil, all, true
		}
	}
	return times, all, false
}

// paceOf measures times in any order, in units of so many seconds.
func paceOf(times []int64, unit float64) Pace {
	slices.Sort(times)
	p := Pace{Frames: len(times)}
	if p.Frames < 2 {
		return p
	}
	first := times[0]
	mean := apart(first, times[p.Frames-1]) / float64(p.Frames-1)
	least, most, off := math.Inf(1), 0.0, 0.0
	for i, at := range times[1:] {
		d := apart(times[i], at)
		least, most = min(least, d), max(most, d)
		off = max(off, math.Abs(apart(first, at)-float64(i+1)*mean))
	}
	p.Mean, p.Least, p.Most, p.Off = mean*unit, least*unit, most*unit, off*unit
	return p
}

// apart is how far a time lies behind an earlier one: further than an int64 counts where a file says so.
func apart(earlier, later int64) float64 { return float64(uint64(later) - uint64(earlier)) }
