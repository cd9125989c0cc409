package magi1

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/text/texttest"
)

// TestAPromptAsAVector: the hidden states' mean, of length 1, the same for the same words and another one for others.
func TestAPromptAsAVector(t *testing.T) { texttest.Vectors(t, openTiny(t).embed) }
