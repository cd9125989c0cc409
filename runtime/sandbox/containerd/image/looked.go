package image

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// looked remembers which layouts were found to be right, by the identity of the files that they are: whoever lists functions
// asks after each idle one's image again and again.
type looked struct {
	mu  sync.Mutex
	all map[string]look // by path and tag
}

type look struct {
	files  []string // folders or the archive, and what in them is the image
	print  string
	digest digest.Digest
}

// maxLooks bounds what is remembered; who asks of more layouts has them read again.
const maxLooks = 4096

// digestOf gives a layout's digest, once all that it needs is there in the size that is said of it.
func (k *looked) digestOf(path, tag string, l Limits) (digest.Digest, error) {
	key := path
	if tag != "" {
		key += ":" + tag
	}
	k.mu.Lock()
	known := k.all[key]
	k.mu.Unlock()
	if known.files != nil && printOf(known.files) == known.print {
		return known.digest, nil
	}
	src, err := openSource(path, tag, l)
	if err != nil {
		return "", notAnImage(path, err)
	}
	now := look{files: []string{path}}
	if src.dir != nil { // an archive is one file
		now.files = append(now.files, filepath.Join(path, ocispec.ImageBlobsDir, "sha256")) // folders change with what comes and goes
		for _, name := range src.blobs {
			now.files = append(now.files, filepath.Join(path, name))
		}
	}
	now.print = settled(now.files) // before the index is read: what changes meanwhile is seen the next time
	if err := src.Close(); err != nil {
		return "", err
	}
	if now.digest, err = layoutDigest(path, tag); err == nil {
		k.keep(key, now)
	}
	return now.digest, err
}

func (k *looked) keep(key string, l look) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]look{}
	}
	if len(k.all) >= maxLooks {
		clear(k.all)
	}
	k.all[key] = l
}

// tick is more than the steps in which kernels count the times of files: one that was written twice within one has the times
// of the first.
const tick = 20 * time.Millisecond

// settled is printOf, once the next change of each of the files would be seen in it.
func settled(files []string) string {
	var last int64
	for _, f := range files {
		var st unix.Stat_t
		if unix.Stat(f, &st) == nil {
			last = max(last, st.Ctim.Nano())
		}
	}
	if d := time.Until(time.Unix(0, last).Add(tick)); d > 0 && d <= tick {
		time.Sleep(d)
	}
	return printOf(files)
}

// printOf changes when one of the files is another one, has other content, or is gone.
func printOf(files []string) string {
	var b strings.Builder
	for _, f := range files {
		var st unix.Stat_t
		if err := unix.Stat(f, &st); err != nil {
			fmt.Fprintln(&b, err)
			continue
		}
		fmt.Fprintln(&b, st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
	}
	return b.String()
}
