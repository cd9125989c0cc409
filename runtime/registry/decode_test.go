package registry

import (
	"strings"
	"testing"
)

func TestMistakesNameFileLineFieldAndWhatIsAllowed(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct{ text, want string }{
		"unknown":    {"name: f\nimage: i\nlimits:\n  memmory: 1GiB\n", "f.yaml:4: limits.memmory: is not a field; allowed: cpus, memory,"},
		"type":       {"name: f\nimage: i\nconcurrency: many\n", `f.yaml:3: concurrency: "many" does not fit; allowed: a whole number`},
		"unit":       {"name: f\nimage: i\ntimeout: 5\n", `f.yaml:3: timeout: "5" is not a duration: write a number with a unit`},
		"size":       {"name: f\nimage: i\nlimits: {memory: lots}\n", `f.yaml:3: limits.memory: "lots" is not a size`},
		"range":      {"name: f\nimage: i\n\nconcurrency: -1\n", "f.yaml:4: concurrency: is -1; allowed: 1 to 10000"},
		"word":       {"name: f\nimage: i\nnetwork: host\n", `f.yaml:3: network: is "host"; allowed: none, bridge`},
		"twice":      {"name: f\nimage: i\nimage: j\n", "f.yaml:3: image: is given twice; allowed: once"},
		"list":       {"name: f\ncommand: run\n", `f.yaml:2: command: is the value "run"; allowed: a list`},
		"nested":     {"name: f\nimage: i\nmounts:\n- source: a\n  target: b\n", `f.yaml:5: mounts[0].target: is "b"; allowed: an absolute path`},
		"missing":    {"name: f\n", "f.yaml:1: image: neither image nor command is given"},
		"syntax":     {"name: f\n  image: [\n", "f.yaml:2: not YAML"},
		"empty":      {"", "f.yaml:1: the manifest is empty"},
		"second":     {"name: f\nimage: i\n---\nname: g\n", "a second YAML document"},
		"region":     {"name: f\nimage: i\nenv:\n  AWS_REGION: eu-west-1\n", "f.yaml:4: env.AWS_REGION: AWS_REGION is set by the runtime itself; allowed: any other name"},
		"reserved":   {"name: f\nimage: i\nenv:\n  A: b\n  _HANDLER: x\n", "f.yaml:5: env._HANDLER: _HANDLER is set by the runtime itself; allowed: any other name"},
		"device":     {"name: f\nimage: i\ngpus: [all, 0]\n", `f.yaml:3: gpus[1]: is "0"; allowed: "all" or a CDI name`},
		"one twice":  {"name: f\nimage: i\ngpus: [nvidia.com/gpu=0, nvidia.com/gpu=0]\n", `f.yaml:3: gpus[1]: is "nvidia.com/gpu=0" beside what gives it already; allowed: each GPU once`},
		"all, one":   {"name: f\nimage: i\ngpus: [nvidia.com/gpu=0, all]\n", `f.yaml:3: gpus[1]: is "all" beside what gives it already`},
		"an index":   {"name: f\nimage: i\ngpus: [1]\n", `f.yaml:3: gpus[0]: is "1"; allowed: "all" or a CDI name`},
		"how many":   {"name: f\nimage: i\ngpus: 2.5\n", `f.yaml:3: gpus: is "2.5"; allowed: a list of names, a whole number from 0 to 64, or all`},
		"a word":     {"name: f\nimage: i\ngpus: every\n", `f.yaml:3: gpus: is "every"; allowed: a list of names, a whole number from 0 to 64, or all`},
		"no name":    {"name: f\nimage: i\ngpus: gpu=0\n", `f.yaml:3: gpus[0]: is "gpu=0"; allowed: "all" or a CDI name`},
		"retries":    {"name: f\nimage: i\nasync: {retries: 3}\n", "f.yaml:3: async.retries: is 3; allowed: 0, 1 or 2"},
		"null":       {"name: f\nimage: i\nconcurrency:\n", "f.yaml:3: concurrency:"},
		"part":       {"name: f\nimage: i\nconcurrency: 2.7\n", `f.yaml:3: concurrency: "2.7" does not fit; allowed: a whole number`},
		"zero":       {"name: f\nimage: i\nconcurrency: 0\n", "f.yaml:3: concurrency: is 0; allowed: 1 to 10000"},
		"no time":    {"name: f\nimage: i\ntimeout: 0s\n", "f.yaml:3: timeout: is 0; allowed: more than 0"},
		"origin":     {"name: f\nimage: i\nurl:\n  cors:\n    allowOrigins: [example.com]\n", `f.yaml:5: url.cors.allowOrigins[0]: is "example.com"; allowed: "*" or an origin`},
		"method":     {"name: f\nimage: i\nurl:\n  cors:\n    allowMethods: [GET, 'post']\n", `f.yaml:5: url.cors.allowMethods[1]: is "post"; allowed: "*" or a method`},
		"target":     {"name: f\nimage: i\nasync:\n  onFailure: 'a:b:c'\n", "f.yaml:4: async.onFailure: is \"a:b:c\"; allowed: a function's NAME or NAME:QUALIFIER"},
		"image":      {"name: f\nimage: '!!!'\n", `f.yaml:2: image: "!!!" is not an image: invalid reference format; allowed: an OCI reference`},
		"notmapping": {"- a\n", "is a list; allowed: a mapping with args, async,"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.manifestText("f.yaml", c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func (w *world) manifestText(path, text string) (string, error) {
	fn, err := w.Registry.manifest(path, []byte(text), nil)
	return fn.Name, err
}

func TestGPUsByTheirNumber(t *testing.T) {
	for text, want := range map[string]int{"gpus: 2": 2, "gpus: 0": 0, "gpus: [all]": 0, "gpus: [2]": 0} {
		fn, _, err := parse("f.yaml", []byte("name: f\nimage: i\n"+text+"\n"))
		if err != nil || fn.GPUs.Any() != want {
			t.Errorf("%s: %v %v", text, fn.GPUs, err)
		}
	}
	for text, want := range map[string]string{"gpus: all": "all", "gpus: nvidia.com/gpu=0": "nvidia.com/gpu=0"} {
		fn, _, err := parse("f.yaml", []byte("name: f\nimage: i\n"+text+"\n"))
		if err != nil || len(fn.GPUs) != 1 || fn.GPUs[0] != want {
			t.Errorf("%s: %v %v", text, fn.GPUs, err)
		}
	}
}

func TestStringsStayAsWritten(t *testing.T) {
	fn, _, err := parse("f.yaml", []byte("name: f\nenv: {A: 1.0, B: yes, C: 0x10}\n"))
	if err != nil || fn.Env["A"] != "1.0" || fn.Env["B"] != "yes" || fn.Env["C"] != "0x10" {
		t.Errorf("%v %v", fn.Env, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{echo, "a: &x [*x]", "name: f\nenv: {a: b}\n", "{", "\x00", "model: {name: m, bundle: b}\n", "async: {retries: 1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fn, d, err := parse("f.yaml", text)
		if err != nil {
			return
		}
		fn = withDefaults(fn)
		_ = validate(&fn, "f.yaml", d.lines, 0)
	})
}
