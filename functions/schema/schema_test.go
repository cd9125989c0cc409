package schema_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
)

const document = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["prompt"],"additionalProperties":false,"properties":{
 "prompt":{"type":"string","minLength":1,"pattern":"\\S","x-maxBytes":20,"description":"Say what the clip shall show."},
 "width":{"type":"integer","minimum":16,"maximum":1280,"multipleOf":16,"default":832},
 "num_frames":{"type":"integer","minimum":1,"maximum":81,"x-step":4,"default":81},
 "fps":{"type":"number","minimum":1,"maximum":120,"default":16},
 "seed":{"type":"integer","minimum":0,"maximum":9007199254740991,"x-default":"random"},
 "image":{"type":"string","x-file":{"types":["image/png"],"maxBytes":8}},
 "preview":{"type":"boolean","default":false},
 "loras":{"type":"array","maxItems":2,"items":{"type":"object","properties":{"name":{"type":"string"},"strength":{"type":"number","minimum":-10,"maximum":10}},"additionalProperties":false}},
 "sound":{"enum":["none","stereo"]},
 "blur":{"type":"number","minimum":0,"default":0.5}},"dependentRequired":{"blur":["image"]}}`

func compiled(t *testing.T) *schema.Schema {
	t.Helper()
	s, err := schema.Compile([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheck(t *testing.T) {
	s := compiled(t)
	for body, want := range map[string]string{
		`{"prompt":"x"}`: "",
		`{"prompt":"x","width":16,"num_frames":1,"fps":1.5,"seed":0}`: "",
		`{"prompt":"x","width":33.0}`:                                 "width is 33: it must be a multiple of 16; 32 or 48 would do.",
		`{"prompt":"x","width":32.0,"seed":1e3}`:                      "",
		`{"prompt":"x","width":17}`:                                   "width is 17: it must be a multiple of 16; 16 or 32 would do.",
		`{"prompt":"x","width":17.5}`:                                 "width is 17.5: it must be a whole number in 16…1280.",
		`{"prompt":"x","width":0}`:                                    "width is 0: it must be a multiple of 16 from 16 to 1280; 16 would do.",
		`{"prompt":"x","width":99999}`:                                "width is 99999: it must be a multiple of 16 from 16 to 1280; 1280 would do.",
		`{"prompt":"x","num_frames":10}`:                              "num_frames is 10: it must be a multiple of 4 plus 1; 9 or 13 would do.",
		`{"prompt":"x","num_frames":83}`:                              "num_frames is 83: it must be a multiple of 4 plus 1 from 1 to 81; 81 would do.",
		`{"prompt":"x","fps":0.5}`:                                    "fps is 0.5: it must lie in 1…120.",
		`{"prompt":"x","fps":"9"}`:                                    `fps is "9": it must be a number in 1…120.`,
		`{"prompt":"x","fps":null}`:                                   "",
		`{"prompt":null}`:                                             "prompt is missing: say what the clip shall show.",
		`{}`:                                                          "prompt is missing: say what the clip shall show.",
		`{"prompt":" "}`:                                              "prompt is empty: say what the clip shall show.",
		`{"prompt":""}`:                                               "prompt is empty: say what the clip shall show.",
		`{"prompt":7}`:                                                "prompt is 7: it must be a string.",
		`{"prompt":"12345678901234567890ä"}`:                          "prompt has 22 bytes: 20 at most.",
		`{"prompt":"a\u0000b"}`:                                       "prompt holds a zero character: leave it out.",
		`{"prompt":"x","widht":1}`:                                    "widht is not a field of this request: there are blur, fps, image, loras, num_frames, preview, prompt, seed, sound, width.",
		`{"prompt":"x","widht":"a\u0000b"}`:                           "widht is not a field of this request: there are blur, fps, image, loras, num_frames, preview, prompt, seed, sound, width.",
		`{"prompt":"x","loras":[{"nmae":"x"}]}`:                       "nmae is not a field of loras[0]: there are name, strength.",
		`{"prompt":"x","loras":[{"strength":"1"}]}`:                   `loras[0].strength is "1": it must be a number in -10…10.`,
		`{"prompt":"x","loras":[{"strength":1},{"strength":-11}]}`:    "loras[1].strength is -11: it must lie in -10…10.",
		`{"prompt":"x","loras":[{"strength":[1]}]}`:                   "loras[0].strength is [1]: it must be a number in -10…10.",
		`{"prompt":"x","loras":["style"]}`:                            `loras[0] is "style": it must be an object of name, strength.`,
		`{"prompt":"x","loras":{"name":"style"}}`:                     `loras is {"name":"style"}: it must be a list.`,
		`{"prompt":"x","loras":[{},{},{}]}`:                           "loras has 3 entries: 2 at most.",
		`{"prompt":"x","seed":-1}`:                                    "seed is -1: it must lie in 0…9007199254740991.",
		`{"prompt":"x","seed":9007199254740993}`:                      "seed is 9007199254740993: it must lie in 0…9007199254740991.",
		`{"prompt":"x","seed":1e30}`:                                  "seed is 1e+30: it must lie in 0…9007199254740991.",
		`{"prompt":"x","preview":1}`:                                  "preview is 1: it must be true or false.",
		`{"prompt":"x","preview":[]}`:                                 "preview is []: it must be true or false.",
		`{"prompt":"x","sound":"mono"}`:                               `sound is "mono": it must be one of "none", "stereo".`,
		`{"prompt":"x","image":"upload:ab12","width":16}`:             "",
		`{"prompt":"x","image":"upload:ab12","blur":0}`:               "",
		`{"prompt":"x","blur":0}`:                                     "blur says something of image, which is missing: send that too, or leave blur out.",
		`{"prompt":"x","blur":0.5,"image":null}`:                      "blur says something of image, which is missing: send that too, or leave blur out.",
		`{"prompt":"x","image":"file:a.png"}`:                         "",
		`{"prompt":"x","image":"file:../a"}`:                          "image names no file.",
		`{"prompt":"x","image":"%%"}`:                                 "image is not base64: send the file in standard base64.",
		`{"prompt":"x","image":"data:image/gif;base64,AAAA"}`:         "image is image/gif: it must be image/png.",
		`{"prompt":"x","image":"data:,AAAA"}`:                         "image is a data: URL without base64: write data:image/png;base64,….",
		`{"prompt":"x","image":"` + base64.StdEncoding.EncodeToString([]byte("123456789")) + `"}`: "image has 9 bytes: 8 at most.",
	} {
		o, err := schema.Parse([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		got := ""
		for _, w := range s.Check(o) {
			got += w.Detail
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestEverythingWrongIsTold(t *testing.T) {
	o, err := schema.Parse([]byte(`{"width":17,"fps":"a","x/~y":1,"preview":{"a":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, w := range compiled(t).Check(o) {
		fields = append(fields, w.Field)
	}
	if got := strings.Join(fields, " "); got != "fps preview prompt width x~1~0y" {
		t.Error(got)
	}
}

func TestParseRefuses(t *testing.T) {
	for body, want := range map[string]string{
		"":                       "it is empty",
		"[]":                     "it is of type array",
		"null":                   "it is null",
		`"a"`:                    "it is of type string",
		`{"a":1} x`:              "something after",
		`{"a":1,"\u0061":2}`:     "a is in the body more than once: send it once.",
		`{"a":{"b":1,"b":1}}`:    "b is in the body more than once",
		`{"a":`:                  "ends in the middle",
		`{"a":01}`:               "at byte",
		"{\"a\":\"\xff\"}":       "not valid UTF-8",
		`{"a":"\ud800"}`:         "half a surrogate",
		`{"a":"\udc00 x"}`:       "half a surrogate",
		`{"a":"\ud83dx\ude00"}`:  "half a surrogate",
		`{"a":{"b":["\uD83D"]}}`: "half a surrogate",
		`{"\ud800":1}`:           "", // Go's map key has lost it: a name that no schema has
		`{"a":1e999}`:            "too large",
		`{"a":[1e999]}`:          "too large",
	} {
		_, err := schema.Parse([]byte(body))
		if want == "" {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "map[") || strings.Contains(err.Error(), "Go ")) {
			t.Errorf("%s: %v names a Go type", body, err)
		}
	}
}

