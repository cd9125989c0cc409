// Command ltx2 is the function of LTX-2 models: it serves the bundle at VIDEOSDGX_MODEL.
package main

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/ltx2"
	"github.com/videosdgx/videosdgx/functions/serve"
)

func main() { handler.Main(serve.Bundle(ltx2.Open)) }
