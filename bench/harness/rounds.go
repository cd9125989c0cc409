package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
)

// RoundCount is how many times a program asks each of its questions, with a part of its calls each time. What drifts on
// a machine within minutes is then in every figure alike, and the spread between rounds is that of the machine, not of
// neighbouring calls. Ten give an interval of 97.9 % for a median without any assumption.
const RoundCount = 10

// Rounds calls ask once per round. Under a suite a round begins when the suite grants it, so that the rounds of all its
// programs alternate and each program's lie spread over the whole run.
func Rounds(ctx context.Context, ask func(ctx context.Context, round int) error) error {
	for round := range RoundCount {
		if err := turns().next(ctx); err != nil {
			return err
		}
		if err := ask(ctx, round); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	return nil
}

// Share is how many of n calls fall into a round.
func Share(n, round int) int { return n*(round+1)/RoundCount - n*round/RoundCount }

// TurnsEnv names the two file descriptors of a program that takes turns: "3,4" means that it writes a byte to 3 to ask
// for its next one and finds a byte in 4 when it has it.
const TurnsEnv = "VIDEOSDGX_BENCH_TURNS"

// turnTaking is a program's side of it; nil when it runs by itself.
type turnTaking struct{ ask, granted *os.File }

var taking *turnTaking

// turns opens the descriptors at the first use. Nothing that the program starts inherits them.
func turns() *turnTaking {
	var ask, granted int
	if n, _ := fmt.Sscanf(os.Getenv(TurnsEnv), "%d,%d", &ask, &granted); n == 2 && taking == nil {
		syscall.CloseOnExec(ask)
		syscall.CloseOnExec(granted)
		taking = &turnTaking{descriptor(ask), descriptor(granted)}
	}
	return taking
}

func descriptor(n int) *os.File { return os.NewFile(uintptr(n), "turns "+strconv.Itoa(n)) }

// next returns when it is this program's turn.
func (t *turnTaking) next(ctx context.Context) error {
	if t == nil {
		return ctx.Err()
	}
	if _, err := t.ask.Write([]byte{'?'}); err != nil {
		return fmt.Errorf("ask the suite for a turn: %w", err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(t.granted, make([]byte, 1))
		got <- err
	}()
	select {
	case err := <-got:
		if err != nil {
			return errors.Join(errors.New("the suite has gone"), err)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
