package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// run has ffmpeg make the file at the end of args.
func run(t *testing.T, args ...string) string {
	t.Helper()
	if out, err := exec.Command("ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return args[len(args)-1]
}

// steps is two seconds at 25 a second whose brightness says which frame it is: 4 more each.
const steps = "color=gray:size=96x64:rate=25:duration=2,format=yuv420p,geq=lum='4*N+20':cb=128:cr=128"

// made is a file of those frames.
func made(t *testing.T, name string, args ...string) string {
	t.Helper()
	return run(t, append(append([]string{"-f", "lavfi", "-i", steps}, args...), filepath.Join(t.TempDir(), name))...)
}

// odd are files that are clips all the same: what they show is what a player shows.
func TestOddClipsAreRead(t *testing.T) {
	plain := made(t, "plain.mp4", "-bf", "3", "-x264-params", "keyint=50:scenecut=0")
	again := func(name string, args ...string) string {
		return run(t, append(append([]string{}, args...), filepath.Join(t.TempDir(), name))...)
	}
	copied := func(name string, args ...string) string {
		return again(name, append([]string{"-i", plain, "-c", "copy"}, args...)...)
	}
	for name, c := range map[string]struct {
		path          string
		width, height int
		first, frames int // the frame that is shown first, and how many
	}{
		"trimmed by an edit list":         {again("a.mp4", "-ss", "0.72", "-i", plain, "-c", "copy"), 96, 64, 18, 32},
		"trimmed at both ends":            {again("a.mov", "-ss", "0.72", "-i", made(t, "b.mp4", "-bf", "0"), "-t", "0.8", "-c", "copy"), 96, 64, 18, 20},
		"begins late":                     {copied("a.mp4", "-bsf:v", "setts=pts=PTS+12000:dts=DTS+9000"), 96, 64, 0, 50},
		"begins before 0":                 {copied("a.mp4", "-bsf:v", "setts=pts=PTS-1024:dts=DTS-4000"), 96, 64, 2, 48},
		"one frame":                       {made(t, "a.mp4", "-frames:v", "1"), 96, 64, 0, 1},
		"two frames":                      {made(t, "a.mp4", "-frames:v", "2"), 96, 64, 0, 2},
		"longer sound":                    {again("a.mkv", "-i", plain, "-f", "lavfi", "-i", "sine=duration=5", "-c:v", "copy"), 96, 64, 0, 50},
		"longer sound, no tags":           {again("a.webm", "-i", plain, "-f", "lavfi", "-i", "sine=duration=5", "-c:v", "libvpx", "-live", "1"), 96, 64, 0, 50},
		"recorded live, without a length": {again("a.webm", "-i", plain, "-c:v", "libvpx", "-crf", "4", "-b:v", "2M", "-live", "1"), 96, 64, 0, 50},
		"fragments":                       {copied("a.mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof"), 96, 64, 0, 50},
		"several tracks of each kind":     {again("a.mov", "-i", plain, "-f", "lavfi", "-i", "color=red:duration=1:size=32x32", "-f", "lavfi", "-i", "sine=duration=2", "-f", "lavfi", "-i", "sine=duration=1", "-map", "2", "-map", "0", "-map", "1", "-map", "3", "-pix_fmt", "yuv420p"), 96, 64, 0, 50},
		"a cover beside the pictures":     {again("a.mp4", "-i", plain, "-i", run(t, "-f", "lavfi", "-i", "color=red:size=40x40", "-frames:v", "1", filepath.Join(t.TempDir(), "c.png")), "-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic"), 96, 64, 0, 50},
		"H.265 in ten bits":               {made(t, "a.mp4", "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error"), 96, 64, 0, 50},
		"H.264 4:4:4":                     {made(t, "a.mp4", "-pix_fmt", "yuv444p"), 96, 64, 0, 50},
		"gray alone":                      {made(t, "a.mkv", "-c:v", "ffv1", "-pix_fmt", "gray"), 96, 64, 0, 50},
		"RGB without loss":                {made(t, "a.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0"), 96, 64, 0, 50},
		"raw pictures":                    {made(t, "a.avi", "-c:v", "rawvideo", "-pix_fmt", "yuv420p"), 96, 64, 0, 50},
		"ProRes with transparency":        {made(t, "a.mov", "-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"), 96, 64, 0, 50},
		"VP9 with transparency":           {made(t, "a.webm", "-vf", "format=yuva420p", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-crf", "10", "-b:v", "0"), 96, 64, 0, 50},
		"AV1":                             {made(t, "a.webm", "-c:v", "libsvtav1", "-preset", "12", "-crf", "20"), 96, 64, 0, 50},
		"MPEG-2, interlaced":              {made(t, "a.mkv", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct", "-top", "1"), 96, 64, 0, 50},
		"wide pixels":                     {made(t, "a.mp4", "-vf", "setsar=3/2"), 144, 64, 0, 50},
		"wide pixels, turned":             {turned(t, made(t, "b.mp4", "-vf", "setsar=3/2"), "90"), 64, 144, 0, 50},
		"turned upside down":              {turned(t, plain, "180"), 96, 64, 0, 50},
		"turned, all but upside down":     {turned(t, plain, "179.5"), 96, 64, 0, 50},
		"turned by all but a quarter":     {turned(t, plain, "269.5"), 64, 96, 0, 50},
		"turned by an eighth":             {turned(t, plain, "45"), 96, 64, 0, 50},
		"odd sides":                       {made(t, "a.mkv", "-c:v", "ffv1", "-vf", "format=yuv444p,crop=95:63:0:0"), 95, 63, 0, 50},
		"a head that lies of the size":    {sized(t, plain, 16384, 16384), 96, 64, 0, 50},
		"the tiniest":                     {made(t, "a.mp4", "-vf", "scale=2:2,setsar=1"), 2, 2, 0, 50},
	} {
		t.Run(name, func(t *testing.T) {
			clip, err := OpenClip(context.Background(), c.path)
			if err != nil || clip.Width != c.width || clip.Height != c.height {
				t.Fatalf("%+v, %v", clip, err)
			}
			got, first := 0, 0
			err = clip.Frames(context.Background(), 25, 0, func(f RGB) error {
				if got++; got == 1 {
					first = int(f.Pix[3*(f.Width*(f.Height/2)+f.Width/2)])
				}
				if f.Width != c.width || f.Height != c.height {
					t.Fatalf("a frame of %d×%d", f.Width, f.Height)
				}
				return nil
			})
			if want := float64(4*c.first+20-16) * 255 / 219; err != nil || got != c.frames || math.Abs(float64(first)-want) > 4 {
				t.Errorf("%d frames, want %d, the first of brightness %d, want %.0f; %v", got, c.frames, first, want, err)
			}
			if pace, err := clip.Pace(context.Background()); err != nil || !pace.Even() || pace.Frames != c.frames {
				t.Errorf("%+v, %v", pace, err)
			}
		})
	}
}

// Pictures for bright screens come out as the same scene on a usual one: its white, which PQ puts at 203 cd/m², is bright, and its
// middle gray is neither washed out nor black.
func TestBrightPicturesAreBroughtToAUsualScreen(t *testing.T) {
	for transfer, white := range map[string]int{"smpte2084": 572, "arib-std-b67": 721} { // ten-bit codes of BT.2408's reference white
		path := run(t, "-f", "lavfi", "-i", fmt.Sprintf("color=gray:size=96x64:rate=25:duration=0.4,format=yuv420p10le,geq=lum='if(lt(X,48),%d,64)':cb=512:cr=512", white),
			"-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p10le", "-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace", "bt2020nc", filepath.Join(t.TempDir(), "a.mp4"))
		clip, err := OpenClip(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = clip.Frames(context.Background(), 25, 0, func(f RGB) error {
			n++
			left, right := f.Pix[3*(96*32+20)], f.Pix[3*(96*32+80)]
			if left < 180 || left > 250 || right > 8 {
				t.Errorf("%s: white is %d, black is %d", transfer, left, right)
			}
			return nil
		})
		if err != nil || n != 10 {
			t.Errorf("%s: %d frames, %v", transfer, n, err)
		}
	}
}

// An interlaced frame of something that moves is given without its combs.
func TestLinesOfTwoMomentsAreTakenApart(t *testing.T) {
	path := run(t, "-f", "lavfi", "-i", "color=black:size=96x64:rate=50:duration=1,format=yuv420p,geq=lum='if(between(mod(X-6*N,96),0,20),235,16)':cb=128:cr=128", "-vf", "tinterlace=interleave_top,setfield=tff",
		"-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct", filepath.Join(t.TempDir(), "a.mkv"))
	combs := func(f RGB) (n int) {
		for y := 1; y < f.Height-1; y++ {
			for x := range f.Width {
				at := func(y int) int { return int(f.Pix[3*(f.Width*y+x)]) }
				if a, b, c := at(y-1), at(y), at(y+1); b-a > 60 && b-c > 60 || a-b > 60 && c-b > 60 {
					n++
				}
			}
		}
		return n
	}
	raw, err := Decode(context.Background(), path)
	if err != nil || len(raw) < 10 || combs(raw[8]) < 100 {
		t.Fatalf("the file itself: %d frames, %d combs, %v", len(raw), combs(raw[8]), err)
	}
	clip, err := OpenClip(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := clip.Frames(context.Background(), 25, 0, func(f RGB) error {
		if n := combs(f); n > 20 {
			t.Errorf("%d combs", n)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestPace(t *testing.T) {
	at := func(name, times string, args ...string) Pace {
		t.Helper()
		args = append([]string{"-vf", "settb=1/90000," + times, "-enc_time_base", "1/90000", "-fps_mode", "vfr"}, args...)
		c, err := OpenClip(context.Background(), made(t, name, args...))
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Pace(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, p := range map[string]Pace{
		"whole milliseconds":    at("a.mkv", "setpts=N*1500"),
		"29.97":                 at("a.mkv", "setpts=N*3003"),
		"AVI":                   at("a.avi", "null", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
		"a clock that trembles": at("a.mp4", "setpts='N*3600+300*sin(N)'"),
	} {
		if !p.Even() {
			t.Errorf("%s: %+v is uneven", name, p)
		}
	}
	for name, p := range map[string]Pace{
		"one is missing":   at("a.mp4", "select='not(eq(n,30))'"),
		"one too many":     at("a.mp4", "setpts='N*3600-if(lt(N,20),0,1800)'"),
		"slower later":     at("a.mp4", "setpts='if(lt(N,25),N*3600,90000+(N-25)*4500)'"),
		"two in Matroska":  at("a.mkv", "select='not(mod(n,3))+lt(n,20)'"),
		"a pause at first": at("a.mp4", "setpts='N*3600+if(N,27000)'"),
	} {
		if p.Even() {
			t.Errorf("%s: %+v is even", name, p)
		}
	}
}

// What is no clip, or none that can be read, is refused in one sentence; the command in it makes a clip of those that are pictures.
func TestOddFilesAreRefused(t *testing.T) {
	plain := made(t, "plain.mp4")
	for name, c := range map[string]struct{ path, says string }{
		"raw H.264":        {run(t, "-i", plain, "-c", "copy", filepath.Join(t.TempDir(), "a.h264")), "no clip that is known here"},
		"transport stream": {run(t, "-i", plain, "-c", "copy", filepath.Join(t.TempDir(), "a.ts")), "no clip that is known here"},
		"GIF":              {made(t, "a.gif"), "it is a file of the kind GIF, a picture and no clip"},
		"animated PNG":     {made(t, "a.apng", "-frames:v", "5"), "it is a file of the kind PNG, a picture and no clip"},
		"Flash":            {made(t, "a.flv", "-c:v", "flv1"), "no clip that is known here"},
		"Theora in WebM's": {made(t, "a.mkv", "-c:v", "libtheora"), `coded as "theora"`},
		"DNxHD":            {made(t, "a.mov", "-vf", "scale=1280:720", "-c:v", "dnxhd", "-b:v", "90M", "-pix_fmt", "yuv422p", "-frames:v", "3"), `coded as "dnxhd"`},
		"QuickTime's own":  {made(t, "a.mov", "-c:v", "qtrle", "-pix_fmt", "rgb24"), `coded as "qtrle"`},
	} {
		_, err := OpenClip(context.Background(), c.path)
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, command, _ := strings.Cut(err.Error(), "`ffmpeg ")
		command, _, _ = strings.Cut(command, "`")
		out := filepath.Join(t.TempDir(), "out.mp4")
		run(t, strings.Fields(strings.NewReplacer("IN", c.path, "OUT.mp4", out).Replace(command))...)
		if _, err := OpenClip(context.Background(), out); err != nil {
			t.Errorf("%s, converted: %v", name, err)
		}
	}
	for name, c := range map[string]struct{ path, says string }{
		"sound alone":        {run(t, "-f", "lavfi", "-i", "sine=duration=1", filepath.Join(t.TempDir(), "a.mp4")), "no moving pictures"},
		"sound with a cover": {run(t, "-f", "lavfi", "-i", "sine=duration=1", "-f", "lavfi", "-i", "color=red:size=40x40", "-frames:v", "1", "-c:v", "png", "-disposition:v", "attached_pic", filepath.Join(t.TempDir(), "a.m4a")), "no moving pictures"},
		"no frame at all":    {run(t, "-f", "lavfi", "-i", steps, "-t", "0", "-movflags", "empty_moov", filepath.Join(t.TempDir(), "a.mp4")), "it has no frames"},
		"no frame, WebM":     {run(t, "-f", "lavfi", "-i", steps, "-t", "0", "-c:v", "libvpx", filepath.Join(t.TempDir(), "a.webm")), "cannot be read"},
		"huge":               {hugeAVI(t), ""},
		"8K":                 {run(t, "-f", "lavfi", "-i", "color=size=7680x4320", "-frames:v", "1", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", filepath.Join(t.TempDir(), "a.mp4")), "it has 7680×4320 pixels: 4096×2304 at most"},
		"pixels as wide":     {made(t, "a.mkv", "-c:v", "ffv1", "-vf", "setsar=60000/1:max=65535"), "pixels: 4096×2304 at most"},
	} {
		if _, err := OpenClip(context.Background(), c.path); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// turned is a clip that says by how much a player has to turn it.
func turned(t *testing.T, path, degrees string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "turned.mp4")
	if exec.Command("ffmpeg", "-v", "error", "-display_rotation", degrees, "-i", path, "-c", "copy", "-y", out).Run() == nil { // from 6.0 on
		return out
	}
	return run(t, "-i", path, "-c", "copy", "-metadata:s:v", "rotate="+degrees, out)
}

// sized is a clip whose container says that its pictures are so large.
func sized(t *testing.T, path string, width, height uint16) string {
	t.Helper()
	return patched(t, path, "sized.mp4", func(raw []byte) {
		at := bytes.LastIndex(raw[:bytes.Index(raw, []byte("avcC"))], []byte("avc1"))
		binary.BigEndian.PutUint16(raw[at+28:], width)
		binary.BigEndian.PutUint16(raw[at+30:], height)
	})
}

// hugeAVI has pictures of 60000×60000 by its head, which is all that raw ones have to tell their size.
func hugeAVI(t *testing.T) string {
	t.Helper()
	return patched(t, made(t, "small.avi", "-c:v", "rawvideo"), "huge.avi", func(raw []byte) {
		at := bytes.Index(raw, []byte("strf"))
		binary.LittleEndian.PutUint32(raw[at+12:], 60000)
		binary.LittleEndian.PutUint32(raw[at+16:], 60000)
	})
}

func patched(t *testing.T, path, name string, change func(raw []byte)) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(raw)
	out := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(out, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}
