package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// player is a program that runs, and takes turns if it asks for them.
type player struct {
	Program
	stand
	out      bytes.Buffer
	asks     chan struct{} // one for each turn that it wants
	granting *os.File
	ended    chan error
	over     bool
	failed   error
	worked   time.Duration // what it had the machine for
	report   *harness.Report
}

// stand is where a program is, and what it measures.
type stand struct {
	programs string // folder of the compiled programs
	tree     string // checkout that it runs in; "": the working directory's
	binary   string // videosdgx
	cache    string // below Options.Cache: one tree's bundles are not for another's programs; "": that itself
}

func newPlayer(p Program, s stand) *player {
	return &player{Program: p, stand: s, asks: make(chan struct{}), ended: make(chan error, 1)}
}

// players are one for each program.
func players(s stand, programs []Program) (all []*player) {
	for _, p := range programs {
		all = append(all, newPlayer(p, s))
	}
	return all
}

// start starts it with pipes for asking and granting as its descriptors 3 and 4.
func (m *player) start(ctx context.Context, o Options) error {
	args := strings.Fields(strings.ReplaceAll(o.arguments(m.Program), "DIR", filepath.Join(o.Cache, m.cache)))
	if !m.NoServer {
		args = append(args, "-bin", m.binary)
	}
	if !m.NoDriver {
		args = append(args, "-driver", o.Driver)
	}
	asked, ask, err := os.Pipe()
	if err != nil {
		return err
	}
	granted, grant, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(m.programs, m.Name), args...)
	cmd.Dir = m.tree
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&m.out, tables{o.Out}), o.Err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it cleans up
	cmd.WaitDelay = time.Minute
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), harness.TurnsEnv+"=3,4"), []*os.File{ask, granted}
	err = cmd.Start()
	ask.Close()
	granted.Close()
	if err != nil {
		return err
	}
	m.granting = grant
	go m.listen(asked)
	go func() { m.ended <- cmd.Wait() }()
	return nil
}

// listen hears what it asks, until it has gone.
func (m *player) listen(asked *os.File) {
	defer asked.Close()
	for b := make([]byte, 1); ; {
		if _, err := asked.Read(b); err != nil {
			return
		}
		m.asks <- struct{}{}
	}
}

// wait returns when it wants its next turn, or has ended.
func (m *player) wait() {
	begin := time.Now()
	defer func() { m.worked += time.Since(begin) }()
	select {
	case <-m.asks:
	case m.failed = <-m.ended:
		m.over = true
		m.granting.Close()
	}
}

// grant gives it a turn. One that has just died is found out by wait.
func (m *player) grant() { m.granting.Write([]byte{'!'}) }

func (m *player) playing() bool { return m.failed == nil && !m.over }

// end reads its report, which is its last line.
func (m *player) end() error {
	if m.failed != nil {
		return m.failed
	}
	lines := bytes.Split(bytes.TrimSpace(m.out.Bytes()), []byte("\n"))
	r := new(harness.Report)
	if err := json.Unmarshal(lines[len(lines)-1], r); err != nil {
		return fmt.Errorf("its last line is no report: %w", err)
	}
	m.report = r
	return nil
}
