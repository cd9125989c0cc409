package wan

import "github.com/videosdgx/videosdgx/functions/inference/patch"

// patchify is what the patch convolution sees; unpatchify takes the transformer's output, whose channels are innermost.
var patchify, unpatchify = patch.Cut, patch.Join
