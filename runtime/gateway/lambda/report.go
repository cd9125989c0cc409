package lambda

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// tailSize is how much of a log LogType=Tail gives, in bytes.
const tailSize = 4 << 10

// logResult is the end of an invocation's log in base64: what the function logged between the lines that Lambda puts
// around it, since tools read durations from them.
func logResult(inv spec.Invocation, fn spec.Function, res *spec.Result, t spec.Trailer) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "START RequestId: %s Version: %s\n", inv.ID, res.Version)
	if b.Write(t.LogTail); len(t.LogTail) > 0 && !bytes.HasSuffix(t.LogTail, []byte("\n")) {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "END RequestId: %s\nREPORT RequestId: %[1]s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB\t",
		inv.ID, milliseconds(t.Run), math.Ceil(milliseconds(t.Run)), fn.Limits.Memory/mib)
	if t.MaxMemory > 0 {
		fmt.Fprintf(&b, "Max Memory Used: %d MB\t", (t.MaxMemory+mib-1)/mib)
	}
	if d := res.Phases.Init; d > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", milliseconds(d))
	}
	if d := res.Phases.Restore; d > 0 {
		fmt.Fprintf(&b, "Restore Duration: %.2f ms\t", milliseconds(d))
	}
	switch t.ErrorType {
	case "Sandbox.Timedout":
		b.WriteString("Status: timeout\t")
	case "Runtime.ExitError":
		b.WriteString("Status: error\tError Type: Runtime.ExitError\t")
	}
	b.WriteByte('\n')
	text := b.Bytes()
	return base64.StdEncoding.EncodeToString(text[max(0, len(text)-tailSize):])
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
