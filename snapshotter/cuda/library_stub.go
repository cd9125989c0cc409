//go:build !cgo || !linux

package cuda

// Library is what a build without cgo has in the driver library's place; none can be opened. The tool still works.
type Library struct {
	Tool
	path string
}

// Open always fails: the driver library needs cgo.
func Open(path string) (*Library, error) {
	if path == "" {
		path = DefaultLibrary
	}
	return nil, &AbsentError{Library: path, Reason: "this program was built without cgo"}
}

// Missing, Version, Devices and Hold are never reached: no Library exists.
func (l *Library) Missing() []string          { return nil }
func (l *Library) Version() (string, error)   { return "", &AbsentError{} }
func (l *Library) Devices() ([]string, error) { return nil, &AbsentError{} }

// Hold fails as Open does.
func Hold(string, int) (func() error, error) { _, err := Open(""); return nil, err }
