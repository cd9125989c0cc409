package ui_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// theRequest has what shells and programs take for something else.
const theRequest = "it's a $HOME $(touch pwned) `touch pwned` '; touch pwned; ' \"quoted\" !! C:\\new\\\\ \\' %s %d ''' {a,b} * ~ #x\nsecond line\n\tthird & | > pwned < 👩‍👩‍👧‍👦 é \u202eabc\u202c \u2028 \x7f"

// direct puts the Lambda API beside the page: it keeps what it is called with, and answers with a clip, as functions do.
func direct(t *testing.T, r *rig) (calls func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	run := gatewaytest.Invoker(func(_ context.Context, inv spec.Invocation) (*spec.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, inv.Function+" "+string(inv.Payload))
		b, err := json.Marshal(map[string]any{"video": aClip(t, "direct")})
		return gatewaytest.Answer(b), err
	})
	r.o.routes = append(r.o.routes, lambda.New(lambda.Options{Invoker: run, Functions: r.catalog, Aliases: r.catalog}))
	r.halt()
	r.boot()
	return func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
}

// awsTools gives the folders of this machine's AWS CLIs, one of each version.
func awsTools(t *testing.T) (dirs []string) {
	t.Helper()
	found, _ := exec.LookPath("aws") // "" runs nowhere
	seen := map[string]bool{}
	for _, path := range []string{os.Getenv("VIDEOSDGX_AWS"), "/usr/bin/aws", found} {
		if path == "" {
			continue
		}
		out, err := exec.Command(path, "--version").CombinedOutput()
		version, _, _ := strings.Cut(strings.TrimPrefix(string(out), "aws-cli/"), ".")
		if err == nil && !seen[version] {
			seen[version] = true
			dirs = append(dirs, filepath.Dir(path))
			t.Logf("%s", strings.TrimSpace(string(out)))
		}
	}
	if len(dirs) == 0 && os.Getenv("VIDEOSDGX_TEST_AWSCLI") == "1" {
		t.Error("no AWS CLI runs here; install it with: apt-get install awscli")
	} else if len(dirs) == 0 {
		t.Log("NOT TESTED: no AWS CLI runs here; apt-get install awscli")
	}
	return dirs
}

// runs runs a program in an empty folder, which it gives: what a prompt says has not been done there.
func runs(t *testing.T, env []string, program ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], program[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, "HOME="+dir)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v %s\n%s", err, out, strings.Join(program, " "))
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Errorf("the prompt was run: %s", strings.Join(program, " "))
	}
	return dir
}

