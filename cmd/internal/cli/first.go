package cli

import (
	"slices"

	"github.com/spf13/cobra"
)

// firstSteps is what the program says when it is asked for nothing: the commands that a newcomer needs, in their order.
const firstSteps = `videosdgx runs video generation models as serverless functions. First steps:

  videosdgx doctor              what this machine has, and how to get the rest
  videosdgx demo                two clips from prompts, one of them with sound
  videosdgx serve               the server, and its page at 127.0.0.1:9000
  videosdgx generate "a boat"   a clip from a prompt, by that server
  videosdgx init hello          a function of your own

videosdgx --help lists all commands; videosdgx COMMAND --help explains one.
`

// The groups that --help lists commands in; what is in none of them is a server's administration.
var groups = []struct {
	id, title string
	commands  []string
}{
	{"first", "First steps:", []string{"doctor", "demo", "serve", "generate", "init"}},
	{"use", "Functions, jobs and models:", []string{"deploy", "invoke", "jobs", "logs", "models", "ps", "rm", "stop"}},
}

func groupCommands(root *cobra.Command) {
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range root.Commands() {
			if slices.Contains(g.commands, c.Name()) {
				c.GroupID = g.id
			}
		}
	}
}
