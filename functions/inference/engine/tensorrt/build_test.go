package tensorrt

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// TestMain lets this test's program be the planner that Builder starts.
func TestMain(m *testing.M) {
	if os.Getenv("VIDEOSDGX_TEST_PARENT") != "" {
		os.Exit(parent(os.Args[1], os.Args[2], os.Args[3], os.Args[4]))
	}
	if os.Getenv("CUDA_VISIBLE_DEVICES") == "this-is-the-planner" {
		os.Exit(Serve(os.Stdin, os.Stdout, os.NewFile(3, "plan")))
	}
	os.Exit(m.Run())
}

// planner has Builder start this program as the planner.
func planner(t *testing.T) string {
	t.Helper()
	t.Setenv("CUDA_VISIBLE_DEVICES", "this-is-the-planner")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// compile makes a shared library of C source: a TensorRT that does what a test wants.
func compile(t *testing.T, name, source string) string {
	t.Helper()
	dir := t.TempDir()
	c, lib := filepath.Join(dir, "fake.c"), filepath.Join(dir, name)
	if err := os.WriteFile(c, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", lib, c).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v: %s", err, out)
	}
	return lib
}

// shimFor is the shim that `make build` made.
func shimFor(t *testing.T, name string) string {
	t.Helper()
	bin := os.Getenv("VIDEOSDGX_TEST_BIN")
	if bin == "" {
		t.Skip("VIDEOSDGX_TEST_BIN is not set: `make test` builds the shims")
	}
	path := filepath.Join(bin, "lib", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

const fakeVersion = `int getInferLibMajorVersion(void){return %MAJOR;} int getInferLibMinorVersion(void){return %MINOR;} int getInferLibPatchVersion(void){return 7;}
#include <unistd.h>
#include <stdlib.h>
void *createInferBuilder_INTERNAL(void *log, int v){ %BUILDER }
void *createNvOnnxParser_INTERNAL(void *n, void *l, int v){ return 0; }
`

func fake(t *testing.T, file, major, minor, builder string) string {
	return compile(t, file, strings.NewReplacer("%MAJOR", major, "%MINOR", minor, "%BUILDER", builder).Replace(fakeVersion))
}

// graph is a small one whose weight lies in an external file.
func graph(t *testing.T) string {
	return enginetest.Write(t, func(b *onnx.Builder) {
		x := b.Input("x", onnx.Float32, 4, 8)
		w := b.Weight("w", onnx.Float32, []int64{8, 16}, func(w io.Writer) error {
			_, err := w.Write(make([]byte, 4*8*16))
			return err
		})
		b.Output("y", b.Op("MatMul", []onnx.Value{x, w}), onnx.Float32, 4, 16)
	})
}

func TestVersionsThatDoNotFitAreRefusedInOneSentence(t *testing.T) {
	for _, c := range []struct{ file, shim, major, minor, say string }{
		{"libnvinfer.so.10", "libvdx_trt10.so", "10", "13", "is version 10.13.7, this shim was compiled for TensorRT 10.14 and later 10.x"},
		{"libnvinfer.so.11", "libvdx_trt11.so", "12", "0", "is version 12.0.7, this shim was compiled for TensorRT 11.0 and later 11.x"},
		{"libtensorrt_rtx.so.1", "libvdx_trtrtx1.so", "1", "7", "is version 1.7.7, this shim was compiled for TensorRT-RTX 1.6 alone"},
	} {
		_, err := Load(Install{Library: fake(t, c.file, c.major, c.minor, "return 0;"), Shim: shimFor(t, c.shim)})
		if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(), "run `make setup-tensorrt`") {
			t.Errorf("%s %s.%s: %v", c.file, c.major, c.minor, err)
		}
	}
	lib, err := Load(Install{Family: Enterprise, Library: fake(t, "libnvinfer.so.10", "10", "16", "return 0;"), Shim: shimFor(t, "libvdx_trt10.so")})
	if err != nil || lib.Name() != "TensorRT 10.16.7" {
		t.Fatalf("10.16 for the shim of 10.14: %v", err)
	}
	lib.Close()
	lib.Close()
}

func TestABuilderThatMisbehavesLeavesNothing(t *testing.T) {
	path, temporary := filepath.Join(t.TempDir(), "x.plan"), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for _, c := range []struct {
		name, builder, say string
		limit              time.Duration
		is                 func(error) bool
	}{
		{"crashes", "abort();", "SIGABRT: abort", 0, errdefs.IsInternal},
		{"ends", "write(2, \"licence expired\\n\", 16); _exit(3);", "it last said: licence expired", 0, errdefs.IsInternal},
		{"hangs", "for(;;) sleep(1);", "took longer than", 300 * time.Millisecond, errdefs.IsDeadlineExceeded},
		{"gives none", "return 0;", "TensorRT makes no builder", 0, errdefs.IsFailedPrecondition},
	} {
		t.Run(c.name, func(t *testing.T) {
			lib := fake(t, "libnvinfer.so.11", "11", "2", c.builder)
			b := Builder{Install: Install{Family: Enterprise, Library: lib, Parser: lib, Shim: shimFor(t, "libvdx_trt11.so")}, Planner: planner(t), Grace: 100 * time.Millisecond}
			err := b.Build(context.Background(), Recipe{Model: graph(t), Limits: ResourceLimits{Time: c.limit}}, path, nil)
			if err == nil || !c.is(err) || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%v", err)
			}
			for _, dir := range []string{filepath.Dir(path), temporary} {
				left, _ := os.ReadDir(dir)
				for _, e := range left {
					if strings.HasPrefix(e.Name(), "videosdgx-plan-") || strings.Contains(e.Name(), "partial") {
						t.Errorf("%v is left", e)
					}
				}
			}
		})
	}
}

