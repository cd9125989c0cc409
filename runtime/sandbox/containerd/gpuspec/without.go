//go:build !cgo

package gpuspec

import "errors"

type library = any

func (d *Devices) write() error {
	return errors.New("this build cannot ask the NVIDIA driver (it was built without cgo): install a CDI specification with `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`")
}
