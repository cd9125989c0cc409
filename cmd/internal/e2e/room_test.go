package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A clip that is larger than limits.memory is refused at once, on every driver, with what fits; what the sentence offers is made at
// the first attempt: the kernel kills nobody.
func TestAClipLargerThanTheMemoryIsRefused(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("ltx2", "ltx2", "model: {name: ltx2, bundle: \""+need(t, ltx2Demo)+"\", acceptLicense: ltx-2-community-license}\ntimeout: 10m\nlimits: {memory: 208MiB, scratch: 64MiB}\n")
		s := h.serve(t)
		large := map[string]any{"prompt": "a red circle bouncing with a high beep", "seed": 7, "width": 192, "height": 192, "num_frames": 121, "fps": 24, "num_inference_steps": 1, "guidance_scale": 1, "modality_scale": 1}
		const says = " clip of 192 × 192 with 121 frames at once takes "
		direct := s.do(t, "POST", invoke("ltx2"), asJSON(t, large)).want(t, 200, `"errorType":"InvalidRequest"`, says, " of memory (", "this instance may take 208 MiB: ")
		j := into[queued](t, s.do(t, "POST", "/v1/models/ltx2/generate", asJSON(t, large)).want(t, 202).body)
		failed := s.untilJob(t, j.ID, "failed")
		if failed.Error == nil || !strings.Contains(failed.Error.Detail, says) || failed.Attempts != 1 {
			t.Fatalf("%+v: %+v", failed, failed.Error)
		}
		offers := offered(string(direct.body))
		if len(offers) == 0 {
			t.Fatalf("%s offers nothing", direct.body)
		}
		for _, o := range offers[:1] { // each is taken in the models' own tests
			fits := maps.Clone(large)
			maps.Copy(fits, o)
			j := into[queued](t, s.do(t, "POST", "/v1/models/ltx2/generate", asJSON(t, fits)).want(t, 202).body)
			if made := s.untilJob(t, j.ID, "completed"); made.Attempts != 1 {
				t.Errorf("%v is made at attempt %d", o, made.Attempts)
			}
			t.Logf("%v is made", o)
		}
	})
}

// A picture that takes more memory to open than there is left is refused before it is opened: the instance lives on, and opens one that
// is as large as it was told.
func TestAPictureLargerThanTheMemoryIsRefused(t *testing.T) {
	deep := func(side int) string {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, image.NewNRGBA64(image.Rect(0, 0, side, side))); err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	large := deep(4000)
	would := regexp.MustCompile(`a PNG picture of 4000×4000 pixels may take \d+ MiB of memory to open, this instance has \d+ MiB left: scale it to (\d+)×\d+ or less`)
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("ltx2", "ltx2", "model: {name: ltx2, bundle: \""+need(t, ltx2Demo)+"\", acceptLicense: ltx-2-community-license}\ntimeout: 10m\nlimits: {memory: 168MiB, scratch: 64MiB}\n")
		s := h.serve(t)
		clip := map[string]any{"prompt": "a red circle", "seed": 7, "width": 64, "height": 64, "num_frames": 9, "num_inference_steps": 1, "image": large}
		told := would.FindStringSubmatch(string(s.do(t, "POST", invoke("ltx2"), asJSON(t, clip)).want(t, 200, `"errorType":"InvalidRequest"`).body))
		if told == nil {
			t.Fatal("it says nothing of what would do")
		}
		j := into[queued](t, s.do(t, "POST", "/v1/models/ltx2/generate", asJSON(t, clip)).want(t, 202).body)
		if failed := s.untilJob(t, j.ID, "failed"); failed.Error == nil || !would.MatchString(failed.Error.Detail) || failed.Attempts != 1 {
			t.Fatalf("%+v: %+v", failed, failed.Error)
		}
		side, err := strconv.Atoi(told[1])
		if err != nil {
			t.Fatal(err)
		}
		clip["image"] = deep(side)
		s.do(t, "POST", invoke("ltx2"), asJSON(t, clip)).want(t, 200, `"video":`)
	})
}

// offered are the changes of a request that a sentence offers.
func offered(sentence string) (all []map[string]any) {
	number := func(text string) int {
		n, _ := strconv.Atoi(text) // digits
		return n
	}
	_, would, _ := strings.Cut(sentence, "may take ")
	for _, f := range regexp.MustCompile(`num_frames (\d+)|(\d+) × (\d+)(?: with (\d+) frames?)?`).FindAllStringSubmatch(would, -1) {
		o := map[string]any{}
		for name, text := range map[string]string{"num_frames": f[1] + f[4], "width": f[2], "height": f[3]} {
			if text != "" {
				o[name] = number(text)
			}
		}
		all = append(all, o)
	}
	return all
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
