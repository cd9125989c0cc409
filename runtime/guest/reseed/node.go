package reseed

import (
	_ "embed"
	"os"
	"path/filepath"
)

//go:embed node.cjs
var nodeScript []byte

// NodeScript is the name of the script in an instance's folder.
const NodeScript = "node-restore.cjs"

// nodeSignal is what the script listens to instead of opening its mark where it may not: SIGSTKFLT, which no machine sends.
const nodeSignal = 16

// InstallNode writes the script into an instance's folder and gives the option that makes Node.js load it.
func InstallNode(dir string) (nodeOption string, err error) {
	path := filepath.Join(dir, NodeScript)
	if err := os.WriteFile(path, nodeScript, 0o644); err != nil {
		return "", err
	}
	return "--require=" + path, nil
}
