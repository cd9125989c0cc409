//go:build !cgo

package device

func open() source {
	return none{"this program was built without cgo, which NVML needs; build it with CGO_ENABLED=1"}
}
