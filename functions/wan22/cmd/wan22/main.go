// Command wan22 is the function of Wan 2.2 models: it serves the bundle at VIDEOSDGX_MODEL.
package main

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan22"
)

func main() { handler.Main(serve.Bundle(wan22.Open)) }
