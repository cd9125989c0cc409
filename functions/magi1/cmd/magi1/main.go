// Command magi1 is the function of MAGI-1 models: it serves the bundle at VIDEOSDGX_MODEL.
package main

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/magi1"
	"github.com/videosdgx/videosdgx/functions/serve"
)

func main() { handler.Main(serve.Bundle(magi1.Open)) }
