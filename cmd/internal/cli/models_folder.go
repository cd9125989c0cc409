package cli

import (
	"context"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/runtime/client"
)

// addModelsFlag gives cmd the --models flag that modelsDir reads, and the server that it asks.
func addModelsFlag(cmd *cobra.Command) {
	cmd.Flags().String("models", "", "folder of bundles (environment: VIDEOSDGX_MODELS; default: that of the server that runs here, else "+defaultModels()+")")
	addServerFlag(cmd)
}

// defaultModels is where a server that is started without a word keeps its bundles.
func defaultModels() string {
	c := daemon.Default()
	if data := os.Getenv("VIDEOSDGX_DATA"); data != "" {
		c.Data = data
	}
	c.Models = ""
	return c.WithDefaults().Models
}

// modelsDir is the folder of bundles: the one that was named, else the one of the server on this machine, else the default.
func modelsDir(cmd *cobra.Command) string {
	dir, _ := cmd.Flags().GetString("models")
	if dir != "" {
		return dir
	}
	if dir = os.Getenv("VIDEOSDGX_MODELS"); dir == "" {
		dir = serversModels(cmd)
	}
	if dir == "" {
		dir = defaultModels()
	}
	_ = cmd.Flags().Set("models", dir) // asked once; a flag of text takes any
	return dir
}

// answering is how long a server on this machine may take to say where its models are.
const answering = 2 * time.Second

// serversModels is the folder of the server that --server names, if it runs here: another machine's paths mean nothing.
func serversModels(cmd *cobra.Command) string {
	c, err := newClient(cmd)
	if err != nil || !here(c) {
		return ""
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), answering)
	defer cancel()
	about, err := c.About(ctx)
	if err != nil || !filepath.IsAbs(about.Models) {
		return "" // none runs, or one that does not say
	}
	return about.Models
}

// here tells whether a server is on this machine, as far as its address shows.
func here(c *client.Client) bool {
	u, err := url.Parse(c.URL())
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "unix" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// folderBytes sums up the sizes of the files below a folder.
func folderBytes(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
