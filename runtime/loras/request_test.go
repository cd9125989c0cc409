package loras

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// Each is refused with 422 and one sentence, for a clip and for a ping, and nothing is built.
func TestLoRAsThatCannotBe(t *testing.T) {
	r := newRig(t)
	thousand := "[" + strings.TrimSuffix(strings.Repeat(`{"name":"style"},`, 1000), ",") + "]"
	for loras, want := range map[string]string{
		`[{"name":"none"}]`:                        `loras[0]: there is no LoRA "none": other, style would do`,
		`[{"name":"../style"}]`:                    "is no LoRA's name",
		`[{"name":".style"}]`:                      "is no LoRA's name",
		`[{"name":"a/b"}]`:                         "is no LoRA's name",
		`[{"name":""}]`:                            "is no LoRA's name",
		`[{"name":"st\u0000yle"}]`:                 "is no LoRA's name",
		`[{"name":"style","strength":0}]`:          "is at strength 0",
		`[{"name":"style","strength":-0.0}]`:       "is at strength 0",
		`[{"name":"style","strength":"1"}]`:        `loras[0].strength is "1": it must be a number in -10…10`,
		`[{"name":"style","strength":"NaN"}]`:      `loras[0].strength is "NaN"`,
		`[{"name":"style","strength":null}]`:       "loras[0].strength is null: it must be a number",
		`[{"name":"style","strength":[1]}]`:        "loras[0].strength is [1]: it must be a number",
		`[{"name":"style","strength":true}]`:       "loras[0].strength is true",
		`[{"name":"style","strength":1e400}]`:      "loras holds a number that is too large to be one",
		`[{"name":"style","strength":-1e400}]`:     "loras holds a number that is too large to be one",
		`[{"name":"style","strength":1e300}]`:      "it must lie in -10…10",
		`[{"name":"style","strength":-10.5}]`:      "loras[0].strength is -10.5: it must lie in -10…10",
		`[{"name":"style","scale":1}]`:             "scale is not a field of loras[0]",
		`[{"strength":1}]`:                         "name is missing",
		`[{"name":["style"]}]`:                     `loras[0].name is ["style"]: it must be a string`,
		`["style"]`:                                `loras[0] is "style": it must be an object`,
		`{"name":"style"}`:                         "it must be a list",
		`"style"`:                                  "it must be a list",
		`[{"name":"style"},{"name":"style"}]`:      "loras has style twice",
		`[{"name":"style"},{"name":"other"},null]`: "loras[2]",
		thousand: "loras has 1000 entries: 8 at most",
	} {
		for _, with := range []string{`{"prompt":"x","loras":%s}`, `{"ping":true,"loras":%s}`} {
			_, err := r.invoke(t, fmt.Sprintf(with, loras))
			var typed *gateway.Typed
			if !errors.As(err, &typed) || typed.Status != http.StatusUnprocessableEntity || !errdefs.IsInvalidArgument(err) || !strings.Contains(gateway.Sentence(err), want) {
				t.Errorf("%.80s: want %q, got %v", loras, want, err)
			}
		}
	}
	for _, loras := range []string{"[]", "null"} {
		if inv, err := r.invoke(t, `{"loras":`+loras+`}`); err != nil || inv.Qualifier != "" {
			t.Errorf("%s: %+v, %v", loras, inv, err)
		}
	}
	for _, body := range []string{`{"loras":[{"name":"style","strength":NaN}]}`, `{"loras":[{"name":"style"}]`, `["loras"]`, `{"requestContext":{"http":{"method":"GET"}},"body":"{\"loras\":[{\"name\":\"style\"}]}"}`} {
		if inv, err := r.invoke(t, body); err != nil || inv.Qualifier != "" {
			t.Errorf("%s is for the function to refuse: %+v, %v", body, inv, err)
		}
	}
	if len(r.builds) != 0 {
		t.Errorf("built for nothing: %v", r.builds)
	}
}

