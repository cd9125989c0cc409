package filekind

import (
	"slices"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for start, want := range map[string]string{
		"\x89PNG\r\n\x1a\n": "PNG", "\xff\xd8\xff\xe0": "JPEG", "RIFF\x01\x02\x03\x04WEBPVP8 ": "WebP", "GIF89a": "GIF", "GIF87a": "GIF", "BM\x36\x00\x00\x00\x00\x00\x00\x00": "BMP",
		"\x00\x00\x00\x18ftypheic": "HEIC", "\x00\x00\x00\x1cftypavif": "AVIF", "\x00\x00\x00\x18ftypisom": "MP4", "\x00\x00\x01\x00ftypisom": "MP4", "\x00\x00\x00\x08wide": "QuickTime",
		"\x1a\x45\xdf\xa3": "WebM or Matroska", "RIFF\x01\x02\x03\x04AVI LIST": "AVI", "RIFF\x01\x02\x03\x04WAVEfmt ": "WAV", "RF64\xff\xff\xff\xffWAVE": "WAV", "BW64\xff\xff\xff\xffWAVEds64": "WAV", "\x00\x00\x01\x00\x01\x00": "Windows icon",
		"\x00\x00\x00\x18ftypmif2": "HEIC", "\x00\x00\x00\x18ftypmiaf": "HEIC", "\x00\x00\x00\x10free": "QuickTime", "\x00\x00\x00\x18styp": "MP4", "\xff\xfb\x90\x64": "MP3", "\xff\xfd\x84\x00": "MP2", "\xff\xfe<\x00": "", "ADIF": "AAC",
		"": "", "RIFF": "", "RIFF\x01\x02\x03\x04CDR ": "", "junk": "", "\x00\x00\x00\x01\x67": "", "G": "", "<svg xmlns": "SVG", "<?xml ": "XML",
	} {
		if k, ok := Of([]byte(start)); k.Name != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", start, k.Name, want)
		}
	}
}

// TestTheTableHolds: each kind is found by its own beginnings, and its heads fit into what is looked at.
func TestTheTableHolds(t *testing.T) {
	for _, k := range kinds {
		if k.least > Most {
			t.Errorf("%s: %d bytes are not looked at", k.Name, k.least)
		}
		for _, m := range k.magic {
			if len(m) > k.least && k.least > 0 {
				t.Errorf("%s: its head is shorter than %q", k.Name, m)
			}
			start := []byte(strings.ReplaceAll(m, "????", "\x01\x02\x03\x04"))
			if found, _ := Of(start); found.Name != k.Name {
				t.Errorf("%q is found to be %q, not %q", m, found.Name, k.Name)
			}
		}
	}
}

func TestTypes(t *testing.T) {
	boxes, _ := Of([]byte("\x00\x00\x00\x18ftypisom"))
	png, _ := Of([]byte("\x89PNG\r\n\x1a\n"))
	if !boxes.Is("video/quicktime") || boxes.Is("video/webm") || !boxes.Like("video/webm") || !boxes.Like("audio/wav") || boxes.Like("image/png") || !png.Like("image/webp") || png.Like("video/mp4") {
		t.Error("the wrong sort")
	}
	for kind, want := range map[string]bool{"image/png": true, "video/mp4": true, "audio/wav": true, "image/svg+xml": false, "application/pdf": false, "text/plain": false, "application/octet-stream": false, "": false} {
		if Known(kind) != want {
			t.Errorf("%q: %v", kind, !want)
		}
	}
	if !png.Short(make([]byte, 32)) || png.Short(make([]byte, 33)) || png.Types[0] != "image/png" || slices.Contains(png.Types, "") {
		t.Errorf("%+v", png)
	}
}

func TestAkin(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"video/x-msvideo", "video/avi"}: true, {"video/mp4", "video/x-m4v"}: true, {"video/3gpp", "video/mp4"}: true, {"image/jpg", "image/jpeg"}: true, {"audio/x-wav", "audio/wav"}: true,
		{"video/mp4", "audio/mp4"}: false, {"video/webm", "video/mp4"}: false, {"image/png", "image/jpeg"}: false, {"text/plain", "text/html"}: false, {"", ""}: false, {"video", "video/mp4"}: false,
	} {
		if Akin(pair[0], pair[1]) != want || Akin(pair[1], pair[0]) != want {
			t.Errorf("%q: %v", pair, !want)
		}
	}
}
