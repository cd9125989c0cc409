package gpuspec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tags.cncf.io/container-device-interface/pkg/cdi"
)

// UnknownError says that no CDI specification names a device.
type UnknownError struct {
	Names  []string         // asked for
	Known  []string         // what there is
	Broken map[string]error // files that cannot be used, by their paths
}

func (e *UnknownError) Error() string {
	text := "no CDI specification names " + strings.Join(e.Names, ", ")
	if len(e.Known) > 0 {
		text += "; " + strings.Join(e.Known, ", ") + " would do"
	}
	for _, path := range slices.Sorted(maps.Keys(e.Broken)) {
		text += fmt.Sprintf("; %s cannot be used (%v): mend it, or remove it", path, e.Broken[path])
	}
	return text
}

// broken are the files that a look at the folders could not use, and why.
func broken(c *cdi.Cache) map[string]error {
	all := map[string]error{}
	for path, errs := range c.GetErrors() {
		for i, err := range errs {
			errs[i] = innermost(err)
		}
		all[path] = errors.Join(errs...)
	}
	return all
}

// innermost is an error without the words around it, which all name the file again.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// tellBroken warns of files that somebody has installed and that are passed over.
func (d *Devices) tellBroken() {
	c, err := d.cache(d.others())
	if err != nil {
		return
	}
	for path, why := range broken(c) {
		d.log().Warn("a CDI specification cannot be used and is passed over: mend it, or remove it", "file", path, "reason", why)
	}
}
