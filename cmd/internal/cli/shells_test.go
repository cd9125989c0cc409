package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	keyapi "github.com/videosdgx/videosdgx/runtime/gateway/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
)

// TestMain lets this test's program be videosdgx, which shells run.
func TestMain(m *testing.M) {
	if os.Getenv("VIDEOSDGX_TEST_AS_CLI") != "" {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// shells are how each is started so that it prints "ready>" whenever it takes a line, and completes videosdgx.
var shells = map[string]struct {
	file, setup string // its file of settings, below the home folder
	command     []string
}{
	"bash": {".bashrc", "bind 'set enable-bracketed-paste off'\n. /usr/share/bash-completion/bash_completion\n. <(videosdgx completion bash)\nPS1='ready>'\n", []string{"bash", "-i"}},
	"zsh":  {".zshrc", "autoload -U compinit; compinit -u -D\n. <(videosdgx completion zsh)\nPS1='ready>'\n", []string{"zsh", "-i", "-o", "no_global_rcs"}},
	"fish": {".config/fish/config.fish", "videosdgx completion fish | source\nfunction fish_prompt; echo -n 'ready>'; end\nset -g fish_autosuggestion_enabled 0\n", []string{"fish", "-i"}},
}

// TestCompletionInRealShells types lines with a tab into each shell, and looks at what it runs then: names of functions, instances,
// jobs, models, keys, bundles and flags' values.
func TestCompletionInRealShells(t *testing.T) {
	if os.Getenv("VIDEOSDGX_TEST_SHELLS") == "" {
		t.Skip("VIDEOSDGX_TEST_SHELLS is not set: `make setup-test` brings bash-completion, zsh and fish, `make test` sets it")
	}
	server, key := everything(t)
	queue := jobServer(t, nil)
	id, _, err := runCLI(t, t.Context(), "generate", "a dog", "--detach", "--server", queue)
	if err != nil {
		t.Fatal(err)
	}
	id = strings.TrimSpace(id)
	bundles := t.TempDir()
	if err := os.Mkdir(filepath.Join(bundles, "tiny"), 0o700); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{ // what is typed before the tab, and what is run
		"rm ec":                  "rm echo",
		"stop other-":            "stop other-1",
		"logs ot":                "logs other",
		"snapshot create ec":     "snapshot create echo",
		"keys revoke " + key[:3]: "keys revoke " + key,
		"models verify --models " + bundles + " ti":  "models verify --models " + bundles + " tiny",
		"jobs show --server " + queue + " " + id[:5]: "jobs show --server " + queue + " " + id,
		"generate --server " + queue + " --model wa": "generate --server " + queue + " --model wan21",
		"generate --priority h":                      "generate --priority high",
		"models lora inspe":                          "models lora inspect",
	}
	for name := range shells {
		t.Run(name, func(t *testing.T) {
			s := startShell(t, name, server)
			for typed, want := range lines {
				if got := s.complete(typed); got != want {
					t.Errorf("%q became %q, not %q; the terminal: %q", typed, got, want, s.tail())
				}
			}
		})
	}
}

// everything is a server with the functions echo and other, an instance of each, and one key.
func everything(t *testing.T) (url, key string) {
	t.Helper()
	c := &gatewaytest.Catalog{}
	store, err := keys.Open(filepath.Join(t.TempDir(), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := auth.ParseScopes([]string{"manage"})
	if err != nil {
		t.Fatal(err)
	}
	k, _, err := store.Create(keys.Wish{Name: "ana", Scopes: all})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{
		lambda.New(lambda.Options{Invoker: gatewaytest.Invoker(gatewaytest.Echo), Functions: c, Aliases: c}),
		admin.New(admin.Options{Functions: c, Instances: fleet{c}}), keyapi.API{Keys: store},
	}}).Handler())
	t.Cleanup(srv.Close)
	for _, name := range []string{"echo", "other"} {
		if _, _, err := runCLI(t, t.Context(), "deploy", "--name", name, "--image", "x", "--server", srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	return srv.URL, k.ID
}

// typist is a shell on a pseudo-terminal.
type typist struct {
	t      *testing.T
	master *os.File
	ran    string // the file of lines that it has run

	mu     sync.Mutex
	screen bytes.Buffer
	seen   int // bytes of the screen that belong to lines before
}

func startShell(t *testing.T, name, server string) *typist {
	t.Helper()
	how, home := shells[name], t.TempDir()
	s := &typist{t: t, ran: filepath.Join(home, "ran")}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// what completes is this program, and what is run is written down
	program := fmt.Sprintf("#!/bin/sh\ncase $1 in __complete*|completion) VIDEOSDGX_TEST_AS_CLI=1 exec %q \"$@\";; esac\nprintf '%%s\\n' \"$*\" >>%q\n", exe, s.ran)
	for path, text := range map[string]string{"bin/videosdgx": program, how.file: how.setup, "ran": ""} {
		path = filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil { //nolint:gosec // one is a program
			t.Fatal(err)
		}
	}
	master, slave := pseudoTerminal(t, 200)
	cmd := exec.Command(how.command[0], how.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = slave, slave, slave, home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	cmd.Env = []string{"HOME=" + home, "ZDOTDIR=" + home, "PATH=" + home + "/bin:/usr/local/bin:/usr/bin:/bin", "TERM=xterm", "LANG=C.UTF-8", "VIDEOSDGX_SERVER=" + server}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	s.master = master
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(s, master) // EIO once the shell has ended
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); <-done })
	return s
}

func (s *typist) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.Write(p)
}

func (s *typist) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.screen.Bytes()[s.seen:])
}

// until waits for the shell.
func (s *typist) until(what string, is func() bool) {
	s.t.Helper()
	for began := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			s.t.Fatalf("no %s after a minute; the terminal: %q", what, s.tail())
		}
	}
}

// complete types a line and a tab once the shell is ready, has it run, and gives what was run without the program's name.
func (s *typist) complete(typed string) string {
	s.t.Helper()
	s.until("prompt", func() bool { return strings.Contains(s.tail(), "ready>") })
	s.mu.Lock()
	s.seen = s.screen.Len()
	s.mu.Unlock()
	before, err := os.ReadFile(s.ran)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.master.WriteString("videosdgx " + typed + "\t\r"); err != nil {
		s.t.Fatal(err)
	}
	var after []byte
	s.until("run of "+typed, func() bool {
		after, err = os.ReadFile(s.ran)
		return err == nil && len(after) > len(before) && after[len(after)-1] == '\n'
	})
	return strings.TrimSpace(string(after[len(before):]))
}

// pseudoTerminal gives both sides of one.
func pseudoTerminal(t *testing.T, columns uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return master, slave
}
