package dispatch

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Reserved concurrency 0 refuses what comes and what waits; what runs is left to finish, and nothing is kept warm.
func TestAFunctionWithoutConcurrencyIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.box.handle = func(_ *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			time.Sleep(time.Second)
			return e, nil
		}
		r.function("f")
		errs := make(chan error, 2)
		for i := range 2 {
			go func() {
				_, _, err := r.call(t.Context(), "f", fmt.Sprint(i))
				errs <- err
			}()
		}
		synctest.Wait() // one runs, the other waits for it
		none := 0
		r.function("f", func(fn *spec.Function) { fn.Reserved, fn.MinInstances = &none, 1 })
		synctest.Wait()
		throttled := func(err error) {
			t.Helper()
			var retry *spec.RetryError
			if !errors.As(err, &retry) || retry.Reason != spec.OverReserved || retry.After != 0 {
				t.Errorf("%v", err)
			}
		}
		throttled(<-errs)
		if err := <-errs; err != nil {
			t.Errorf("what ran already: %v", err)
		}
		_, _, err := r.call(t.Context(), "f", "3")
		throttled(err)
		r.function("f")
		r.must("f", "4")
		r.end()
	})
}

func TestReservedConcurrencyTakesThePlaceOfTheManifests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		two := 2
		r.function("f", func(fn *spec.Function) { fn.Concurrency, fn.Reserved, fn.MinInstances = 5, &two, 4 })
		synctest.Wait()
		if n := r.box.count(); n != two {
			t.Errorf("%d instances are kept warm, want %d", n, two)
		}
		r.end()
	})
}