func TestNumbersArePlain(t *testing.T) {
	for in, want := range map[string]string{
		"1e3": "1000", "33.0": "33", "-0": "0", "-0.0": "0", "1.50": "1.5", "9007199254740993": "9007199254740993", "1e-999999999": "0",
		"1E2": "100", "12345678901234567890": "12345678901234567000",
	} {
		o, err := schema.Parse([]byte(`{"a":` + in + `}`))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got := string(o.JSON()); got != `{"a":`+want+`}` {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestFillAndDraw(t *testing.T) {
	s, o := compiled(t), schema.Object{"prompt": "<x>", "fps": json.Number("3")}
	s.Fill(o)
	seed, err := o["seed"].(json.Number).Int64()
	if err != nil || seed < 0 || seed > 1<<53-1 || o["width"] != json.Number("832") || o["fps"] != json.Number("3") || o["preview"] != false {
		t.Errorf("%v %v", o, err)
	}
	if bad := s.Check(o); bad != nil || !strings.Contains(string(o.JSON()), `"<x>"`) {
		t.Errorf("%v %s", bad, o.JSON())
	}
	again := schema.Object{}
	s.Draw(again)
	if len(again) != 1 || again["seed"] == o["seed"] {
		t.Error(again)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, doc := range []string{"", "{", `{"type":7}`, `{"$ref":"http://127.0.0.1:1/x"}`, `{"$ref":"file:///etc/passwd"}`, `{"properties":{"a":{"x-step":-1}}}`,
		`{"properties":{"a":{"pattern":"("}}}`, `{"properties":[]}`, "[" + strings.Repeat(" ", 1<<20) + "]"} {
		if _, err := schema.Compile([]byte(doc)); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%.40s: %v", doc, err)
		}
	}
}

// TestAModelOfItsOwn: alternatives, nesting and references within the document work as JSON Schema has them.
func TestAModelOfItsOwn(t *testing.T) {
	s, err := schema.Compile([]byte(`{"$defs":{"cut":{"type":"object","required":["at"],"properties":{"at":{"type":"number","minimum":0}}}},
	 "properties":{"cuts":{"type":"array","maxItems":2,"items":{"$ref":"#/$defs/cut"}},"size":{"anyOf":[{"type":"integer"},{"enum":["small","large"]}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"cuts":[{"at":1}],"size":"small"}`: "", `{"cuts":[{}]}`: "cuts/0/at", `{"cuts":[{"at":-1}]}`: "cuts/0/at", `{"size":"x"}`: "size", `{"cuts":[1,2,3]}`: "cuts",
	} {
		o, err := schema.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if bad := s.Check(o); len(bad) > 0 {
			if got = bad[0].Field; !strings.HasSuffix(bad[0].Detail, ".") {
				t.Error(bad[0].Detail)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	s, err := schema.Compile([]byte(document))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`{"prompt":"x","width":17}`, `{"prompt":"\ud83d\ude00","seed":1e3}`, `{"image":"data:image/png;base64,AA=="}`, `[]`, `{"a":{"b":[1,null,{}]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := schema.Parse(body)
		if err != nil {
			var bad *schema.InvalidError
			if !errors.As(err, &bad) || len(bad.Wrong) != 1 || bad.Wrong[0].Detail == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, w := range s.Check(o) {
			if w.Detail == "" {
				t.Fatalf("%q: no words for %q", body, w.Field)
			}
		}
		again, err := schema.Parse(o.JSON())
		if err != nil || string(again.JSON()) != string(o.JSON()) {
			t.Fatalf("%q becomes %s, then %s, %v", body, o.JSON(), again.JSON(), err)
		}
	})
}

func TestAFormIsToldWhereItGoes(t *testing.T) {
	_, err := schema.Parse([]byte("--b1\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na\xff\r\n--b1--\r\n"))
	if err == nil || !strings.Contains(err.Error(), "POST /v1/models/NAME/generate takes") {
		t.Errorf("a form gave %v", err)
	}
}

func TestNamesOfFiles(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "a.png": true, "A_9-z..": true, "-": true, ".a": false, "": false, "a/b": false, "a b": false, "ä": false, "a\n": false,
		strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
	} {
		if got, ok := schema.FileName(schema.FileValue(name)); ok != want || ok && got != name {
			t.Errorf("file %q: %v", name, ok)
		}
	}
	for id, want := range map[string]bool{"a": true, "0_-Z": true, "a.b": false, "": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false} {
		if _, ok := schema.UploadID(schema.UploadValue(id)); ok != want {
			t.Errorf("upload %q: %v", id, ok)
		}
	}
}

// What other models have and this one does not is told with the reason.
func TestWhatAModelLacksIsToldWithTheReason(t *testing.T) {
	s, err := schema.Compile([]byte(`{"type":"object","additionalProperties":false,"x-absent":{"volume":"this model makes no sound."},
		"properties":{"sound":{"type":"boolean","enum":[false],"description":"This model makes no sound."},"sides":{"enum":[4]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"volume":3}`:    "volume is not a field of this request: this model makes no sound.",
		`{"sound":true}`:  "sound is true: only false would do: this model makes no sound.",
		`{"sides":5}`:     "sides is 5: it must be one of 4.",
		`{"sound":false}`: "",
		`{"volumes":3}`:   "volumes is not a field of this request: there are sides, sound.",
	} {
		o, err := schema.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, w := range s.Check(o) {
			said += w.Detail
		}
		if said != want {
			t.Errorf("%s: %q, want %q", body, said, want)
		}
	}
}

// TestKnownIsCompiledWithTheFirstRequest, and then says the same.
func TestKnownIsCompiledWithTheFirstRequest(t *testing.T) {
	raw := []byte(`{"type":"object","required":["a"],"additionalProperties":false,"properties":{"a":{"type":"integer","maximum":3},"f":{"x-file":{}}}}`)
	now, err := schema.Compile(raw)
	later, lerr := schema.Known(raw)
	if err != nil || lerr != nil {
		t.Fatal(err, lerr)
	}
	for _, body := range []string{`{}`, `{"a":1}`, `{"a":4}`, `{"a":"x","b":1}`} {
		o, _ := schema.Parse([]byte(body))
		if got, want := later.Check(o), now.Check(o); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
	if !reflect.DeepEqual(later.Files(), []string{"f"}) {
		t.Errorf("files %v", later.Files())
	}
	// what was not compiled before is found then, and every time
	never, err := schema.Known([]byte(`{"properties":{"a":{"$ref":"http://elsewhere/"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if wrong := never.Check(schema.Object{}); len(wrong) != 1 || !strings.Contains(wrong[0].Detail, "refers to http://elsewhere/") {
			t.Errorf("%+v", wrong)
		}
	}
}
