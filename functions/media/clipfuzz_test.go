package media

import (
	"bufio"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// FuzzPace: however the frames of a clip lie, their distances are numbers that agree with each other.
func FuzzPace(f *testing.F) {
	f.Add("0,0,K__\n512,512,___\n1024,1024,__D\n")
	f.Add("N/A,-1,K\n9223372036854775807,0,_\n-9223372036854775808,0,_\n")
	f.Fuzz(func(t *testing.T, lines string) {
		times, all, tooMany := packetTimes(bufio.NewScanner(strings.NewReader(lines)))
		if tooMany || len(times) > all {
			t.Fatalf("%d of %d", len(times), all)
		}
		p := paceOf(times, 1.0/90000)
		if !(p.Mean >= 0 && p.Least >= 0 && p.Most >= p.Least && p.Off >= 0 && p.Mean*(1+1e-9) >= p.Least && p.Mean <= p.Most*(1+1e-9)) {
			t.Errorf("%q: %+v", lines, p)
		}
		_ = p.Even()
	})
}

// FuzzProbed: of what a clip says of itself what is accepted can be worked with.
func FuzzProbed(f *testing.F) {
	f.Add(`{"streams":[{"index":0,"codec_type":"video","codec_name":"h264","width":64,"height":48,"sample_aspect_ratio":"16:15","pix_fmt":"yuv420p10le","avg_frame_rate":"30000/1001","time_base":"1/90000","duration":"2.5","side_data_list":[{"rotation":-90}]}],"format":{"duration":"2.5"}}`)
	f.Add(`{"streams":[{"codec_type":"video","codec_name":"vp9","width":2147483647,"height":1,"sample_aspect_ratio":"1e300:1e-300","r_frame_rate":"1/1e-320","tags":{"DURATION":"-1:99999999999:1e308"}}]}`)
	f.Fuzz(func(t *testing.T, said string) {
		var p probed
		if json.Unmarshal([]byte(said), &p) != nil {
			return
		}
		s, err := p.picture("MP4")
		if err != nil {
			if !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "\n") {
				t.Fatal(err)
			}
			return
		}
		c := Clip{FPS: s.rate(), Seconds: p.seconds(s), picture: s}
		c.Width, c.Height = s.shown()
		if c.check() != nil {
			return
		}
		if n := c.frames(24, 0); c.Width < 1 || c.Height < 1 || c.Width*c.Height > clipPixels || n < 0 || n > 24*clipSeconds || math.IsInf(c.FPS, 0) || strings.ContainsAny(s.filters(24), " ;[]\n") {
			t.Errorf("%+v, %d frames, %s", c, n, s.filters(24))
		}
	})
}
