package handler

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
)

// CheckDefaults holds the defaults of a schema of requests to its own bounds: a checkpoint may say what nobody could ask for.
func CheckDefaults(raw json.RawMessage) error {
	s, err := schema.Compile(raw)
	if err != nil {
		return err
	}
	all := schema.Object{}
	s.Fill(all)
	for _, w := range s.Check(all) {
		if !w.Missing {
			return fmt.Errorf("the checkpoint's defaults cannot be asked for: %s: %w", strings.TrimSuffix(w.Detail, "."), errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
