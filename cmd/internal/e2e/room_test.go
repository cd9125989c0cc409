package e2e

import (
	"encoding/json"
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
