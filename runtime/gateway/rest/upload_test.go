package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"mime/multipart"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// picture begins as a PNG does, and goes no further than that.
const picture = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90\x77\x53\xde"

const pictured = `{"type":"object","required":["prompt"],"additionalProperties":false,"properties":{"prompt":{"type":"string"},
 "width":{"type":"integer","minimum":16,"maximum":1280,"multipleOf":16},"image":{"type":"string","x-file":{"types":["image/png"],"maxBytes":1000}}}}`

// seen is what a function found beside its event.
type seen struct {
	mu    sync.Mutex
	calls []jobstest.Call
	files []string
}

func (s *seen) invoke(_ context.Context, c jobstest.Call) (*spec.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	for _, f := range c.Files {
		b, err := os.ReadFile(f.Path)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, f.Name+"="+string(b))
	}
	return jobstest.Stream(200, "video/mp4", []byte("clip")), nil
}

func pictureRig(t *testing.T, s *seen) *rig {
	return newRig(t, s.invoke, func(c *jobs.Config, d *jobs.Deps) {
		c.MaxUploads = 4000
		d.Models = jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1, Instances: 1, Schema: []byte(pictured)}}
	})
}

// TestFilesLieBesideTheEvent: however a picture is sent, the function finds it as a file, and the record has neither.
func TestFilesLieBesideTheEvent(t *testing.T) {
	var s seen
	r := pictureRig(t, &s)
	resp, b := r.do("PUT", r.url+"/v1/uploads", picture, "Content-Type", "image/png")
	up := parse[uploadView](t, b)
	if resp.StatusCode != 201 || up.Size != 33 || up.Reference != "upload:"+up.ID || resp.Header.Get("Location") != "/v1/uploads/"+up.ID {
		t.Fatalf("%s %s", resp.Status, b)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("prompt", "by form") //nolint:errcheck // memory
	w.WriteField("width", "32")       //nolint:errcheck // memory
	w.WriteField("max_attempts", "2") //nolint:errcheck // memory
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="image"; filename="a.png"`}, "Content-Type": {"image/png"}})
	if err != nil {
		t.Fatal(err)
	}
	part.Write([]byte(picture)) //nolint:errcheck // memory
	w.Close()
	in64 := base64.StdEncoding.EncodeToString([]byte(picture))
	for body, kind := range map[string]string{
		`{"prompt":"x","image":"` + up.Reference + `"}`:               "application/json",
		`{"prompt":"x","image":"` + in64 + `"}`:                       "application/json",
		`{"prompt":"x","image":"data:image/png;base64,` + in64 + `"}`: "application/json",
		form.String(): w.FormDataContentType(),
	} {
		s.calls, s.files = nil, nil
		j := r.generate(body, "Content-Type", kind, "Prefer", "wait=20")
		if j.Status != jobs.Completed || len(s.files) != 1 || !strings.HasSuffix(s.files[0], "="+picture) {
			t.Fatalf("%s: %+v %v", kind, j, s.files)
		}
		name, _, _ := strings.Cut(s.files[0], "=")
		if got := s.calls[0].Request.Image; got != "file:"+name {
			t.Errorf("the event says %q of %s", got, name)
		}
		if strings.Contains(string(j.Request), "image") {
			t.Errorf("the record has %s", j.Request)
		}
		if !slices.Equal(j.Files, []string{"image"}) {
			t.Errorf("of an image the job says %q", j.Files)
		}
		if resp, _ := r.do("DELETE", r.url+j.Links.Self+"?purge=true", ""); resp.StatusCode != 204 {
			t.Error(resp.Status)
		}
	}
	if resp, _ := r.do("DELETE", r.url+"/v1/uploads/"+up.ID, ""); resp.StatusCode != 204 {
		t.Error(resp.Status)
	}
	if left, err := os.ReadDir(r.outputs + "/.inputs"); err != nil || len(left) != 0 {
		t.Errorf("inputs are left: %v %v", left, err)
	}
	left, err := os.ReadDir(r.outputs + "/.uploads")
	if err != nil || len(left) != 1 { // the folder of half-made ones
		t.Errorf("uploads are left: %v %v", left, err)
	}
}

func TestUploadsAreBoundedAndOnesOwn(t *testing.T) {
	var s seen
	r := pictureRig(t, &s)
	_, b := r.do("PUT", r.url+"/v1/uploads", picture, "Content-Type", "image/png", "X-Client-Id", "me")
	up := parse[uploadView](t, b)
	for body, want := range map[string]string{
		`{"prompt":"x","image":"` + up.Reference + `"}`:                                                       "there is no upload",
		`{"prompt":"x","image":"upload:../../etc/passwd"}`:                                                    "image names no upload",
		`{"prompt":"x","image":"file:` + up.ID + `"}`:                                                         "a file of the runtime's own",
		`{"prompt":"x","image":"` + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("a"), 1001)) + `"}`: "image has 1001 bytes",
	} {
		if p := r.problem(422, "POST", "/v1/models/wan21/generate", body, "X-Client-Id", "other"); !strings.Contains(p.Detail, want) || p.Errors[0].Pointer != "#/image" {
			t.Errorf("%+v", p)
		}
	}
	r.problem(404, "GET", "/v1/uploads/"+up.ID, "", "X-Client-Id", "other")
	r.problem(404, "DELETE", "/v1/uploads/"+up.ID, "", "X-Client-Id", "other")
	r.problem(429, "PUT", "/v1/uploads", strings.Repeat("a", 1001), "X-Client-Id", "me") // a quarter of 4000 for one client
	r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"x","image":"`+up.Reference+`","width":17}`, "X-Client-Id", "me")
	_, b = r.do("PUT", r.url+"/v1/uploads", "GIF89a\x01\x00\x01\x00\x00\x00\x00", "Content-Type", "image/gif", "X-Client-Id", "me")
	if p := r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"x","image":"`+parse[uploadView](t, b).Reference+`"}`, "X-Client-Id", "me"); !strings.Contains(p.Detail, "image/gif") {
		t.Errorf("%+v", p)
	}
	r.problem(400, "POST", "/v1/models/wan21/generate", "--x\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nhalf", "Content-Type", "multipart/form-data; boundary=x")
	r.problem(400, "POST", "/v1/models/wan21/generate", "--x--", "Content-Type", "multipart/form-data")
}

// TestAFormSaysEachThingOnce: a part that is there again is refused, not dropped, and so is a file without a byte; a page's
// field in which no file was chosen is none.
func TestAFormSaysEachThingOnce(t *testing.T) {
	var s seen
	r := pictureRig(t, &s)
	part := func(head, body string) string {
		return "--x\r\nContent-Disposition: form-data; name=" + head + "\r\n\r\n" + body + "\r\n"
	}
	const file = "; filename=\"a.png\"\r\nContent-Type: image/png"
	prompt, picture := part(`"prompt"`, "a"), part(`"image"`+file, picture)
	for body, want := range map[string]struct {
		status         int
		pointer, words string
	}{
		prompt + part(`"prompt"`, "b"):                    {400, "#/prompt", "more than once"},
		prompt + picture + picture:                        {400, "#/image", "more than once"},
		part(`"request"`, "{}") + part(`"request"`, "{}"): {400, "#/request", "more than once"},
		prompt + part(`"image"`+file, ""):                 {422, "#/image", "is an empty file"},
		part(`"request"`, `{"prompt":"a","prompt":"b"}`):  {400, "#/prompt", "more than once"},
	} {
		p := r.problem(want.status, "POST", "/v1/models/wan21/generate", body+"--x--\r\n", "Content-Type", "multipart/form-data; boundary=x")
		if !strings.Contains(p.Detail, want.words) || len(p.Errors) != 1 || p.Errors[0].Pointer != want.pointer {
			t.Errorf("%q: %+v", body, p)
		}
	}
	none := part(`"image"; filename=""`+"\r\nContent-Type: application/octet-stream", "")
	j := r.generate(prompt+none+"--x--\r\n", "Content-Type", "multipart/form-data; boundary=x", "Prefer", "wait=20")
	if j.Status != jobs.Completed || len(s.files) != 0 {
		t.Errorf("%+v %v", j, s.files)
	}
	if left, err := os.ReadDir(r.outputs + "/.uploads"); err != nil || len(left) > 1 { // the folder of half-made ones
		t.Errorf("uploads are left: %v %v", left, err)
	}
}

// TestTheSameFileIsTheSameRequest: an idempotency key knows a picture by its content, however often it is sent.
func TestTheSameFileIsTheSameRequest(t *testing.T) {
	var s seen
	r := pictureRig(t, &s)
	send := func(which string) jobView {
		return r.generate(`{"prompt":"x","image":"`+base64.StdEncoding.EncodeToString([]byte(picture+which))+`"}`, "Idempotency-Key", "k")
	}
	if a, b := send("one"), send("one"); a.ID != b.ID {
		t.Error("two jobs")
	}
	r.problem(422, "POST", "/v1/models/wan21/generate", `{"prompt":"x","image":"`+base64.StdEncoding.EncodeToString([]byte(picture+"two"))+`"}`, "Idempotency-Key", "k")
}

// TestPiecesOfAResult: an answer in parts is a clip and what came with it, each with its digest, until all go together.
func TestPiecesOfAResult(t *testing.T) {
	parts := "--b\r\nContent-Type: video/mp4\r\n\r\nclip\r\n--b\r\nContent-Type: audio/wav\r\nContent-Disposition: attachment; name=sound\r\n\r\nRIFF\r\n--b--\r\n"
	answer := parts
	r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
		return jobstest.Stream(200, "multipart/mixed; boundary=b", []byte(answer)), nil
	})
	j := r.generate(`{"prompt":"x"}`, "Prefer", "wait=20")
	if j.Status != jobs.Completed || j.Result.ContentType != "video/mp4" || j.Result.Size != 4 || len(j.Result.Pieces) != 1 || j.Result.Pieces[0].Name != "sound" {
		t.Fatalf("%+v %+v", j, j.Result)
	}
	if resp, b := r.do("GET", r.url+j.Links.Download, ""); string(b) != "clip" || resp.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("%s %q", resp.Status, b)
	}
	if resp, b := r.do("GET", r.url+j.Links.Download+"?piece=sound", ""); string(b) != "RIFF" || resp.Header.Get("Content-Type") != "audio/wav" || !strings.Contains(resp.Header.Get("Content-Disposition"), ".wav") {
		t.Errorf("%s %q %v", resp.Status, b, resp.Header)
	}
	r.problem(404, "GET", j.Links.Download+"?piece=none", "")
	if resp, _ := r.do("DELETE", r.url+j.Links.Self+"?purge=true", ""); resp.StatusCode != 204 {
		t.Error(resp.Status)
	}
	for _, answer = range []string{parts[:len(parts)-20], parts[:60], "", strings.Replace(parts, "name=sound", "name=../x", 1)} {
		if j := r.generate(`{"prompt":"x","max_attempts":1}`, "Prefer", "wait=20"); j.Status == jobs.Completed {
			t.Errorf("%q: %+v", answer, j.Result)
		}
	}
	left, err := os.ReadDir(r.outputs)
	for _, e := range left {
		if err != nil || !e.IsDir() {
			t.Errorf("left: %v %v", e.Name(), err)
		}
	}
}
