package dispatch

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// merge writes the logs of several instances as one, in the order of their times.
type merge struct {
	follow bool                    // a line that has not ended is left for later
	logs   map[string]*instanceLog // by path
}

// instanceLog is how far an instance's log has been read.
type instanceLog struct {
	name   string // of the instance
	offset int64
	at     string // time of the last line that had one
	reader *bufio.Reader
	file   *os.File
	line   string // the next one, whole; "": none
}

// copy writes what the logs have now and has not been written.
func (m *merge) copy(w io.Writer, paths []string) error {
	var open []*instanceLog
	defer func() {
		for _, l := range open {
			l.file.Close()
		}
	}()
	for _, path := range paths {
		l := m.logs[path]
		if l == nil {
			l = &instanceLog{name: strings.TrimSuffix(filepath.Base(path), ".log")}
			m.logs[path] = l
		}
		switch grown, err := l.open(path); {
		case err != nil:
			return err
		case grown:
			open = append(open, l)
		}
	}
	out := bufio.NewWriterSize(w, 32<<10)
	for _, l := range open {
		if err := l.next(m.follow); err != nil {
			return err
		}
	}
	for l := first(open); l != nil; l = first(open) {
		if err := l.put(out); err != nil {
			return err
		}
		if err := l.next(m.follow); err != nil {
			return err
		}
	}
	return out.Flush()
}

// first is the log whose next line is the oldest; nil when none has one.
func first(logs []*instanceLog) (oldest *instanceLog) {
	for _, l := range logs {
		if l.line != "" && (oldest == nil || l.at < oldest.at) {
			oldest = l
		}
	}
	return oldest
}

// open is false where a log has nothing new. One that has become shorter has been cut, see trim.
func (l *instanceLog) open(path string) (grown bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < l.offset {
		l.offset = 0
	}
	if err == nil && info.Size() > l.offset {
		_, err = f.Seek(l.offset, io.SeekStart)
		grown = err == nil
	}
	if !grown {
		return false, cmp.Or(f.Close(), err)
	}
	l.file, l.reader = f, bufio.NewReaderSize(f, 32<<10)
	return true, nil
}

// next reads the line that follows.
func (l *instanceLog) next(follow bool) error {
	line, err := l.reader.ReadString('\n')
	switch {
	case err == nil:
	case !errors.Is(err, io.EOF):
		return err
	case follow || line == "":
		l.line = ""
		return nil
	}
	l.offset += int64(len(line))
	if l.line = line; stamped(line) {
		l.at = line[:stampWidth]
	}
	return nil
}

// stampWidth is how long the time is that init writes before every line: 2006-01-02T15:04:05.000Z.
const stampWidth = 24

func stamped(line string) bool {
	return len(line) > stampWidth && line[stampWidth] == '\t' && line[stampWidth-1] == 'Z' && line[10] == 'T' && line[4] == '-'
}

// put writes the line. One without a time is not init's: it is as old as the one before it.
func (l *instanceLog) put(out *bufio.Writer) error {
	rest := "-\t" + l.line
	if stamped(l.line) {
		rest = l.line[stampWidth+1:]
	}
	if !strings.HasSuffix(rest, "\n") {
		rest += "\n"
	}
	_, err := out.WriteString(cmp.Or(l.at, "-") + "\t" + l.name + "\t" + rest)
	return err
}
