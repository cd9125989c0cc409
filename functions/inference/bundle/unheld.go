package bundle

import (
	"errors"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/lora"
)

// unheld is the Fault of LoRAs that make of a weight what its type in the base does not hold, FP16 above all: the base's own was held.
func unheld(err error) error {
	var fault *lora.Fault
	if !errdefs.IsInvalidArgument(err) || errors.As(err, &fault) {
		return err
	}
	return &lora.Fault{Detail: "the LoRAs make a weight that the model does not hold: a smaller strength may do; " + strings.TrimSuffix(err.Error(), ": "+errdefs.ErrInvalidArgument.Error())}
}
