package dispatch

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"
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
	end := make([]byte, kept+1)
	n, err := f.ReadAt(end, info.Size()-kept-1)
	if err != nil && err != io.EOF { //nolint:errorlint // as io.ReaderAt has it
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	end = end[:n]
	if i := bytes.IndexByte(end, '\n'); i >= 0 {
		end = end[i+1:] // a piece of a line has lost its time
	}
	_, err = fmt.Fprintf(f, "%s\t-\tvideosdgx: this log was longer than %d bytes; what was before the last %d is gone\n%s", firstStamp(end), most, kept, end)
	return err
}

// firstStamp is the time of the first line; now where it has none.
func firstStamp(log []byte) string {
	if len(log) > stampWidth && stamped(string(log[:stampWidth+1])) {
		return string(log[:stampWidth])
	}
	return time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
}
