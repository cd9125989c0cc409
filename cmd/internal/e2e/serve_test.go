package e2e

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServePrintsListeningAndStopsCleanlyOnSIGTERM(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("echo", "echo", "")
		s := h.serve(t)
		if !strings.HasPrefix(s.url, "http://127.0.0.1:") {
			t.Errorf("listening on %q", s.url)
		}
		s.do(t, "POST", "/fn/echo/", `{"a":1}`).want(t, 200)
		if len(pidsOf(h.data)) < 2 {
			t.Error("the function's processes are not found: the search for left ones would find none either")
		}
		begin := time.Now()
		s.stop()
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("the stop took %s", took)
		}
		if s.cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("ended with %v\n%s", s.cmd.ProcessState, s.log)
		}
		nothingLeft(t, h.data)
	})
}

func TestSIGTERMLetsInvocationsInFlightFinish(t *testing.T) {
	h := newHome(t, "process")
	h.function("echo", "echo", "")
	s := h.serve(t)
	got := s.works(t, "echo", `{"sleep":"700ms","bytes":10}`)
	s.stop()
	(<-got).want(t, 200)
	if s.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("ended with %v", s.cmd.ProcessState)
	}
}

func TestSettingsComeFromFlagsEnvironmentAndFile(t *testing.T) {
	h := newHome(t, "process")
	file := h.path("videosdgx.yaml")
	if err := os.WriteFile(file, []byte("logFormat: json\nlogLevel: debug\noutputs: "+h.path("elsewhere")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.env = []string{"VIDEOSDGX_LOG_LEVEL=info", "VIDEOSDGX_FUNCTIONS=" + h.path("from-environment"), "VIDEOSDGX_CONFIG=" + file}
	s := h.serve(t, "--functions", h.path("from-flag"))
	for name, want := range map[string]bool{"elsewhere": true, "from-flag": true, "from-environment": false} {
		if _, err := os.Stat(h.path(name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !strings.HasPrefix(s.log.String(), "{") || strings.Contains(s.log.String(), `"DEBUG"`) {
		t.Errorf("the log does not follow file and environment:\n%s", s.log)
	}
}

func TestWrongSettingsAreOneSentence(t *testing.T) {
	h := newHome(t, "process")
	bad := h.path("bad.yaml")
	if err := os.WriteFile(bad, []byte("listne: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"driver":           {[]string{"--driver", "docker"}, []string{"docker", "auto containerd process"}},
		"address":          {[]string{"--listen", "9000"}, []string{"HOST:PORT"}},
		"unknown in file":  {[]string{"--config", bad}, []string{"bad.yaml", "line 1", "listne is no setting"}},
		"no such file":     {[]string{"--config", "/not/there"}, []string{"/not/there"}},
		"data is a file":   {[]string{"--data", bad}, []string{"bad.yaml"}},
		"init is missing":  {[]string{"--init", "/not/there"}, []string{"videosdgx-init", "make build", "--init"}},
		"no such duration": {[]string{"--keep-alive", "soon"}, []string{"--keep-alive", "soon"}},
	} {
		t.Run(name, func(t *testing.T) { says(t, h.refuses(t, c.args...), c.want...) })
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := newHome(t, "process")
	says(t, h.refuses(t, "--listen", l.Addr().String()), l.Addr().String(), "address already in use", "--listen")
}

func TestDataFolderInUse(t *testing.T) {
	h := newHome(t, "process")
	s := h.serve(t)
	says(t, h.refuses(t), h.data, "another videosdgx serve", "--data")
	s.do(t, "GET", "/api/v1/version", "").want(t, 200)
}

func TestSecondSIGTERMDoesNoHarm(t *testing.T) {
	h := newHome(t, "process")
	s := h.serve(t)
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	s.stop()
	if c := s.cmd.ProcessState.ExitCode(); c != 0 && c != -1 {
		t.Errorf("ended with %v", s.cmd.ProcessState)
	}
}

// TestSIGHUPReadsTheConfigurationAgain and ends nothing, whatever the configuration is then.
func TestSIGHUPReadsTheConfigurationAgain(t *testing.T) {
	h := newHome(t, "process")
	h.function("echo", "echo", "")
	file := h.path("videosdgx.yaml")
	configure := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("logFormat: json\nlogsLimit: 1GiB\n")
	s := h.serve(t, "--config", file)
	hangUp := func(heard string) {
		t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		until(t, heard, func() bool { return strings.Contains(s.log.String(), heard) })
	}
	got := s.works(t, "echo", `{"sleep":"700ms","bytes":10}`)
	configure("logFormat: json\nlogsLimit: 2GiB\n")
	hangUp("the configuration has been read again")
	(<-got).want(t, 200)
	s.do(t, "GET", "/api/v1/storage", "").want(t, 200, `"limit":2147483648`)
	configure("logFormat: json\nlogsLimit: 2GiB\nclientQueued: 3\n")
	hangUp(`"needRestart":"clientQueued"`)
	configure("logsLimit: much\n")
	hangUp("the one before goes on")
	s.do(t, "POST", invoke("echo"), `{"a":1}`).want(t, 200)
	s.stop()
	if s.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("ended with %v", s.cmd.ProcessState)
	}
}
