// Command waver is the function of Waver models: it serves the bundle at VIDEOSDGX_MODEL.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/waver"
)

func main() { handler.Main(serve.Bundle(open)) }

func open(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Warn(waver.Notice, "bundle", m.Name)
	return waver.Open(ctx, m)
}
