// Package ready is the command holdfast probe ready, by which a kubelet asks whether the probe of its pod
// listens. It is no request of the kubelet's own: a mesh may have such a one go through a proxy that starts
// after the probe.
package ready

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/internal/probe"
)

// patience is how long the probe may take to answer.
const patience = 3 * time.Second

// Command is the command holdfast probe ready.
func Command() *cobra.Command {
	var port int
	c := &cobra.Command{
		Use:   "ready",
		Short: "say whether the probe beside it listens",
		Long:  "holdfast probe ready asks the probe of the same pod whether it listens, and fails where it does not.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if port < 1 || port > 65535 {
				return &cli.Error{Code: cli.Wrong, Err: fmt.Errorf("--metrics-port is %d; it must be a port from 1 to 65535", port)}
			}
			return Ask(c.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		},
	}
	c.Flags().IntVar(&port, "metrics-port", int(probe.MetricsPort), "the port at which the probe answers")
	cli.Explain(c, cli.Wrong)
	return c
}

// Ask asks the probe at an address; nil says that it listens.
func Ask(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("ask the probe: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy of the environment
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the probe: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 1<<10) // the status says it
	if resp.StatusCode != http.StatusOK {
		return errors.New("the probe answers " + resp.Status)
	}
	return nil
}
