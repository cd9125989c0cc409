package reseed

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// interpreter is a real one that answers each line with random numbers.
type interpreter struct {
	cmd *exec.Cmd
	ask func() string
}

func start(t *testing.T, env []string, name string, args ...string) *interpreter {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("NOT TESTED: there is no %s here", name)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	i := &interpreter{cmd: cmd, ask: func() string {
		fmt.Fprintln(in)
		if !lines.Scan() {
			t.Fatalf("%s has ended", name)
		}
		return lines.Text()
	}}
	i.ask()
	return i
}

// pythonHelper draws from where it was each time, as two instances of one snapshot would.
const pythonHelper = `
import os, sys, random
try:
    import numpy
    import numpy.random
    g, m = numpy.random.default_rng(), numpy.random.Generator(numpy.random.MT19937())
    root, old = numpy.random.SeedSequence(), numpy.random.RandomState()
    def spawned():  # children of what is left as it was, however often it is asked
        for s in g.bit_generator.seed_seq, root:
            kept = s.__reduce__()[2]
            yield s.spawn(1)[0].generate_state(1)[0]
            s.__setstate__(kept)
    def kept():  # the second of two normal numbers
        if not old.get_state(legacy=False)["has_gauss"]:
            old.randn()
        return old.get_state(legacy=False)["gauss"]
    def more():
        return numbers() + list(spawned()) + [kept()]
    def numbers():
        before = g.bit_generator.state, m.bit_generator.state, numpy.random.get_state()
        drawn = [g.random(), m.random(), numpy.random.rand(), numpy.random.randint(1 << 60)]
        g.bit_generator.state, m.bit_generator.state = before[0], before[1]
        numpy.random.set_state(before[2])
        return drawn
except ImportError:
    more = lambda: []
try:
    import sqlite3
    sql = sqlite3.connect(":memory:")
    sql.execute("select random()").fetchone()
    def database():  # what a child draws, its parent draws as well
        r, w = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(w, str(sql.execute("select random()").fetchone()[0]).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(w)
        drawn = os.read(r, 99).decode()
        os.close(r)
        return [drawn]
except ImportError:
    database = lambda: []
random.gauss(0, 1)
own = random.Random()
class Wants(random.Random):
    seed = lambda self, a: random.Random.seed(self, a)
wants = Wants(1)
import gc
getattr(gc, "freeze", int)()  # as servers do before they fork: the collector lists none of the above
draw = lambda: [random.random(), random.gauss(0, 1), own.random(), random.randrange(1 << 60), wants.random()] + more() + database()
for line in iter(sys.stdin.readline, ""):
    states = [r.getstate() for r in (random, own, wants)]
    drawn = draw()
    for r, state in zip((random, own, wants), states): r.setstate(state)
    print(*drawn, flush=True)
`

