// Command videosdgx-planner builds one TensorRT plan and ends: TensorRT's builder may crash, hang or take all memory, and
// must not do so in a function. It reads a tensorrt.Order as JSON from standard input, writes the plan to file descriptor 3
// and tells tensorrt.Report, one JSON document a line, on standard output. SIGTERM cancels.
package main

import (
	"os"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

func main() { os.Exit(tensorrt.Serve(os.Stdin, os.Stdout, os.NewFile(3, "plan"))) }
