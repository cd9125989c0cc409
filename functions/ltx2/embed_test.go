package ltx2

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/text/texttest"
)

// TestAPromptAsAVector: the last hidden states' mean, of length 1, the same for the same words and another one for others.
func TestAPromptAsAVector(t *testing.T) {
	texttest.Vectors(t, openModel(t, tinyBundle(t)).Describe().Embed)
}
