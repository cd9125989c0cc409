package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/redis/go-redis/v9"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Store is a jobs.Backend, Feed and Notifier in Redis.
type Store struct {
	db     redis.UniversalClient
	prefix string // of every key
	wakers
}

var (
	_ jobs.Backend  = (*Store)(nil)
	_ jobs.Feed     = (*Store)(nil)
	_ jobs.Notifier = (*Store)(nil)
)

// quiet drops go-redis' own log, which is global and goes to standard error: what fails comes back as an error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

// Open connects to redis://HOST:PORT/DB, rediss:// or unix://; a node of a Redis Cluster stands for its cluster. All nodes
// of a queue use the same address and prefix (default "videosdgx"). secret is how rediss:// is spoken to; nil: the system's authorities vouch for it.
func Open(ctx context.Context, url, prefix string, secret *tls.Config) (*Store, error) {
	opt, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("the queue's address is not one of Redis, such as redis://127.0.0.1:6379/0: %w (%w)", err, errdefs.ErrInvalidArgument)
	}
	if opt.TLSConfig != nil && secret != nil {
		secret = secret.Clone()
		secret.ServerName = opt.TLSConfig.ServerName
		opt.TLSConfig = secret
	}
	opt.MaxRetries = 3
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = 2*time.Second, 5*time.Second, 5*time.Second
	opt.ContextTimeoutEnabled = true
	if prefix == "" {
		prefix = "videosdgx"
	}
	one := redis.NewClient(opt)
	s := &Store{db: one, prefix: "{" + prefix + "}:"}
	if err := s.greet(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	if s.info(ctx, "cluster", "cluster_enabled") == "1" {
		s.db = redis.NewClusterClient(clusterOptions(opt))
		return s, one.Close()
	}
	return s, nil
}

func clusterOptions(o *redis.Options) *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs: []string{o.Addr}, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, ContextTimeoutEnabled: true,
	}
}

// patience is how long Open waits for a Redis that does not answer or still reads its file.
const patience = 30 * time.Second

// refused says that waiting changes nothing: Redis, or its certificate, is not as the configuration has it.
func refused(err error) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	if errors.As(err, &authority) || errors.As(err, &host) || strings.Contains(err.Error(), "remote error: tls: ") {
		return true
	}
	for _, word := range []string{"DENIED ", "NOAUTH ", "WRONGPASS ", "NOPERM "} {
		if strings.HasPrefix(err.Error(), word) {
			return true
		}
	}
	return false
}

// greet waits until there is a Redis, and checks that it is not too old.
func (s *Store) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		err := s.db.Ping(ctx).Err() // unlike INFO, it fails while the data are being loaded
		if err == nil {
			return s.version(ctx)
		}
		if refused(err) {
			return fmt.Errorf("the queue's Redis lets nobody in: %w", classify(err))
		}
		if last == nil || ctx.Err() == nil {
			last = err // one that the end of the wait brought says nothing
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the queue's Redis does not answer: %w", classify(last))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Store) version(ctx context.Context) error {
	v := s.info(ctx, "server", "redis_version")
	if major, err := strconv.Atoi(strings.SplitN(v, ".", 2)[0]); err == nil && major < 6 {
		return fmt.Errorf("the queue's Redis is version %s: 6 or later is needed: %w", v, errdefs.ErrFailedPrecondition)
	}
	return nil
}

// info gives one field of INFO, "" where the server does not tell it.
func (s *Store) info(ctx context.Context, section, field string) string {
	text, _ := s.db.Info(ctx, section).Result() // some that are managed for their users refuse INFO
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return v
		}
	}
	return ""
}

// Close ends the connections. It may be called twice.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return err
	}
	return nil
}

// classify gives Redis' errors their class.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return errdefs.ErrNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case strings.HasPrefix(err.Error(), "OOM "), strings.HasPrefix(err.Error(), "MISCONF "):
		return fmt.Errorf("%w (%w)", jobs.ErrDiskFull, err)
	}
	return fmt.Errorf("%w (%w)", err, errdefs.ErrUnavailable)
}
