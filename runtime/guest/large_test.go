package guest

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// TestEventsUseMemoryOneAfterTheOther: each comes back as it is, whatever lay where it was kept, over a connection that is
// kept and over new ones.
func TestEventsUseMemoryOneAfterTheOther(t *testing.T) {
	dial := boot(t)
	var line client.Line
	defer line.Close()
	for i, n := range []int{1<<20 - 5, 300 << 10, 1<<20 - 5, 256 << 10, 256<<10 + 1, 16 << 10, 16<<10 + 1, 1, 0, 700 << 10, wire.MaxData - 5, 1<<20 - 5} {
		want := strings.Repeat(fmt.Sprintf("%08d", i), n/8+1)[:n]
		call := client.Call{Head: wire.InvokeHead{ID: fmt.Sprint("large-", i)}, Payload: []byte("echo:" + want)}
		ask := line.Invoke
		if i%3 == 2 {
			ask = client.Invoke
		}
		resp, err := ask(t.Context(), dial, call)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		got, err := io.ReadAll(resp)
		if resp.Close(); err != nil || string(got) != want {
			t.Errorf("%d bytes: %d come back, as they were: %v, %v", n, len(got), string(got) == want, err)
		}
	}
}