// TestPython: what a Python process would draw again it does not draw after it was told of a restore.
func TestPython(t *testing.T) {
	pythons, _ := filepath.Glob(os.Getenv("HOME") + "/.pyenv/versions/3.*/bin/python3")
	if own := os.Getenv("VIDEOSDGX_TEST_PYTHON"); own != "" { // one with NumPy and PyTorch, say
		pythons = append(pythons, own)
	}
	for _, python := range append(pythons, "python3") {
		t.Run(strings.ReplaceAll(python, "/", "_"), func(t *testing.T) {
			path, err := InstallPython(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			p := start(t, []string{"PYTHONPATH=" + path}, python, "-c", pythonHelper)
			first, second := strings.Fields(p.ask()), strings.Fields(p.ask())
			if !slices.Equal(first, second) {
				t.Fatalf("%v and then %v: this test cannot tell", first, second)
			}
			pid := p.cmd.Process.Pid
			if what := Repeats(pid); what != "" {
				t.Errorf("it repeats: %s", what)
			}
			if _, err := Process(pid, Places{}); err != nil {
				t.Fatal(err)
			}
			renewed := strings.Fields(p.ask())
			for i, v := range renewed {
				if v == second[i] {
					t.Errorf("number %d is %s again", i, v)
				}
			}
		})
	}
}

// TestNodeFetchesAhead: bytes that a library keeps for later are out of reach, whichever way it got them; few are not kept.
func TestNodeFetchesAhead(t *testing.T) {
	for code, repeats := range map[string]bool{
		"crypto.randomFillSync(Buffer.alloc(2688))":                                                                 true, // nanoid 3
		"crypto.randomFillSync(new Uint8Array(256))":                                                                true, // uuid 8
		"crypto.webcrypto.getRandomValues(Buffer.allocUnsafe(2688))":                                                true, // nanoid 5
		"globalThis.crypto?.getRandomValues(new Uint32Array(64)) ?? crypto.randomBytes(256)":                        true,
		"crypto.randomBytes(4096)":                                                                                  true, // uid
		"crypto.randomFill(new Uint8Array(512), () => {})":                                                          true,
		"crypto.randomBytes(32), crypto.randomUUID(), crypto.randomInt(9), crypto.randomFillSync(Buffer.alloc(16))": false,
		"crypto.webcrypto.getRandomValues(new Uint8Array(16))":                                                      false,
		"crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }), crypto.randomBytes(16, () => {})":               false,
	} {
		t.Run(code, func(t *testing.T) {
			option, err := InstallNode(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			p := start(t, []string{"NODE_OPTIONS=" + option}, "node", "-e", "const crypto = require('node:crypto'); "+code+
				"; process.stdin.on('data', () => console.log('x'))")
			if what := Repeats(p.cmd.Process.Pid); (what != "") != repeats {
				t.Errorf("repeats %q", what)
			}
			p.ask() // it goes on
		})
	}
}

// startNode starts Node.js with the script; it answers lines with what answer gives.
func startNode(t *testing.T, before, answer string) *interpreter {
	t.Helper()
	option, err := InstallNode(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return start(t, []string{"NODE_OPTIONS=" + option}, "node", "-e", before+"; process.stdin.on('data', async () => console.log(String(await ("+answer+"))))")
}

// TestNodeContexts: whatever context a function makes, its Math.random draws from the one that is renewed; one that a function
// put there itself is left, and nothing of ours but numbers gets in.
func TestNodeContexts(t *testing.T) {
	const own = "Math.random.toString().includes('draw()')"
	for code, want := range map[string]string{
		"vm.runInNewContext(`" + own + "`)":                                                                                       "true",
		"vm.runInNewContext(`" + own + "`, undefined, 'x.js')":                                                                    "true",
		"vm.runInContext(`" + own + "`, vm.createContext())":                                                                      "true",
		"vm.runInContext(`" + own + "`, vm.createContext(vm.createContext({ a: 1 })))":                                            "true",
		"new vm.Script(`" + own + "`).runInNewContext({ x: 1 }, { contextName: 'n' })":                                            "true",
		"vm.runInNewContext(`" + own + "`, {}, { microtaskMode: 'afterEvaluate' })":                                               "true",
		"vm.runInNewContext(`" + own + "`, {}, { contextCodeGeneration: { strings: false } })":                                    "true",
		"vm.runInNewContext('Math.random()', { Math: { random: () => 7 } })":                                                      "7",
		"vm.runInNewContext('Math.random', { Math }) === Math.random":                                                             "true",
		"vm.runInNewContext(`Math.random.constructor('return typeof process')()`)":                                                "undefined",
		"vm.runInNewContext(`Object.keys(Math).length`)":                                                                          "0",
		"new Set(Array.from({ length: 9 }, () => vm.runInNewContext('Math.random()'))).size":                                      "9",
		"vm.runInNewContext('x +', {}, { contextName: 7 })":                                                                       "ERR_INVALID_ARG_TYPE",
		"import('node:vm').then((m) => m.runInNewContext(`" + own + "`))":                                                         "true",
		"import('node:crypto').then((m) => m.randomInt === crypto.randomInt)":                                                     "true",
		"import('node:crypto').then((m) => m.randomFillSync === crypto.randomFillSync)":                                           "true",
		"crypto.webcrypto.randomUUID.toString().includes('disableEntropyCache')":                                                  "true",
		"/^[0-9a-f-]{36}$/.test(crypto.webcrypto.randomUUID())":                                                                   "true",
		"crypto.webcrypto.randomUUID.call({})":                                                                                    "ERR_INVALID_THIS",
		"new Worker(`p.postMessage(Math.random.toString().includes('seeded'))`.replace(/^/, " + workerHead + "), { eval: true })": "true",
	} {
		t.Run(code, func(t *testing.T) {
			p := startNode(t, nodeHead, "(async () => { try { let v = "+code+"; if (v instanceof Worker) v = new Promise((done) => v.on('message', done)); return await v } catch (e) { return e.code ?? e } })()")
			if got := p.ask(); !strings.Contains(got, want) {
				t.Error(got)
			}
			if what := Repeats(p.cmd.Process.Pid); what != "" {
				t.Errorf("repeats %q", what)
			}
		})
	}
}

const (
	nodeHead   = "const vm = require('node:vm'), crypto = require('node:crypto'), { Worker } = require('node:worker_threads')"
	workerHead = `"const p = require('node:worker_threads').parentPort; "`
)

// TestNodeKeeps: what cannot be renewed is told, in threads and in WebAssembly as well.
func TestNodeKeeps(t *testing.T) {
	const keeps = `(async () => { const w = new Worker(%s); await new Promise((done) => w.on('message', done)); return w.threadId })()`
	const wasm = `new WebAssembly.Module(Uint8Array.of(0,97,115,109,1,0,0,0,1,4,1,96,0,0,2,16,1,3,101,110,118,8,%s,0,0))`
	name := func(text string) (codes string) {
		for _, c := range text {
			codes += fmt.Sprint(c, ",")
		}
		return strings.TrimSuffix(codes, ",")
	}
	for code, repeats := range map[string]bool{
		fmt.Sprintf(keeps, workerHead+" + `require('node:crypto').randomBytes(256); p.postMessage(1); p.on('message', () => {})`, { eval: true }"): true,
		fmt.Sprintf(keeps, workerHead+" + `require('node:crypto').randomBytes(16); p.postMessage(1); p.on('message', () => {})`, { eval: true }"):  false,
		fmt.Sprintf(keeps, workerHead+" + `p.postMessage(1)`, { eval: true, env: { A: '1' } }"):                                                    true,
		fmt.Sprintf(keeps, workerHead+" + `p.postMessage(1)`, { eval: true, env: { ...process.env, A: '1' } }"):                                    false,
		"crypto.randomFillSync(new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 8, 16))":                                              true,
		"crypto.webcrypto.getRandomValues(new Uint8Array(new WebAssembly.Memory({ initial: 2 }).buffer, 8, 16))":                                   true,
		"new WebAssembly.Instance(" + fmt.Sprintf(wasm, name("myrandom")) + ", { env: { myrandom() {} } })":                                        true,
		"WebAssembly.instantiate(" + fmt.Sprintf(wasm, name("entropy!")) + ", { env: { 'entropy!'() {} } })":                                       true,
		"new WebAssembly.Instance(" + fmt.Sprintf(wasm, name("on_error")) + ", { env: { on_error() {} } })":                                        false,
	} {
		t.Run(code, func(t *testing.T) {
			p := startNode(t, nodeHead+"; let once", "once ??= "+code)
			if what := Repeats(p.cmd.Process.Pid); (what != "") != repeats {
				t.Errorf("repeats %q", what)
			}
			p.ask() // it goes on
		})
	}
}

// TestPythonSubInterpreters: what they draw nobody renews.
func TestPythonSubInterpreters(t *testing.T) {
	path, err := InstallPython(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for with, code := range map[bool]string{
		true:  "import sys\ntry:\n import _interpreters as i\nexcept ImportError:\n import _xxsubinterpreters as i\nk = i.create()\ni.run_string(k, 'import random')\n",
		false: "import sys, random\n",
	} {
		p := start(t, []string{"PYTHONPATH=" + path}, "python3", "-c", code+"for line in iter(sys.stdin.readline, ''): print(1, flush=True)")
		if what := Repeats(p.cmd.Process.Pid); with != strings.Contains(what, "sub-interpreter") || !with && what != "" {
			t.Errorf("%v: %q", with, what)
		}
	}
}

// TestPythonWithoutTheScript is told from one with it, and is not harmed.
func TestPythonWithoutTheScript(t *testing.T) {
	p := start(t, nil, "python3", "-I", "-c", pythonHelper)
	if what := Repeats(p.cmd.Process.Pid); !strings.Contains(what, "PYTHONPATH") {
		t.Errorf("repeats %q", what)
	}
	if _, err := Process(p.cmd.Process.Pid, Places{}); err != nil {
		t.Error(err)
	}
	p.ask()
}

// TestPythonKeepsItsOwnSitecustomize: the image's is run as well, and the function does not see ours.
func TestPythonKeepsItsOwnSitecustomize(t *testing.T) {
	path, err := InstallPython(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	own := t.TempDir()
	if err := os.WriteFile(filepath.Join(own, "sitecustomize.py"), []byte("import builtins\nbuiltins.mine = 7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, []string{"PYTHONPATH=" + path + ":" + own}, "python3", "-c", "import sys\nfor line in iter(sys.stdin.readline, ''): print(mine, sys.path, flush=True)")
	if got := p.ask(); !strings.HasPrefix(got, "7 ") || strings.Contains(got, path) {
		t.Error(got)
	}
}

// TestWhatRepeats: interpreters whose generators nobody can renew are named.
func TestWhatRepeats(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"perl", []string{"-e", `$| = 1; while (<STDIN>) { print rand(), "\n" }`}, "perl"},
		{"bash", []string{"-c", `while read -r l; do echo $RANDOM; done`}, "bash"},
		{"node", []string{"-e", `process.stdin.on('data', () => console.log(Math.random()))`}, "Node.js without its NODE_OPTIONS"},
		{"dash", []string{"-c", `while read -r l; do echo x; done`}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, nil, c.name, c.args...)
			if what := Repeats(p.cmd.Process.Pid); what != c.want {
				t.Errorf("%q", what)
			}
		})
	}
	t.Run("java", func(t *testing.T) {
		cmd := exec.Command("java", "-version")
		if _, err := exec.LookPath("java"); err != nil {
			t.Skip("NOT TESTED: there is no java here")
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		what := ""
		for end := time.Now().Add(5 * time.Second); what == "" && time.Now().Before(end); what = Repeats(cmd.Process.Pid) {
		}
		if what != "java" && what != "" {
			t.Errorf("%q", what)
		}
	})
	t.Run("go", func(t *testing.T) {
		cmd, ask := startRandom(t)
		ask()
		if what := Repeats(cmd.Process.Pid); what != "" {
			t.Errorf("%q", what)
		}
	})
}
