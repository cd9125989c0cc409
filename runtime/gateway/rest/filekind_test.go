package rest

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
)

// watched is a model that takes a picture, a clip, sound, and a file of whatever kind.
const watched = `{"type":"object","required":["prompt"],"additionalProperties":false,"properties":{"prompt":{"type":"string"},
 "image":{"type":"string","x-file":{"types":["image/png","image/jpeg"]}},"video":{"type":"string","x-file":{"types":["video/mp4","video/webm"]}},
 "audio":{"type":"string","x-file":{"types":["audio/wav"]}},"shape":{"type":"string","x-file":{"types":["model/gltf-binary"]}},
 "strength":{"type":"number"}},"dependentRequired":{"strength":["video"]}}`

const (
	clipHead  = "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"
	soundHead = "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
	photoHead = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
)

// TestWhatAFileIsIsToldAtTheDoor: junk, a file of another kind and one that ends in its head are refused with the field that holds them,
// however they are sent, and leave neither a job nor an upload; what only a decoder can tell passes.
func TestWhatAFileIsIsToldAtTheDoor(t *testing.T) {
	var s seen
	r := newRig(t, s.invoke, func(_ *jobs.Config, d *jobs.Deps) {
		d.Models = jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1, Instances: 1, Schema: []byte(watched)}}
	})
	const url = "/v1/models/wan21/generate"
	form := func(field, kind, body string) string { // a field that needs a file is no cause of its own where that is refused
		strength := ""
		if field == "video" {
			strength = "--x\r\nContent-Disposition: form-data; name=strength\r\n\r\n0.5\r\n"
		}
		return strength + "--x\r\nContent-Disposition: form-data; name=prompt\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name=" + field + "; filename=f\r\nContent-Type: " + kind + "\r\n\r\n" + body + "\r\n--x--\r\n"
	}
	inJSON := func(field, value string) string { return fmt.Sprintf(`{"prompt":"a",%q:%q}`, field, value) }
	left := func() (n int) {
		for _, dir := range []string{"/.uploads", "/.inputs"} {
			all, err := os.ReadDir(r.outputs + dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				if !e.IsDir() {
					n++
				}
			}
		}
		return n
	}
	for _, c := range []struct{ field, kind, body, want string }{
		{"video", "video/mp4", "junk", "is said to be video/mp4, and begins like no file of a kind that is known here"},
		{"video", "video/webm", strings.Repeat("junk", 100), "said to be video/webm"},
		{"video", "video/mp4", picture, "and is a file of the kind PNG: send video/mp4 or video/webm"},
		{"video", "application/octet-stream", "junk", "begins like no file of a kind that is known here: it must be video/mp4 or video/webm"},
		{"video", "application/octet-stream", soundHead, "is a file of the kind WAV: it must be video/mp4"},
		{"video", "video/mp4", clipHead[:11], "kind MP4 that ends in its head, after 11 bytes"},
		{"image", "image/png", picture[:32], "PNG that ends in its head, after 32 bytes"},
		{"image", "image/jpeg", "\xff\xd8\xff", "JPEG that ends in its head, after 3 bytes"},
		{"image", "image/png", "GIF89a\x01\x00\x01\x00\x00\x00\x00", "is a file of the kind GIF: it must be image/png or image/jpeg"},
		{"audio", "audio/wav", "junk", "said to be audio/wav"},
		{"audio", "audio/wav", clipHead, "is a file of the kind MP4: it must be audio/wav"}, // which may be of sound alone
		{"audio", "audio/wav", soundHead[:30], "WAV that ends in its head"},
	} {
		ways := map[string]func() problem{
			"form": func() problem {
				return r.problem(422, "POST", url, form(c.field, c.kind, c.body), "Content-Type", "multipart/form-data; boundary=x")
			},
			"data URL": func() problem {
				return r.problem(422, "POST", url, inJSON(c.field, "data:"+c.kind+";base64,"+base64.StdEncoding.EncodeToString([]byte(c.body))))
			},
		}
		for way, send := range ways {
			if p := send(); len(p.Errors) != 1 || p.Errors[0].Pointer != "#/"+c.field || !strings.Contains(p.Detail, c.want) {
				t.Errorf("%s as %s: %+v", c.body[:min(8, len(c.body))], way, p)
			}
		}
		if p := r.problem(422, "POST", url, inJSON(c.field, base64.StdEncoding.EncodeToString([]byte(c.body)))); len(p.Errors) != 1 || p.Errors[0].Pointer != "#/"+c.field {
			t.Errorf("%s in base64: %+v", c.body[:min(8, len(c.body))], p)
		}
	}
	for kind, body := range map[string]string{"video/mp4": "junk", "video/x-matroska": picture, "image/png": soundHead, "audio/wav": picture, "image/jpeg": "\xff\xd8\xff\xe0"} {
		if p := r.problem(422, "PUT", "/v1/uploads", body, "Content-Type", kind); len(p.Errors) != 1 || p.Errors[0].Pointer != "#" || !strings.HasPrefix(p.Detail, "the body is ") {
			t.Errorf("%s: %+v", kind, p)
		}
	}
	if n := left(); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if _, b := r.do("GET", r.url+"/v1/jobs", ""); len(parse[jobList](t, b).Jobs) != 0 {
		t.Errorf("jobs are left: %s", b)
	}
}

