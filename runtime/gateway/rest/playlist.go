package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// playlist is GET /jobs/{id}/stream.m3u8: HLS (RFC 8216) over the chunks that are there; while the job runs a player asks again.
func (a *API) playlist(w http.ResponseWriter, r *http.Request) error {
	_, st, err := a.shown(w, r, func(st jobs.Stream, err error) bool { return err == nil && (st.Listed() > 0 || st.Ended) })
	if err != nil {
		return err
	}
	list := hls(st)
	h := w.Header()
	h.Set("Content-Type", "application/vnd.apple.mpegurl")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", entityTag(sha256.Sum256([]byte(list))))
	return serveRanges(w, r, "", time.Time{}, strings.NewReader(list))
}

// hls is the list. It only grows, over the job's attempts too, and no line of it changes but for the end's. It is played from its
// beginning, whenever somebody comes: a player would take it for something live and begin three chunks before the newest.
func hls(st jobs.Stream) string {
	var b strings.Builder
	all, longest := st.Segments(), 1.0
	for _, c := range all {
		longest = max(longest, math.Round(c.Seconds)) // as RFC 8216 counts
	}
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n#EXT-X-MAP:URI=\"chunks/init.mp4\"\n", int(longest))
	for i, c := range all {
		if c.Anew {
			fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"chunks/init.%d.mp4\"\n", i)
		}
		fmt.Fprintf(&b, "#EXTINF:%.6f,\nchunks/%d.m4s\n", c.Seconds, i)
	}
	if st.Ended {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return b.String()
}

var chunkForm = regexp.MustCompile(`^(?:(init)(?:\.([0-9]{1,6}))?\.mp4|([0-9]{1,6})\.m4s)$`)

// chunk is GET /jobs/{id}/chunks/{chunk}: a chunk, or the head that stands before one, the first where none is named.
func (a *API) chunk(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	st, err := a.o.Jobs.Stream(r.Context(), j.ID)
	if err != nil {
		return err
	}
	m := chunkForm.FindStringSubmatch(r.PathValue("chunk"))
	n := 0
	if m != nil {
		n, _ = strconv.Atoi(m[2] + m[3]) // one of them, or none
	}
	if m == nil || n >= st.Listed() {
		return fmt.Errorf("job %s has no chunk %.40q: its stream.m3u8 lists those there are: %w", j.ID, r.PathValue("chunk"), errdefs.ErrNotFound)
	}
	f, at, size, err := st.OpenSegment(n, m[1] != "")
	if err != nil {
		return fmt.Errorf("the chunk is gone: %w: %w", err, errdefs.ErrNotFound)
	}
	defer f.Close()
	return serveChunk(w, r, st.Ended, io.NewSectionReader(f, at, size))
}

// serveChunk answers with a chunk. Its tag is of its bytes, which another attempt's file may have at another place. As long as the job is
// not at its end they may still become others (a full disk took them, or it is retried on another machine), so that caches ask each time.
func serveChunk(w http.ResponseWriter, r *http.Request, whole bool, content *io.SectionReader) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return fmt.Errorf("the chunk cannot be read: %w", err)
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	gateway.Confine(h, false)
	h.Set("Cache-Control", "private, no-cache")
	if whole {
		h.Set("Cache-Control", forGood)
	}
	digest := [sha256.Size]byte(sum.Sum(nil))
	h.Set("ETag", entityTag(digest))
	h.Set("Repr-Digest", reprDigest(hex.EncodeToString(digest[:])))
	return serveRanges(w, r, "", time.Time{}, content)
}
