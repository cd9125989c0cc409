package e2e

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "")
	s := h.serve(t)
	at := []string{"VIDEOSDGX_SERVER=" + s.url}
	file := filepath.Join(t.TempDir(), "clip.mp4")
	t.Run("generate saves an MP4", func(t *testing.T) {
		said, err := command(t, at, "generate", "a red circle", "--width", "64", "--height", "64", "--frames", "5", "--steps", "2", "--seed", "7", "-o", file)
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		says(t, said, file)
		isMP4(t, file)
	})
	t.Run("generate says what is wrong", func(t *testing.T) {
		said, err := command(t, at, "generate", "a", "--frames", "6", "--quiet")
		if err == nil {
			t.Error("no error")
		}
		says(t, said, "num_frames is 6", "5 or 9 would do")
	})
	for _, c := range []string{"ps", "logs wan21", "version", "jobs list", "models ls --models " + h.path("models"), "doctor"} {
		t.Run(c+" --json parses", func(t *testing.T) {
			said, err := command(t, at, append(strings.Fields(c), "--json")...)
			if err != nil {
				t.Errorf("%v: %s", err, said)
			}
			for d := json.NewDecoder(strings.NewReader(said)); d.More(); { // logs are one object a line
				var v any
				if err := d.Decode(&v); err != nil {
					t.Fatalf("%v: %s", err, said)
				}
			}
		})
	}
	t.Run("ps shows the instance", func(t *testing.T) {
		said, _ := command(t, at, "ps")
		says(t, said, "wan21", "idle")
	})
	t.Run("no server answers", func(t *testing.T) {
		said, err := command(t, []string{"VIDEOSDGX_SERVER=http://127.0.0.1:9"}, "ps")
		if err == nil {
			t.Error("no error")
		}
		says(t, said, "no videosdgx server answers", "videosdgx serve")
	})
}

// isMP4 holds a clip to what players want: H.264, yuv420p, faststart, and to the parameters in its metadata.
func isMP4(t *testing.T, file string) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	p := into[struct {
		Streams []struct {
			Codec  string `json:"codec_name"`
			Pixels string `json:"pix_fmt"`
			Frames string `json:"nb_read_frames"`
			Width  int
			Height int
		}
		Format struct{ Tags struct{ Comment string } }
	}](t, out)
	if len(p.Streams) != 1 {
		t.Fatalf("%d streams", len(p.Streams))
	}
	if s := p.Streams[0]; s.Codec != "h264" || s.Pixels != "yuv420p" || s.Frames != "5" || s.Width != 64 || s.Height != 64 {
		t.Errorf("%+v", s)
	}
	says(t, p.Format.Tags.Comment, `"prompt":"a red circle"`, `"seed":7`, `"num_inference_steps":2`, `"model":"wan21`)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if order := atoms(b); !strings.Contains(order, "moov") || strings.Index(order, "moov") > strings.Index(order, "mdat") {
		t.Errorf("atoms %s: the index must come before the data", order)
	}
}

// atoms lists a file's top-level boxes (ISO/IEC 14496-12, 4.2): 4 bytes of size, 4 of type.
func atoms(b []byte) string {
	var order []string
	for len(b) >= 8 {
		n := binary.BigEndian.Uint32(b)
		order = append(order, string(b[4:8]))
		if n < 8 || int64(n) > int64(len(b)) {
			break
		}
		b = b[n:]
	}
	return strings.Join(order, " ")
}