// TestAFileIsBelievedOverItsName: of one sort, it is kept as what it is. A kind that is not known passes as it is said to be.
func TestAFileIsBelievedOverItsName(t *testing.T) {
	var s seen
	r := newRig(t, s.invoke, func(_ *jobs.Config, d *jobs.Deps) {
		d.Models = jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1, Instances: 1, Schema: []byte(watched)}}
	})
	for _, c := range []struct{ said, body, kept, field string }{
		{"image/png", photoHead, "image/jpeg", "image"}, {"", picture, "image/png", "image"}, {"application/octet-stream", clipHead, "video/mp4", "video"},
		{"video/quicktime", clipHead, "video/quicktime", ""}, {"video/webm", clipHead, "video/mp4", "video"}, {"audio/wav; rate=48000", soundHead, "audio/wav; rate=48000", "audio"},
		{"model/gltf-binary", "glTF", "model/gltf-binary", "shape"}, {"text/plain", "text", "text/plain", ""},
	} {
		resp, b := r.do("PUT", r.url+"/v1/uploads", c.body, "Content-Type", c.said)
		up := parse[uploadView](t, b)
		if resp.StatusCode != 201 || up.ContentType != c.kept {
			t.Errorf("%q: %s %s", c.said, resp.Status, b)
			continue
		}
		if c.field == "" {
			continue
		}
		if j := r.generate(fmt.Sprintf(`{"prompt":"a",%q:%q}`, c.field, up.Reference), "Prefer", "wait=20"); j.Status != jobs.Completed {
			t.Errorf("%q: %+v", c.said, j)
		}
		for _, other := range []string{"image", "video", "audio"} { // an upload is looked at for the field that names it
			if other == c.field || c.field == "shape" {
				continue
			}
			if p := r.problem(422, "POST", "/v1/models/wan21/generate", fmt.Sprintf(`{"prompt":"a",%q:%q}`, other, up.Reference)); p.Errors[0].Pointer != "#/"+other {
				t.Errorf("%q for %s: %+v", c.said, other, p)
			}
		}
	}
	for _, said := range []string{"video/x-m4v", "video/3gpp", "video/mp4"} { // names of one kind
		part := "--x\r\nContent-Disposition: form-data; name=prompt\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name=video; filename=f\r\nContent-Type: " + said + "\r\n\r\n" + clipHead + "\r\n--x--\r\n"
		if resp, b := r.do("POST", r.url+"/v1/models/wan21/generate", part, "Content-Type", "multipart/form-data; boundary=x"); resp.StatusCode != 202 {
			t.Errorf("%s: %s %s", said, resp.Status, b)
		}
	}
	_, b := r.do("PUT", r.url+"/v1/uploads", "junk")
	if p := r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"a","video":"`+parse[uploadView](t, b).Reference+`"}`); !strings.Contains(p.Detail, "video begins like no file") {
		t.Errorf("%+v", p)
	}
}