func TestACancelledBuildEndsWithItsCause(t *testing.T) {
	lib := fake(t, "libnvinfer.so.11", "11", "2", "for(;;) sleep(1);")
	b := Builder{Install: Install{Family: Enterprise, Library: lib, Parser: lib, Shim: shimFor(t, "libvdx_trt11.so")}, Planner: planner(t), Grace: 100 * time.Millisecond}
	ctx, cancel := context.WithCancelCause(context.Background())
	err := b.Build(ctx, Recipe{Model: graph(t)}, filepath.Join(t.TempDir(), "x.plan"), func(r Report) {
		if r.Library == "TensorRT 11.2.7" {
			cancel(errdefs.ErrAborted)
		}
	})
	if !errdefs.IsAborted(err) {
		t.Error(err)
	}
}

// parent is a server that builds a plan, and says on standard output when the planner works.
func parent(lib, shim, graph, dir string) int {
	exe, _ := os.Executable()
	b := Builder{Install: Install{Family: Enterprise, Library: lib, Parser: lib, Shim: shim}, Planner: exe}
	p := Plans{Dir: dir, Library: "TensorRT 11.2.7", Builder: &b, Tell: func(_ string, r Report) { os.Stdout.WriteString(r.Library + "\n") }}
	_, err := p.Plan(context.Background(), graph, Target{Capability: 90})
	os.Stderr.WriteString(err.Error())
	return 1
}

// A server that is killed as a plan is built takes the planner with it, and the next build takes away what it left.
func TestAKilledServersPlannerEnds(t *testing.T) {
	lib, dir := fake(t, "libnvinfer.so.11", "11", "2", "for(;;) sleep(1);"), t.TempDir()
	cmd := exec.Command(planner(t), lib, shimFor(t, "libvdx_trt11.so"), graph(t), dir)
	cmd.Env, cmd.Stderr = append(os.Environ(), "VIDEOSDGX_TEST_PARENT=1"), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "TensorRT 11.2.7\n" {
		t.Fatalf("%q, %v", line, err)
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var children []string
	for _, task := range tasks {
		raw, _ := os.ReadFile(task) // a thread may have ended
		children = append(children, strings.Fields(string(raw))...)
	}
	if len(children) != 1 {
		t.Fatalf("the planner is not among %v", children)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + children[0] + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("the planner goes on: %s", state)
		}
	}
	folder := filepath.Join(dir, "tensorrt-11.2.7-sm_90")
	if left, _ := filepath.Glob(filepath.Join(folder, partialPrefix+"*")); len(left) != 1 {
		t.Errorf("nothing was being written: %v", left)
	}
	tidy(folder)
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestWhatIsNamedAndIsNoTensorRTIsSaid(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, say := range map[string]string{
		"/nowhere/libnvinfer.so.10": "which cannot be read (no such file or directory)",
		text:                        "a file that is not called like a TensorRT library",
		t.TempDir():                 "a folder without a TensorRT library",
	} {
		t.Setenv(LibraryEnv, path)
		if _, err := Find(); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), LibraryEnv+" is "+path+", "+say) || !strings.Contains(err.Error(), "make setup-tensorrt") {
			t.Errorf("%s: %v", path, err)
		}
	}
	// text, another machine's, and none's
	for name, content := range map[string]string{"libtensorrt_rtx.so.1.6.1": "x", "libnvinfer.so.10": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x03\x00\xb7\x00" + strings.Repeat("\x00", 200)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(LibraryEnv, path)
		all, err := Find()
		if err != nil || len(all) != 1 || all[0].Library != path {
			t.Fatalf("%v, %v", all, err)
		}
		all[0].Shim = shimFor(t, filepath.Base(all[0].Shim))
		if _, err := Load(all[0]); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// a bare name is one of this folder, and a linker's link leads on
	t.Chdir(dir)
	if err := os.Symlink("libnvinfer.so.10", "libnvinfer.so"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"libnvinfer.so.10", "libnvinfer.so"} {
		t.Setenv(LibraryEnv, name)
		if all, err := Find(); err != nil || !filepath.IsAbs(all[0].Library) || filepath.Base(all[0].Library) != "libnvinfer.so.10" {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	t.Setenv(LibraryEnv, t.TempDir())
	if _, err := Find(); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "make setup-tensorrt") {
		t.Error(err)
	}
	_, err := Load(Install{Library: "libnvinfer.so.11", Shim: filepath.Join(t.TempDir(), "libvdx_trt11.so")})
	if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "make tensorrt-shims") {
		t.Error(err)
	}
	t.Setenv(PlannerEnv, "")
	if _, err := FindPlanner(); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "make build") {
		t.Error(err)
	}
}