// Negative strengths are the opposite of a style, and as good as any.
func TestStrengthsThatCanBe(t *testing.T) {
	r := newRig(t)
	keys := map[string]bool{}
	for _, strength := range []string{"-10", "-0.5", "1e-9", "1", "10"} {
		inv, err := r.invoke(t, `{"loras":[{"name":"style","strength":`+strength+`}]}`)
		if err != nil {
			t.Errorf("%s: %v", strength, err)
		}
		keys[inv.Qualifier] = true
	}
	if len(keys) != 5 {
		t.Errorf("%d strengths are told apart of 5", len(keys))
	}
}

// What the model's schema refuses is not merged for: the function gets it as it is and says what is wrong. What the schema says of
// loras themselves is told at once.
func TestTheRequestIsHeldToTheSchemaFirst(t *testing.T) {
	r := newRig(t)
	bundle := filepath.Join(r.merger.models, "plain")
	man := weights.Manifest{Family: "f", Name: "n", Schema: []byte(`{"type":"object","required":["prompt"],"additionalProperties":false,"properties":{
	 "prompt":{"type":"string"},"num_frames":{"type":"integer","minimum":1,"maximum":81,"x-step":4},
	 "loras":{"type":"array","maxItems":1,"items":{"type":"object","properties":{"name":{"type":"string"},"strength":{"type":"number","maximum":2}}}}}}`)}
	var err error
	if r.base, err = weights.Seal(t.Context(), bundle, man, nil); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{`"num_frames":10`, `"num_frames":0`, `"promt":"x"`, `"output":"json"`} {
		if inv, err := r.invoke(t, `{`+wrong+`,"loras":[{"name":"style"}]}`); err != nil || inv.Qualifier != "" || len(r.builds) != 0 {
			t.Errorf("%s: %+v, %v, %d builds", wrong, inv, err, len(r.builds))
		}
	}
	for loras, want := range map[string]string{`[{"name":"style","strength":3}]`: "loras[0].strength", `[{"name":"style"},{"name":"other"}]`: "loras has 2 entries: 1 at most"} {
		if _, err := r.invoke(t, `{"prompt":"x","loras":`+loras+`}`); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", loras, want, err)
		}
	}
	for i, good := range []string{`{"prompt":"x","output":"mp4","loras":[{"name":"style"}]}`, `{"ping":true,"loras":[{"name":"other"}]}`} {
		if inv, err := r.invoke(t, good); err != nil || inv.Qualifier == "" || len(r.builds) != i+1 {
			t.Errorf("%s: %+v, %v, %d builds", good, inv, err, len(r.builds))
		}
	}
}

// What is no regular file is no LoRA, and is waited for by nobody.
func TestOnlyFilesAreLoRAs(t *testing.T) {
	r := newRig(t)
	dir := filepath.Join(r.merger.models, lorasName)
	at := func(name string) string { return filepath.Join(dir, name+".safetensors") }
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: at("socket"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, err := range []error{unix.Mkfifo(at("fifo"), 0o600), os.Mkdir(at("folder"), 0o700), os.Symlink("/dev/zero", at("device")),
		os.Symlink("fifo.safetensors", at("tofifo")), os.Symlink("nowhere", at("dangling")), os.Symlink(at("loop"), at("loop")), os.Symlink("style.safetensors", at("linked"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprint(Names(r.merger.models)), "[linked other style]"; got != want {
		t.Errorf("listed are %s, want %s", got, want)
	}
	for _, name := range []string{"fifo", "folder", "device", "socket", "tofifo", "dangling", "loop"} {
		_, err := r.invoke(t, `{"loras":[{"name":"`+name+`"}]}`)
		if err == nil || strings.Contains(err.Error(), dir) || name != "loop" && !strings.Contains(err.Error(), "would do") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if inv, err := r.invoke(t, `{"loras":[{"name":"linked"}]}`); err != nil || inv.Qualifier == "" {
		t.Errorf("a link to a file: %+v, %v", inv, err)
	}
}
