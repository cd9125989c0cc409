package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAReplayNeedsNoRoom: whatever is full meanwhile, a request that was made before is answered with its job, and another is not.
func TestAReplayNeedsNoRoom(t *testing.T) {
	in64 := base64.StdEncoding.EncodeToString(append([]byte(picture), bytes.Repeat([]byte("p"), 900)...))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="image"; filename="a.png"`}, "Content-Type": {"image/png"}})
	if err == nil {
		_, err = part.Write([]byte(picture))
	}
	if err != nil || w.WriteField("prompt", "form") != nil || w.Close() != nil {
		t.Fatal(err)
	}
	bodies := map[string][2]string{
		"generate": {`{"prompt":"x"}`, "application/json"}, "generate ": {fmt.Sprintf(`{"prompt":"x","image":%q}`, in64), "application/json"},
		"batch":      {`{"prompts":["a","b"]}`, "application/json"},
		"batch ":     {fmt.Sprintf(`{"requests":[{"prompt":"a","image":%q}]}`, in64), "application/json"},
		"generate  ": {form.String(), w.FormDataContentType()},
	}
	for name, limit := range map[string]func(c *jobs.Config){
		"the queue": func(c *jobs.Config) { c.MaxQueued = 8 }, "the client": func(c *jobs.Config) { c.Quota.Queued = 8 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(ctx context.Context, _ jobstest.Call) (*spec.Result, error) { return jobstest.Block(ctx) }, func(c *jobs.Config, d *jobs.Deps) {
				limit(c)
				c.MaxUploads = 4000
				d.Models = jobstest.Models{"wan21": {Name: "wan21", Function: "wan21", Concurrency: 1, Instances: 1, Schema: []byte(pictured)}}
			})
			post := func(path, body, kind, key string) (status int, replayed bool, answer string) {
				resp, b := r.do("POST", r.url+"/v1/models/wan21/"+strings.TrimSpace(path), body, "Content-Type", kind, "Idempotency-Key", key)
				return resp.StatusCode, resp.Header.Get("Idempotency-Replayed") == "true", string(b)
			}
			first := map[string]string{}
			for path, b := range bodies {
				status, replayed, answer := post(path, b[0], b[1], "key "+path+".")
				if status != 202 || replayed {
					t.Fatalf("%q: %d %s", path, status, answer)
				}
				first[path] = answer
			}
			for n, status := 0, 202; status == 202; n++ {
				if status, _, _ = post("generate", `{"prompt":"fill"}`, "application/json", ""); n > 20 {
					t.Fatal("it is never full")
				}
			}
			for n, status := 0, 201; status == 201; n++ { // and so are uploads
				resp, _ := r.do("PUT", r.url+"/v1/uploads", picture+strings.Repeat("u", 900), "Content-Type", "image/png")
				if status = resp.StatusCode; n > 20 {
					t.Fatal("uploads are never full")
				}
			}
			for path, b := range bodies {
				status, replayed, answer := post(path, b[0], b[1], "key "+path+".")
				if status != 202 || !replayed || idsIn(t, answer) != idsIn(t, first[path]) {
					t.Errorf("%q again: %d, replayed %v, %s instead of %s", path, status, replayed, answer, first[path])
				}
				if status, replayed, answer = post(path, b[0], b[1], "new"); status != 429 || replayed {
					t.Errorf("%q anew: %d %s", path, status, answer)
				}
				if status, replayed, answer = post(path, strings.ReplaceAll(b[0], `"a"`, `"other"`), b[1], "key generate."); strings.HasPrefix(path, "generate ") && (status != 422 || replayed) {
					t.Errorf("%q with another's key: %d %s", path, status, answer)
				}
			}
		})
	}
}

// idsIn are a job's or a batch's.
func idsIn(t *testing.T, answer string) string {
	t.Helper()
	v := parse[struct {
		ID   string
		Jobs []struct{ ID string }
	}](t, []byte(answer))
	return fmt.Sprint(v.ID, v.Jobs)
}
