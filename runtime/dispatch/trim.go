package dispatch

import (
	"fmt"
	"io"
	"os"
)

// A log may grow to mostLog; then only its end is kept. What a function writes must not fill the disk.
const (
	mostLog = 64 << 20
	keptLog = 1 << 20
)

// trim cuts a log that has grown too long. Whoever writes to it appends, so that it goes on behind what is kept.
func trim(path string, most, kept int64) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= most {
		return nil //nolint:nilerr // no log yet
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	end := make([]byte, kept)
	n, err := f.ReadAt(end, info.Size()-kept)
	if err != nil && err != io.EOF { //nolint:errorlint // as io.ReaderAt has it
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "videosdgx: this log was longer than %d bytes; what was before the last %d is gone\n%s", most, kept, end[:n])
	return err
}