// TestTheSameRequestElsewhere runs what the page gives to copy, and looks for the clip and for what was asked.
func TestTheSameRequestElsewhere(t *testing.T) {
	r := newRig(t, instant)
	w := open(t, r.url+"/")
	w.deaf = "net::ERR" // the server starts again
	calls := direct(t, r)
	w.until("document.querySelector('#f-prompt')")
	js[bool](w, `(() => { const a = document.querySelector('#f-prompt'); a.value = `+quoted(theRequest)+`; a.dispatchEvent(new Event('input', {bubbles: true})); return true })()`)
	w.click("button", "The same request elsewhere")
	text := func(tool, want string) string {
		t.Helper()
		w.click(".segments button", tool)
		w.until("document.querySelector('pre.code').textContent.includes(" + quoted(want) + ")")
		return js[string](w, "document.querySelector('pre.code').textContent")
	}
	clip := func(tool, dir string) {
		t.Helper()
		if b, _ := os.ReadFile(filepath.Join(dir, "clip.mp4")); !strings.Contains(string(b[:min(len(b), 64)]), "ftyp") {
			t.Errorf("%s made no clip: %.100q", tool, b)
		}
	}
	asked := func(tool, dir string) {
		t.Helper()
		clip(tool, dir)
		if all := r.calls.Calls(); all[len(all)-1].Request.Prompt != theRequest {
			t.Errorf("%s sent the prompt %q", tool, all[len(all)-1].Request.Prompt)
		}
	}
	asked("curl", runs(t, nil, "sh", "-c", text("curl", `it'\''s a $HOME`)))
	asked("Python", runs(t, nil, "python3", "-c", text("Python", `it's a $HOME`)))
	line, tools := text("AWS CLI", "--function-name 'painter'"), awsTools(t)
	for _, dir := range tools {
		clip("the AWS CLI in "+dir, runs(t, []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1"}, "sh", "-c", line))
	}
	for _, call := range calls() {
		var body struct{ Prompt string }
		if name, payload, _ := strings.Cut(call, " "); name != "painter" || json.Unmarshal([]byte(payload), &body) != nil || body.Prompt != theRequest {
			t.Errorf("the AWS CLI sent %s", call)
		}
	}
	if n := len(calls()); n != len(tools) {
		t.Errorf("%d calls of %d AWS CLIs", n, len(tools))
	}
}

// TestShellsReadTheRequestAlike gives shells what is copied of many prompts, with other programs in the tools' places.
func TestShellsReadTheRequestAlike(t *testing.T) {
	r := newRig(t)
	w := open(t, r.url+"/")
	bin := t.TempDir()
	for _, name := range []string{"curl", "aws"} { // what they are called with stands in args
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nfor a; do printf '%s\\036' \"$a\"; done >> args\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	given := func(dir, file string) string {
		b, _ := os.ReadFile(filepath.Join(dir, file)) // none says nothing
		return string(b)
	}
	for _, prompt := range []string{theRequest, "", "'", `\`, `\'`, `'\''`, `\\`, `"`, "$(touch pwned)", "`touch pwned`", "';touch pwned;'", "\n", "\r\n\ttouch pwned\n", "!touch", `%n%s\c`, "-n", "@/etc/passwd", "\x00", "\u2028\u2029\ufeff", "👾", `\x`, `\u0041`, "{1..3} [a] ? *", "EOF\n$X"} {
		text := func(tool, name string) string {
			return js[string](w, fmt.Sprintf("import(document.querySelector('script[type=module]').src).then((m) => m.snippets_js.%s('http://h', %s, {prompt: %s, version: 'live', priority: 'high'}))", tool, quoted(name), quoted(prompt)))
		}
		wanted := func(by, got string, more map[string]any) {
			t.Helper()
			var have map[string]any
			if err := json.Unmarshal([]byte(got), &have); err != nil || have["prompt"] != prompt || len(have) != 1+len(more) {
				t.Errorf("%s makes %q of %q: %v", by, got, prompt, err)
			}
			for k := range maps.Keys(more) {
				if have[k] != more[k] {
					t.Errorf("%s has %s %v", by, k, have[k])
				}
			}
		}
		queued := map[string]any{"version": "live", "priority": "high"}
		curl, aws, python := text("curl", "m"), text("aws", "f'n"), text("python", "m")
		aws, _, _ = strings.Cut(aws, " &&\npython3")
		for _, shell := range []string{"sh", "bash", "zsh", "fish"} {
			if _, err := exec.LookPath(shell); err != nil {
				continue // the others are read in the same way
			}
			args := strings.Split(given(runs(t, path, shell, "-c", curl), "args"), "\x1e")
			if at := slices.Index(args, "-d"); at < 0 || args[0] != "http://h/v1/models/m/generate" {
				t.Errorf("%s gives curl %q", shell, args)
			} else {
				wanted(shell, args[at+1], queued)
			}
			dir := runs(t, path, shell, "-c", aws)
			wanted(shell+" for the AWS CLI", given(dir, "request.json"), nil)
			if got := strings.ReplaceAll(given(dir, "args"), "\x1e", " "); !strings.Contains(got, "--function-name f'n --qualifier live") || !strings.HasSuffix(got, "--payload fileb://request.json answer.json ") {
				t.Errorf("%s gives the AWS CLI %q", shell, got)
			}
		}
		const stub = "import urllib.request\ndef take(request):\n    open('sent', 'wb').write(request.data)\n    raise SystemExit\nurllib.request.urlopen = take\n"
		wanted("Python", given(runs(t, nil, "python3", "-c", stub+python), "sent"), queued)
	}
}

// TestSoundAloneIsAskedForElsewhereToo: of its sound alone what is copied takes sound, and saves it under a name of its own.
func TestSoundAloneIsAskedForElsewhereToo(t *testing.T) {
	w := open(t, newRig(t).url+"/")
	for output, want := range map[string][]string{"wav": {"audio/wav", `["audio"]`, "sound.wav"}, "mp4": {"video/mp4", `["video"]`, "clip.mp4"}} {
		for tool, asks := range map[string]string{"curl": want[0], "aws": want[1], "python": want[0]} {
			text := js[string](w, fmt.Sprintf("import(document.querySelector('script[type=module]').src).then((m) => m.snippets_js.%s('http://h', 'm', {prompt: 'x', output: '%s'}))", tool, output))
			if !strings.Contains(text, asks) || !strings.Contains(text, want[2]) || strings.Contains(text, "clip.mp4") != (output == "mp4") {
				t.Errorf("%s of %s: %s", tool, output, text)
			}
		}
	}
}
