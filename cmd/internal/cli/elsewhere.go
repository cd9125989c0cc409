package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/videosdgx/videosdgx/runtime/near"
)

// elsewhere says what does here what these words do in Docker and Ollama, as the end of a sentence.
var elsewhere = map[string]string{
	"run":     "'videosdgx generate PROMPT' makes a clip, 'videosdgx invoke FUNCTION' calls any function",
	"exec":    "'videosdgx invoke FUNCTION' calls a function, 'videosdgx logs FUNCTION' shows what it says",
	"pull":    "'videosdgx models pull' downloads a checkpoint, 'videosdgx deploy' takes images of registries",
	"push":    "'videosdgx image build FOLDER --push' does it",
	"build":   "'videosdgx image build FOLDER' makes an image, 'videosdgx models build CHECKPOINT' a bundle",
	"create":  "'videosdgx init NAME' begins a function, 'videosdgx deploy FOLDER' registers it",
	"start":   "'videosdgx serve' starts the server; functions start when they are asked",
	"kill":    "'videosdgx stop FUNCTION' ends its instances",
	"images":  "'videosdgx ps --functions' lists functions with their images, 'videosdgx image build FOLDER' makes one",
	"list":    "'videosdgx models ls' lists models, 'videosdgx ps' what runs",
	"ls":      "'videosdgx models ls' lists models, 'videosdgx ps' what runs",
	"show":    "'videosdgx models inspect MODEL' shows a model, 'videosdgx jobs show ID' a job",
	"inspect": "'videosdgx models inspect MODEL' shows a model, 'videosdgx jobs show ID' a job",
	"stats":   "'videosdgx ps' shows what instances hold, 'videosdgx analytics' what the queue has done",
	"login":   "VIDEOSDGX_KEY, VIDEOSDGX_KEY_FILE or --key-file has the key for a server; 'videosdgx keys create NAME' makes one",
}

// noCommand is the sentence for a word that is no command; cobra's own is several lines, and offers rm for run.
func noCommand(root *cobra.Command, err error) error {
	var name string
	if _, e := fmt.Sscanf(err.Error(), "unknown command %q for", &name); e != nil {
		return err
	}
	if says := elsewhere[name]; says != "" {
		return fmt.Errorf("there is no command %q: %s", name, says)
	}
	var all []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			all = append(all, c.Name())
		}
	}
	if like := near.Names(name, all); len(like) > 0 {
		return fmt.Errorf("there is no command %q; did you mean 'videosdgx %s'?", name, strings.Join(like, "' or 'videosdgx "))
	}
	return fmt.Errorf("there is no command %q; 'videosdgx --help' lists those there are", name)
}

// fits says by a flag's type what would do as its value.
var fits = map[string]string{
	"int": "a whole number", "int64": "a whole number", "uint": "a whole number from 0 on", "float64": "a number", "float32": "a number",
	"duration": "a time such as 30s or 2h", "bool": "true or false",
}

// wrongValue is the sentence for a flag's value that is missing or cannot be read; other errors are as they are.
func wrongValue(cmd *cobra.Command, err error) error {
	var none *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	switch {
	case errors.As(err, &none):
		name := "--" + none.GetSpecifiedName()
		if short := none.GetSpecifiedShortnames(); short != "" {
			name = "-" + short[len(short)-1:]
		}
		return fmt.Errorf("%s needs a value: '%s --help' says which", name, cmd.CommandPath())
	case errors.As(err, &bad) && fits[bad.GetFlag().Value.Type()] != "":
		return fmt.Errorf("--%s is %q: %s would do", bad.GetFlag().Name, bad.GetValue(), fits[bad.GetFlag().Value.Type()])
	}
	return err
}
