package cuda

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// trialBytes of device memory are held in a trial: enough to see that memory travels, too little to disturb anybody.
const trialBytes = 16 << 20

// ServeTrial is the other end of Trial, to be called by the program that it starts. It writes "ready" when it holds
// device memory and "ok" or what is wrong with that memory for each line it reads; it ends with its input.
func ServeTrial(library string, in io.Reader, out io.Writer) error {
	check, err := Hold(library, trialBytes)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	for s := bufio.NewScanner(in); s.Scan(); {
		said := "ok"
		if err := check(); err != nil {
			said = err.Error()
		}
		if _, err := fmt.Fprintln(out, said); err != nil {
			return err
		}
	}
	return nil
}

// Trial freezes and thaws a small CUDA process and checks that its memory came back: the only way to know that a machine
// can. cmd is a program that calls ServeTrial; Trial starts it and ends it. An error of class NotImplemented says that the
// driver cannot do it here.
func Trial(ctx context.Context, p Phases, cmd *exec.Cmd) (t Timing, err error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return t, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return t, err
	}
	if err := cmd.Start(); err != nil {
		return t, err
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer func() {
		stop()
		in.Close()
		time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() }) // a process left locked does not end by itself
		err = errors.Join(err, cmd.Wait())
	}()
	return roundTrip(ctx, p, cmd.Process.Pid, in, bufio.NewReader(out))
}

func roundTrip(ctx context.Context, p Phases, pid int, in io.Writer, out *bufio.Reader) (t Timing, err error) {
	if err := expect(out, "ready"); err != nil {
		return t, err
	}
	if t, err = Freeze(ctx, p, []int{pid}); err != nil {
		return t, err
	}
	thawed, err := Thaw(ctx, p, []int{pid})
	t.Restore, t.Unlock = thawed.Restore, thawed.Unlock
	if err != nil {
		return t, err
	}
	if _, err := io.WriteString(in, "check\n"); err != nil {
		return t, err
	}
	return t, expect(out, "ok")
}

func expect(out *bufio.Reader, want string) error {
	line, err := out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("waiting for %q: %w", want, err)
	}
	if line != want+"\n" {
		return fmt.Errorf("waiting for %q, got %q", want, line)
	}
	return nil
}
